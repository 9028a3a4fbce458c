import { describe, expect, it } from 'vitest';
import { SampleBuffer } from './sample-buffer.ts';

function filled(count: number, keepSeconds = 300, keepSamples = 15_000): SampleBuffer {
  const buffer = new SampleBuffer(keepSeconds, keepSamples);
  for (let index = 0; index < count; index++) buffer.add(index / 10, [['v', index]]);
  return buffer;
}

describe('SampleBuffer', () => {
  it('keeps the order and the values through growing and moving', () => {
    const buffer = filled(5000, 20);
    const [times, values] = buffer.view(['v'], 0);
    expect(buffer.length).toBe(201);
    expect([...times!].every((time, index) => index === 0 || time > times![index - 1]!)).toBe(true);
    expect([...values!]).toEqual(Array.from({ length: 201 }, (_, index) => 4799 + index));
  });

  it('never holds more samples than it may', () => {
    expect(filled(1000, 1e9, 64).length).toBe(64);
  });

  it('puts a late sample in its place and ignores one that it has', () => {
    const buffer = new SampleBuffer();
    for (const time of [1, 2, 4]) buffer.add(time, [['v', time]]);
    expect(buffer.add(3, [['v', 3]])).toBe(true);
    expect(buffer.add(2, [['v', 99]])).toBe(false);
    expect(buffer.view(['v'], 0).map((column) => [...column])).toEqual([
      [1, 2, 3, 4],
      [1, 2, 3, 4],
    ]);
    expect(buffer.add(4 - 301, [['v', 0]])).toBe(false);
  });

  it('gives one sample before the window, so that a line enters from its edge', () => {
    expect([...filled(10).view(['v'], 0.45)[1]!]).toEqual([4, 5, 6, 7, 8, 9]);
  });

  it('fills quantities that come later or are missing with NaN', () => {
    const buffer = new SampleBuffer();
    buffer.add(1, [['a', 1]]);
    buffer.add(2, [['b', 2]]);
    expect(buffer.view(['a', 'b'], 0).map((column) => [...column])).toEqual([
      [1, 2],
      [1, Number.NaN],
      [Number.NaN, 2],
    ]);
    expect(buffer.last('a')).toBe(1);
  });

  it('sums up a window and measures the rate on probe time', () => {
    const buffer = filled(100);
    expect(buffer.summary('v', 9)).toEqual({ count: 10, min: 90, max: 99, mean: 94.5 });
    expect(buffer.summary('other', 0)).toBeUndefined();
    expect(buffer.rateHz(5)).toBeCloseTo(10, 6);
    expect(filled(1).rateHz(5)).toBeUndefined();
  });
});
