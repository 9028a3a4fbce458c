import { expect, test } from 'vitest';
import { TimeMap } from './time-map.ts';

/** Numbers in 0 up to 1 with a seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface World {
  /** Probe milliseconds that pass per true millisecond, at a true time. */
  readonly speed: (trueMs: number) => number;
  readonly intervalMs: number;
  readonly seconds: number;
  readonly startProbeMs?: number;
  readonly seed?: number;
}

const LEAST_DELAY_MS = 12;

/** Runs a probe whose samples take 12 ms and up to 40 ms more, now and then 300 ms; returns the errors of the map. */
function run({ speed, intervalMs, seconds, startProbeMs = 0, seed = 1 }: World) {
  const random = seeded(seed);
  const map = new TimeMap(LEAST_DELAY_MS);
  const errors: { trueMs: number; errorMs: number }[] = [];
  const mappedTimes: number[] = [];
  let probeMs = startProbeMs;
  let arrivalMs = 0;
  for (let trueMs = 1000; trueMs < 1000 * seconds; trueMs += intervalMs) {
    probeMs += intervalMs * speed(trueMs);
    const delay = LEAST_DELAY_MS + 40 * random() ** 2 + (random() < 0.02 ? 300 : 0);
    arrivalMs = Math.max(arrivalMs, trueMs + delay); // a wire keeps the order
    const mapped = map.observe(Math.floor(probeMs) % 2 ** 32, arrivalMs)!;
    expect(mapped).toBeLessThanOrEqual(arrivalMs);
    mappedTimes.push(mapped);
    errors.push({ trueMs, errorMs: mapped - trueMs });
  }
  expect(mappedTimes).toEqual([...mappedTimes].sort((a, b) => a - b));
  const settled = errors.filter(({ trueMs }) => trueMs > 15_000).map(({ errorMs }) => Math.abs(errorMs));
  return { map, worstMs: Math.max(...settled), meanMs: settled.reduce((a, b) => a + b, 0) / settled.length };
}

test.each([
  ['an exact clock', 1],
  ['a clock 3 % slow', 0.97],
  ['a clock 3 % fast', 1.03],
  ['an uncalibrated VLO, 30 % slow', 0.7],
])('%s is followed through jitter', (_, rate) => {
  const { map, worstMs, meanMs } = run({ speed: () => rate, intervalMs: 250, seconds: 300 });
  expect(map.rate).toBeCloseTo(1 / rate, 2);
  expect(meanMs).toBeLessThan(3);
  expect(worstMs).toBeLessThan(15);
});

test('a clock that wanders by a percent in a minute is followed', () => {
  const wander = (trueMs: number) => 1.02 + 0.01 * Math.sin((2 * Math.PI * trueMs) / 120_000);
  const { meanMs, worstMs } = run({ speed: wander, intervalMs: 250, seconds: 600 });
  expect(meanMs).toBeLessThan(15);
  expect(worstMs).toBeLessThan(60);
});

test('a step of two percent is learnt within the window', () => {
  const { map } = run({ speed: (trueMs) => (trueMs < 60_000 ? 0.99 : 1.01), intervalMs: 250, seconds: 120 });
  expect(map.rate).toBeCloseTo(1 / 1.01, 2);
});

test.each([20, 10_000])('works at an interval of %i ms', (intervalMs) => {
  const { worstMs } = run({ speed: () => 1.02, intervalMs, seconds: intervalMs === 20 ? 60 : 3600 });
  expect(worstMs).toBeLessThan(40);
});

test('the wrap of the counter is no event', () => {
  const { worstMs } = run({ speed: () => 1.02, intervalMs: 250, seconds: 120, startProbeMs: 2 ** 32 - 60_000 });
  expect(worstMs).toBeLessThan(15);
});

test('time that runs backwards is a restart: the map begins anew', () => {
  const map = new TimeMap();
  for (let n = 0; n < 100; n++) map.observe(50_000 + 250 * n, 250 * n);
  expect(map.observe(250, 26_000)).toBeUndefined();
  expect(map.observe(500, 26_250)).toBe(26_250);
  expect(map.toHostMs(250)).toBe(26_000);
});

test('a message a little older than the one before is no restart', () => {
  const map = new TimeMap();
  map.observe(10_000, 1000);
  expect(map.observe(9_900, 1010)).toBe(1000);
  expect(map.toHostMs(9_900)).toBe(900);
});

test('a host that slept for an hour begins anew', () => {
  const map = new TimeMap();
  for (let n = 0; n < 100; n++) map.observe(250 * n, 250 * n + 30);
  expect(map.observe(3_600_000, 25_000)).toBe(25_000);
});

test('knows nothing before the first observation', () => {
  expect(new TimeMap().toHostMs(5)).toBeUndefined();
  expect(new TimeMap().rate).toBe(1);
});
