import { describe, expect, it } from 'vitest';
import { ClockLine } from './clock-line.ts';
import { Scheduler } from './scheduler.ts';

function line(edges: number, period: number): { scheduler: Scheduler; clock: ClockLine } {
  const scheduler = new Scheduler(1_000_000);
  const clock = new ClockLine(scheduler);
  clock.configure(edges, period, 0, false, true);
  return { scheduler, clock };
}

describe('ClockLine', () => {
  it.each([
    [1, 1],
    [1, 8],
    [12_000, 1_000_000],
    [12_345, 16_000_000],
    [3, 7],
  ])('%i edges in %i cycles: a tick is counted exactly from its time on', (edges, period) => {
    const { scheduler, clock } = line(edges, period);
    for (const tick of [1, 2, 3, 10, 1000, 12_345]) {
      const at = clock.timeOfTick(tick);
      scheduler.now = at - 1;
      expect(clock.ticks()).toBe(tick - 1);
      scheduler.now = at;
      expect(clock.ticks()).toBe(tick);
    }
  });

  it('does not drift over a year of 16 MHz', () => {
    const { scheduler, clock } = line(12_000, 16_000_000);
    const year = 365 * 24 * 3600;
    scheduler.now = year * 16_000_000;
    expect(clock.ticks()).toBe(year * 12_000);
    expect(clock.timeOfTick(year * 12_000)).toBe(year * 16_000_000);
  });

  it('keeps its phase over folding', () => {
    const { scheduler, clock } = line(3, 7);
    const { scheduler: reference, clock: untouched } = line(3, 7);
    for (let now = 1; now < 200; now++) {
      scheduler.now = reference.now = now;
      clock.fold();
      expect(clock.ticks()).toBe(untouched.ticks());
    }
  });

  it('stands still while gated, unless somebody requests it', () => {
    const { scheduler, clock } = line(1, 4);
    let changes = 0;
    clock.onChange(() => changes++);
    scheduler.now = 40;
    expect(clock.configure(1, 4, 0, true, true)).toBe(true);
    expect(clock.running).toBe(false);
    expect(clock.timeOfTick(11)).toBe(Number.POSITIVE_INFINITY);
    scheduler.now = 80;
    expect(clock.ticks()).toBe(10);
    clock.request(true);
    clock.request(true);
    expect(changes).toBe(1);
    expect(clock.timeOfTick(11)).toBe(84);
    clock.request(false);
    expect(clock.running).toBe(true);
    clock.request(false);
    expect(clock.running).toBe(false);
    expect(changes).toBe(2);
  });

  it('a dead source does not run for anybody', () => {
    const { clock } = line(1, 4);
    clock.configure(1, 4, 0, false, false);
    clock.request(true);
    expect(clock.running).toBe(false);
  });
});
