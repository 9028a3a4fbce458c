import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { EndOfTurn } from './end-of-turn.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** When it left, in ms since the beginning. */
function turns() {
  const startedAt = performance.now();
  const left: number[] = [];
  return { left, turn: new EndOfTurn(() => left.push(performance.now() - startedAt)) };
}

it('leaves once at the end of a turn, however much is wanted', () => {
  const { left, turn } = turns();
  for (let count = 0; count < 10; count++) turn.want(0);
  expect(left).toEqual([]);
  vi.advanceTimersByTime(0);
  expect(left).toEqual([0]);
});

it('with a window: the first after a pause does not wait, and nothing waits longer than the window', () => {
  const { left, turn } = turns();
  for (let ms = 0; ms < 1000; ms += 250) {
    turn.want(50);
    vi.advanceTimersByTime(250);
  }
  expect(left).toEqual([0, 250, 500, 750]);
  left.length = 0;
  for (let ms = 0; ms < 200; ms += 10) {
    turn.want(50);
    vi.advanceTimersByTime(10);
  }
  expect(left).toEqual([1000, 1050, 1100, 1150, 1200]);
});

it('what must not wait takes along what may', () => {
  const { left, turn } = turns();
  turn.want(50);
  vi.advanceTimersByTime(10);
  turn.want(50);
  turn.want(1000);
  turn.want(0);
  vi.advanceTimersByTime(1);
  expect(left).toEqual([0, 10]);
  turn.want(50);
  turn.hurry();
  turn.hurry();
  expect(left).toEqual([0, 10, 11]);
  vi.advanceTimersByTime(1000);
  expect(left).toHaveLength(3);
});
