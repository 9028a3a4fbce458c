import { expect, test } from 'vitest';
import { Backoff } from './backoff.ts';

test('doubles the bound up to the longest delay and starts again after reset', () => {
  const backoff = new Backoff({ firstMs: 100, longestMs: 450, random: () => 1 });
  expect([backoff.next(), backoff.next(), backoff.next(), backoff.next(), backoff.next()]).toEqual([
    100, 200, 400, 450, 450,
  ]);
  backoff.reset();
  expect(backoff.next()).toBe(100);
});

test('spreads delays over the whole range, but never spins', () => {
  expect(new Backoff({ firstMs: 100, longestMs: 1000, random: () => 0.5 }).next()).toBe(50);
  expect(new Backoff({ firstMs: 100, longestMs: 1000, random: () => 0 }).next()).toBe(20);
});

test('survives more attempts than a double has bits', () => {
  const backoff = new Backoff({ firstMs: 100, longestMs: 5000, random: () => 1 });
  for (let attempt = 0; attempt < 2000; attempt++) backoff.next();
  expect(backoff.next()).toBe(5000);
});
