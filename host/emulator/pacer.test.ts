import { describe, expect, it } from 'vitest';
import { Pacer, type PacerOptions, type Timers } from './pacer.ts';
import { Scheduler } from './scheduler.ts';

/** A wall clock that moves only when told, and its timers. */
class VirtualWall implements Timers {
  ms = 0;
  fired = 0;
  private waiting: { at: number; run: () => void }[] = [];

  now(): number {
    return this.ms;
  }
  after(ms: number, run: () => void): () => void {
    const entry = { at: this.ms + ms, run };
    this.waiting.push(entry);
    return () => {
      this.waiting = this.waiting.filter((other) => other !== entry);
    };
  }
  /** Lets time pass, timers firing when they are due. */
  pass(ms: number): void {
    const end = this.ms + ms;
    for (;;) {
      const next = this.waiting.reduce<{ at: number; run: () => void } | undefined>(
        (first, entry) => (first === undefined || entry.at < first.at ? entry : first),
        undefined,
      );
      if (next === undefined || next.at > end) break;
      this.waiting = this.waiting.filter((entry) => entry !== next);
      this.ms = Math.max(this.ms, next.at);
      this.fired++;
      next.run();
    }
    this.ms = end;
  }
  /** The machine was busy elsewhere: time passes, nothing fires. */
  stall(ms: number): void {
    this.ms += ms;
  }
}

/** A board without a program: a scheduler, and a CPU that sleeps or not. */
function paced(options: PacerOptions = {}) {
  const wall = new VirtualWall();
  const scheduler = new Scheduler(1_000_000);
  const mcu = { idle: true, scheduler };
  const board = {
    mcu,
    get seconds() {
      return scheduler.seconds();
    },
    runFor: (seconds: number) => scheduler.advanceTo(scheduler.now + scheduler.cycles(seconds)),
  };
  return { wall, scheduler, mcu, board, pacer: new Pacer(board, wall, options) };
}

describe('Pacer', () => {
  it('keeps the board at the wall clock and fires its events in time', () => {
    const { wall, scheduler, pacer, board } = paced();
    const late: number[] = [];
    const every = () => {
      late.push(wall.ms - scheduler.seconds() * 1000);
      scheduler.after(7000, every);
    };
    scheduler.after(7000, every);
    pacer.start();
    wall.pass(1000);
    expect(late.length).toBe(142);
    expect(Math.max(...late)).toBeLessThan(5);
    expect(board.seconds).toBeCloseTo(1, 1);
  });

  it('sleeps while the CPU does and nothing is due', () => {
    const { wall, pacer } = paced();
    pacer.start();
    wall.pass(1000);
    expect(wall.fired).toBeLessThan(25);
  });

  it('heeds a kick that comes while a slice is handed on', () => {
    const slices: number[] = [];
    const { wall, pacer } = paced({
      onSlice: () => {
        slices.push(wall.ms);
        if (slices.length === 1) pacer.kick();
      },
    });
    pacer.start();
    wall.pass(40);
    expect(slices.length).toBe(2);
    expect(slices[1]! - slices[0]!).toBeLessThan(2);
  });

  it('runs a busy CPU in slices without spinning', () => {
    const { wall, pacer, mcu } = paced();
    mcu.idle = false;
    pacer.start();
    wall.pass(1000);
    expect(wall.fired).toBeLessThan(600);
    expect(wall.fired).toBeGreaterThan(300);
  });

  it('catches up after a stall and reports it once', () => {
    const reports: [number, number][] = [];
    const { wall, pacer, board } = paced({ onLag: (lagMs, givenUpMs) => reports.push([lagMs, givenUpMs]) });
    pacer.start();
    wall.pass(100);
    wall.stall(700);
    wall.pass(100);
    expect(board.seconds).toBeCloseTo(0.9, 1);
    expect(reports.length).toBe(1);
    expect(reports[0]![0]).toBeGreaterThan(600);
    expect(reports[0]![1]).toBe(0);
  });

  it('gives up what lies beyond the limit', () => {
    const reports: [number, number][] = [];
    const { wall, pacer, board } = paced({
      maxLagMs: 1000,
      onLag: (lagMs, givenUpMs) => reports.push([lagMs, givenUpMs]),
    });
    pacer.start();
    wall.pass(100);
    wall.stall(3_600_000);
    wall.pass(100);
    expect(board.seconds).toBeLessThan(0.4);
    expect(reports.length).toBe(1);
    expect(reports[0]![1]).toBeGreaterThan(3_500_000);
  });

  it('runs at another speed', () => {
    const { wall, pacer, board } = paced({ speed: 10 });
    pacer.start();
    wall.pass(1000);
    expect(board.seconds).toBeCloseTo(10, 0);
  });

  it('stops, and reports what the board threw', () => {
    const errors: unknown[] = [];
    const { wall, pacer, scheduler } = paced({ onError: (error) => errors.push(error) });
    scheduler.after(1000, () => {
      throw new Error('broken');
    });
    pacer.start();
    wall.pass(100);
    expect(errors).toHaveLength(1);
    const { fired } = wall;
    wall.pass(100);
    expect(wall.fired).toBe(fired);
  });
});
