import { expect, it } from 'vitest';
import { Patience } from './patience.ts';

it('never spends more than the shortest delay, before reading and after', () => {
  const patience = new Patience();
  expect([patience.holdMs(50), patience.take()]).toEqual([50, 0]);
  patience.isUsed = true;
  for (const delayMs of [1, 2, 7, 50, 51, 1000]) {
    patience.enter(delayMs);
    patience.note();
    const read = patience.take();
    expect(read + patience.holdMs(delayMs)).toBeLessThanOrEqual(delayMs);
    expect(read).toBeLessThanOrEqual(25);
    patience.leave(delayMs);
  }
  patience.enter(50);
  patience.enter(10);
  patience.enter(10);
  patience.note();
  expect([patience.take(), patience.take()]).toEqual([5, 0]);
  patience.leave(10);
  patience.leave(10);
  patience.note();
  expect(patience.take()).toBe(25);
  patience.leave(50);
  patience.note();
  expect(patience.take()).toBe(0);
});
