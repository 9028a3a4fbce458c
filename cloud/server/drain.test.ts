import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { spread } from './drain.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** How many have left after each second. */
async function run(count: number, overMs: number, seconds: number): Promise<{ left: number[]; ended: boolean[] }> {
  let gone = 0;
  let isOver = false;
  void spread(Array.from({ length: count }), overMs, () => gone++).then(() => {
    isOver = true;
  });
  const left: number[] = [];
  const ended: boolean[] = [];
  for (let second = 0; second < seconds; second++) {
    await vi.advanceTimersByTimeAsync(1000);
    left.push(gone);
    ended.push(isOver);
  }
  return { left, ended };
}

test('a thousand leave at an even pace, and it ends with the time', async () => {
  expect(await run(1000, 5000, 6)).toEqual({
    left: [200, 400, 600, 800, 1000, 1000],
    ended: [false, false, false, false, true, true],
  });
});

test('fewer than there are ticks leave one by one; the last at the end', async () => {
  expect((await run(3, 6000, 7)).left).toEqual([0, 1, 1, 2, 2, 3, 3]);
});

test('with nobody there it lasts as long, so that balancers hear of it', async () => {
  expect(await run(0, 2000, 3)).toEqual({ left: [0, 0, 0], ended: [false, true, true] });
});

test('without a time it is over at once and calls nobody', async () => {
  const leave = vi.fn();
  await spread([1, 2], 0, leave);
  expect(leave).not.toHaveBeenCalled();
});

test('cut short it resolves, and nobody is called any more', async () => {
  const cut = new AbortController();
  const leave = vi.fn();
  const drained = spread([1, 2, 3, 4], 4000, leave, cut.signal);
  await vi.advanceTimersByTimeAsync(2000);
  cut.abort();
  await drained;
  await vi.advanceTimersByTimeAsync(4000);
  expect(leave.mock.calls).toEqual([[1], [2]]);
});
