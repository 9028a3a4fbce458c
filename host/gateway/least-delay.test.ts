import { expect, test } from 'vitest';
import { encodeFrame, encodeMessage } from '../link/index.ts';
import { leastDelayMs } from './least-delay.ts';

test('a ball sample is the shortest, and takes its ten bits a byte', () => {
  const frame = encodeFrame({
    ...encodeMessage({ name: 'ball_sample', timeMs: 1, presses: 2, pressed: 0 }),
    sequence: 3,
  });
  expect(leastDelayMs(9600)).toBeCloseTo((frame.length * 10_000) / 9600);
  expect(leastDelayMs(115_200)).toBeCloseTo(leastDelayMs(9600) / 12);
});

test('without a rate nothing is claimed', () => {
  expect(leastDelayMs(undefined)).toBe(0);
});
