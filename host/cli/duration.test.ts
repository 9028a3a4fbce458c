import { expect, test } from 'vitest';
import { parseDurationMs } from './duration.ts';

test.each([
  ['250ms', 250],
  ['2s', 2000],
  ['2', 2000],
  ['1.5m', 90_000],
  ['1 h', 3_600_000],
  [' 0s ', 0],
])('%s', (text, expected) => {
  expect(parseDurationMs(text)).toBe(expected);
});

test.each(['', 's', '-1s', '2 weeks', '1e3', 'NaN', '1.s'])('refuses "%s" and says what to write', (text) => {
  expect(() => parseDurationMs(text)).toThrow(/250ms or 2s/);
});
