/**
 * A gateway whose token lives for seconds and stands in a file: renewed there, it goes on without a reconnect and without
 * losing a sample; not renewed, it says what to do, and goes on when that is done.
 */

import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, onTestFailed, test, vi } from 'vitest';
import { type BrokerMessage, LocalBroker } from '../../cloud/broker/index.ts';
import { connect } from '../../cloud/client/index.node.ts';
import type { SenmlRecord } from '../../cloud/protocol/messages.ts';
import { startCloud } from '../../cloud/server/index.ts';
import { TokenFile } from '../../host/cli/token-file.ts';
import { Gateway, type LogEntry, systemClock } from '../../host/gateway/index.ts';
import { emulatedTransport } from '../../host/transport/emulated.ts';
import { KeyFolder } from '../security/cloud-keys.ts';
import { bundleEarl, EarlProcess } from './earl-process.ts';
import { boardUrl } from './images.ts';
import { valuesOf, WireTap } from './wire-tap.ts';

vi.setConfig({ testTimeout: 40_000 });

const site = { publish: ['e2e/#'], serve: ['e2e/+'] };
const keys = new KeyFolder();
beforeAll(() => keys.put('a'));
afterAll(() => keys.remove());

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const file = join(keys.path, 'gateway.token');

/** Puts a token in place as one should: never half of it. */
async function put(inMs: number): Promise<void> {
  writeFileSync(`${file}.new`, `${await keys.token(site, { subject: 'gateway', inMs })}\n`);
  renameSync(`${file}.new`, file);
}

const until = (condition: () => void) => vi.waitFor(condition, { timeout: 15_000, interval: 20 });

test('renewed in its file a token goes on; expired it says what to do, and nothing is lost either way', async () => {
  const broker = new LocalBroker();
  const delivered: BrokerMessage[] = [];
  await broker.subscribe('e2e/+/samples', (message) => delivered.push(message));
  const cloud = await startCloud({ port: 0, broker, keys: keys.file('a') });
  closers.push(() => cloud.close());
  await put(3000);
  const source = new TokenFile(file);
  const log: LogEntry[] = [];
  const errors: string[] = [];
  onTestFailed(() => console.log(log, errors));
  const client = connect({
    url: cloud.url,
    token: (refused) => source.read(refused),
    backoffMs: { first: 50, longest: 250 },
    onHandlerError: (error) => errors.push(String(error)),
  });
  closers.push(() => client.close());
  const tap = new WireTap();
  const transport = emulatedTransport(boardUrl('light'), { trace: tap.trace });
  const gateway = new Gateway({
    site: 'e2e',
    transports: [transport],
    client,
    clock: systemClock,
    log: (entry) => log.push(entry),
  });
  closers.push(() => gateway.close());
  const away = () => log.filter(({ event }) => event === 'cloud-disconnected');

  await until(() => expect(delivered.length).toBeGreaterThan(1));
  const startedAt = Date.now();
  for (let renewals = 0; renewals < 3; renewals++) {
    const before = delivered.length;
    await put(3000);
    await until(() => expect(delivered.length).toBeGreaterThan(before + 5));
  }
  // The first token, and more than one of its successors, have expired by now.
  await until(() => expect(Date.now() - startedAt).toBeGreaterThan(3500));
  expect([away(), errors]).toEqual([[], []]);

  await until(() => expect(away()).toHaveLength(1));
  expect(away()[0]!.message).toMatch(/the token has expired/);
  await until(() => expect(errors).not.toEqual([]));
  expect(errors[0]).toMatch(/gateway\.token expired at .*: put a new one there \(earl token sign/);
  expect(errors).toHaveLength(1);
  await put(60_000);
  await until(() => expect(client.connected).toBe(true));
  await until(() => expect(gateway.waiting).toBe(0));
  const samples = delivered.map(({ data }) => valuesOf(data as unknown as SenmlRecord[]));
  const first = tap.values.indexOf(samples[0]!);
  expect(first).toBeLessThan(3);
  expect(samples).toEqual(tap.values.slice(first, first + samples.length));
});

test('earl gateway takes --token-file, and says what is wrong with one that it cannot use', async () => {
  const cloud = await startCloud({ port: 0, keys: keys.file('a') });
  closers.push(() => cloud.close());
  const earl = await bundleEarl();
  closers.push(async () => earl.remove());
  const gateway = (...args: string[]) => {
    const common = ['gateway', '--probe', 'emu:light', '--cloud', cloud.url, '--site', 'e2e', '--json'];
    const started = new EarlProcess(earl.file, [...common, ...args]);
    closers.push(() => started.stop());
    return started;
  };
  await put(60_000);
  const running = gateway('--token-file', file);
  await running.line(({ event }) => event === 'probe-online');
  await put(61_000);
  const renewed = await running.line(({ event }) => event === 'token-renewed');
  expect(renewed.message).toContain('gateway.token');
  const refused: [string[], unknown, RegExp][] = [
    [['--token', await keys.token(site, { inMs: -1000 })], 1, /token has expired.* --token-file, whose file is read/],
    [['--token', 'x', '--token-file', file], 2, /--token or --token-file, not both/],
    [['--token-file', join(keys.path, 'none')], 2, /token cannot be read: ENOENT/],
  ];
  for (const [args, code, text] of refused) {
    const ended = gateway(...args);
    expect([await ended.exit(), ended.text]).toEqual([code, expect.stringMatching(text)]);
  }
  expect(running.running).toBe(true);
});
