import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Bucket, PublishRate } from './rate.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('a bucket', () => {
  it('gives a burst, then its rate, and never more than a burst after a pause', () => {
    let nowMs = 0;
    const bucket = new Bucket({ perSecond: 10, burst: 5 }, () => nowMs);
    const taken = () => {
      let count = 0;
      while (bucket.tryTake()) count += 1;
      return count;
    };
    expect(taken()).toBe(5);
    expect(taken()).toBe(0);
    nowMs += 250;
    expect(taken()).toBe(2);
    nowMs += 50;
    expect(taken()).toBe(1);
    nowMs += 3_600_000;
    expect(taken()).toBe(5);
  });

  it('remembers debts', () => {
    let nowMs = 0;
    const bucket = new Bucket({ perSecond: 10, burst: 1 }, () => nowMs);
    expect(Array.from({ length: 4 }, () => bucket.take())).toEqual([0, 100, 200, 300]);
    nowMs += 200;
    expect(bucket.debtMs()).toBe(100);
    nowMs += 100;
    expect(bucket.debtMs()).toBe(0);
  });
});

describe('a publish rate', () => {
  it('stops reading until the debt is paid, whatever had been read already', () => {
    const reading: boolean[] = [];
    const rate = new PublishRate({ perSecond: 10, burst: 5 }, (on) => reading.push(on));
    for (let count = 0; count < 5; count++) rate.count();
    expect(reading).toEqual([]);
    for (let count = 0; count < 10; count++) rate.count();
    expect(reading).toEqual([false]);
    vi.advanceTimersByTime(990);
    expect(reading).toEqual([false]);
    vi.advanceTimersByTime(20);
    expect(reading).toEqual([false, true]);
    rate.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});
