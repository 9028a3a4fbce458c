import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Heartbeat } from './heartbeat.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** Ticks every 2 s: asks after 15 s, waits 8 s. */
function heartbeat() {
  const said: string[] = [];
  const startedAt = Date.now();
  const note = (what: string) => said.push(`${what} ${Math.round((Date.now() - startedAt) / 1000)}`);
  const beat = new Heartbeat({
    keepaliveMs: 15_000,
    pongMs: 8_000,
    ask: () => note('ask'),
    onDead: () => {
      note('dead');
      beat.stop();
    },
    onWake: () => note('wake'),
  });
  beat.start();
  return { beat, said };
}

/** Lets so many seconds pass, in each of which something happens. */
function pass(seconds: number, each: () => void = () => {}): void {
  for (let second = 0; second < seconds; second++) {
    vi.advanceTimersByTime(1000);
    each();
  }
}

it('gives up a connection that is not welcomed', () => {
  const { said } = heartbeat();
  pass(60);
  expect(said).toEqual(['dead 16']);
});

it('asks when no answer came, and gives up when none comes in time', () => {
  const { beat, said } = heartbeat();
  beat.welcomed();
  pass(10, () => beat.answered());
  pass(60);
  expect(said).toEqual(['ask 28', 'dead 36']);
});

it('does not ask while answers come', () => {
  const { beat, said } = heartbeat();
  beat.welcomed();
  pass(300, () => beat.answered());
  expect(said).toEqual([]);
});

it('is patient while messages arrive, but they are no answer', () => {
  const { beat, said } = heartbeat();
  beat.welcomed();
  pass(100, () => beat.heard());
  expect(said).toEqual(['ask 18', 'dead 66']);
});

it('takes an answer behind many messages', () => {
  const { beat, said } = heartbeat();
  beat.welcomed();
  pass(50, () => beat.heard());
  beat.answered();
  pass(14, () => beat.heard());
  expect(said).toEqual(['ask 18']);
});

it('asks at once after a sleep, with the whole time for the answer', () => {
  const { beat, said } = heartbeat();
  beat.welcomed();
  pass(4, () => beat.answered());
  vi.setSystemTime(Date.now() + 3_600_000);
  pass(2);
  expect(said).toEqual(['ask 3606', 'wake 3606']);
  beat.answered();
  pass(8);
  expect(said).toHaveLength(2);
});

it('notices sleep while there is no connection', () => {
  const { beat, said } = heartbeat();
  beat.rest();
  pass(60);
  vi.setSystemTime(Date.now() + 60_000);
  pass(2);
  expect(said).toEqual(['wake 122']);
});
