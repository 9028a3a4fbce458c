import { expect, test } from 'vitest';
import { validVectors } from '../../test/vectors/vectors.ts';
import { type Message, messages } from './messages.ts';
import { isSample, senmlPack } from './senml.ts';

const ID = '02c0ffee00000001';

test('a light sample becomes a pack with units', () => {
  const sample = { name: 'light_sample', timeMs: 5, illuminance: 412, temperature: 2310, supply: 2987 } as const;
  expect(senmlPack(sample, ID, 1_795_300_000.1234)).toEqual([
    { bn: 'urn:dev:earl:02c0ffee00000001:', bt: 1_795_300_000.123, n: 'light', u: 'lx', v: 412 },
    { n: 'temp', u: 'Cel', v: 23.1 },
    { n: 'supply', u: 'V', v: 2.987 },
  ]);
});

test('acceleration is in m/s2, without the noise of binary fractions', () => {
  const sample = { name: 'arm_sample', timeMs: 5, x: 1000, y: -3, z: 7 } as const;
  expect(senmlPack(sample, ID, 0).map(({ n, u, v }) => [n, u, v])).toEqual([
    ['x', 'm/s2', 9.80665],
    ['y', 'm/s2', -0.02941995],
    ['z', 'm/s2', 0.06864655],
  ]);
});

test('every number in a pack is short', () => {
  for (let temperature = -4000; temperature <= 8500; temperature += 7) {
    const sample = { name: 'light_sample', timeMs: 0, illuminance: 1, temperature, supply: 3001 } as const;
    for (const { v } of senmlPack(sample, ID, 0)) expect(String(v).length).toBeLessThanOrEqual(7);
  }
});

test('only samples are samples', () => {
  const names = Object.keys(messages).filter((name) => isSample({ name } as Message));
  expect(names).toEqual(['ball_sample', 'arm_sample', 'light_sample']);
});

test('names and units follow RFC 8428 and its registry', () => {
  const registered = new Set(['count', '/', 'Cel', 'V', 'm/s2', 'lx']); // of section 12.1, what Earl uses
  for (const { message } of validVectors) {
    if (!isSample(message)) continue;
    const pack = senmlPack(message, ID, 1);
    expect(new Set(pack.map(({ n }) => n)).size).toBe(pack.length);
    for (const { bn = '', n, u } of pack) {
      expect(bn + n).toMatch(/^$|^[A-Za-z0-9][A-Za-z0-9\-:./_]*$/);
      expect(registered.has(u), u).toBe(true);
    }
  }
});
