/** The suite: every case, in the order of the report. One worker runs it against one target (host/hil/run.ts). */
import { afterAll, beforeAll, describe } from 'vitest';
import { theBench } from './case.ts';
import { faultCases } from './faults.ts';
import { identityCases } from './identity.ts';
import { ledCases } from './leds.ts';
import { linkCases } from './link.ts';
import { radioModuleCases } from './radio-module.ts';
import { restartCases } from './restarts.ts';
import { sensorCases } from './sensors.ts';
import { timingCases } from './timing.ts';

beforeAll(async () => {
  await theBench();
}, 60_000);

afterAll(async () => {
  const bench = await theBench().catch(() => undefined);
  await bench?.close();
}, 60_000);

describe('identity', identityCases);
describe('leds', ledCases);
describe('sensors and motor', sensorCases);
describe('timing', timingCases);
describe('link', linkCases);
describe('restarts', restartCases);
describe('radio module', radioModuleCases);
describe('bus faults', faultCases);
