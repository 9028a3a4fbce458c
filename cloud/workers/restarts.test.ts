/** How soon workers are replaced. */
import { expect, it } from 'vitest';
import { defaultRestarts, Restarts } from './restarts.ts';

it('at once for one that had worked, whenever and however often', () => {
  const restarts = new Restarts();
  for (let count = 0; count < 100; count++) expect(restarts.after(60_000)).toBe(0);
});

it('later and later for those that die young, and no more after some in a row', () => {
  const restarts = new Restarts();
  const delays = Array.from({ length: defaultRestarts.most }, (_, index) => restarts.after(index % 2 ? 10 : undefined));
  expect(delays).toEqual([0, 100, 200, 400, 800, 1600, 3000, undefined]);
});

it('a worker that lives begins the count anew', () => {
  const restarts = new Restarts();
  for (let count = 0; count < 5; count++) restarts.after(undefined);
  restarts.well();
  expect(restarts.after(undefined)).toBe(0);
  expect(restarts.after(60_000)).toBe(0);
  expect(restarts.after(0)).toBe(0);
});
