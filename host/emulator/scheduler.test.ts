import { describe, expect, it } from 'vitest';
import { Scheduler } from './scheduler.ts';

describe('Scheduler', () => {
  it('runs events in order of time, and of scheduling within a cycle', () => {
    const scheduler = new Scheduler(1_000_000);
    const seen: string[] = [];
    const log = (name: string) => () => seen.push(`${name}@${scheduler.now}`);
    scheduler.after(30, log('c'));
    scheduler.after(10, log('a'));
    scheduler.after(20, log('b1'));
    scheduler.after(20, log('b2'));
    scheduler.advanceTo(25);
    expect(seen).toEqual(['a@10', 'b1@20', 'b2@20']);
    expect(scheduler.now).toBe(25);
    expect(scheduler.nextAt).toBe(30);
  });

  it('runs what an event schedules for the same time', () => {
    const scheduler = new Scheduler(1_000_000);
    const seen: number[] = [];
    scheduler.after(5, () => {
      scheduler.after(0, () => seen.push(1));
      scheduler.schedule(2, () => seen.push(2));
    });
    scheduler.advanceTo(5);
    expect(seen).toEqual([1, 2]);
  });

  it('cancels from anywhere in the queue', () => {
    const scheduler = new Scheduler(1_000_000);
    const seen: number[] = [];
    const events = [50, 10, 40, 20, 30, 60].map((at) => scheduler.schedule(at, () => seen.push(at)));
    for (const index of [3, 0, 3]) scheduler.cancel(events[index]);
    scheduler.cancel(undefined);
    scheduler.advanceTo(100);
    expect(seen).toEqual([10, 30, 40, 60]);
    scheduler.cancel(events[1]);
    expect(scheduler.nextAt).toBe(Number.POSITIVE_INFINITY);
  });

  it('keeps time in seconds when the frequency changes', () => {
    const scheduler = new Scheduler(1_000_000);
    let ran = Number.NaN;
    scheduler.after(2000, () => {
      ran = scheduler.seconds();
    });
    scheduler.advanceTo(1000);
    scheduler.setFrequency(16_000_000);
    expect(scheduler.seconds()).toBeCloseTo(0.001, 12);
    expect(scheduler.nextAt).toBe(1000 + 16_000);
    scheduler.advanceTo(20_000);
    expect(ran).toBeCloseTo(0.002, 12);
  });
});
