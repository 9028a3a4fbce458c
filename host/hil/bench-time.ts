/**
 * The clock of a bench: the machine's own in front of a real board, a virtual one around an emulated board.
 *
 * Virtual time stands still while a test thinks. It runs while somebody waits in `during`: from timer to timer, as fast
 * as the board can be computed, each promise chain settled before the next timer. So a test sees the same run whatever
 * the machine's load, and 10,000 commands do not take the minutes that a UART needs for them.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { EarlError } from '../../errors/index.ts';
import type { Clock } from '../link/index.ts';

export interface BenchTime extends Clock {
  /** Lets time pass until `work` settles, and returns what it settles with. */
  during<T>(work: Promise<T>): Promise<T>;
}

/** The machine's time, which passes by itself. */
export class RealTime implements BenchTime {
  nowMs(): number {
    return performance.now();
  }

  wallMs(): number {
    return Date.now();
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  }

  during<T>(work: Promise<T>): Promise<T> {
    return work;
  }
}

/** As on any machine, a timer runs a little late: a board that is due at 5 ms is past it, not about to begin. */
const TIMER_LATENCY_MS = 0.1;

interface Due {
  readonly atMs: number;
  readonly run: () => void;
}

/** Time that runs while somebody waits. Also the `Timers` of an emulated board (`now`, `after`). */
export class VirtualTime implements BenchTime {
  private time = 0;
  private readonly queue: Due[] = [];
  /** Rejects who waits in `during`, should time itself fail. */
  private readonly waiting = new Set<(error: unknown) => void>();
  private running = false;

  nowMs(): number {
    return this.time;
  }

  now(): number {
    return this.time;
  }

  wallMs(): number {
    return Date.UTC(2026, 0, 1) + this.time;
  }

  after(delayMs: number, run: () => void): () => void {
    const due = { atMs: this.time + (delayMs > 0 ? delayMs + TIMER_LATENCY_MS : 0), run };
    // Few timers wait at a time, and most are due soon: from the end of a list in order of time.
    let index = this.queue.length;
    while (index > 0 && this.queue[index - 1]!.atMs > due.atMs) index--;
    this.queue.splice(index, 0, due);
    return () => {
      const at = this.queue.indexOf(due);
      if (at >= 0) this.queue.splice(at, 1);
    };
  }

  async during<T>(work: Promise<T>): Promise<T> {
    let abandon: (error: unknown) => void = () => {};
    const failed = new Promise<never>((_, reject) => {
      abandon = reject;
    });
    this.waiting.add(abandon);
    if (!this.running) void this.run();
    try {
      return await Promise.race([work, failed]);
    } finally {
      this.waiting.delete(abandon);
    }
  }

  private async run(): Promise<void> {
    this.running = true;
    try {
      await nextTurn();
      while (this.waiting.size > 0) {
        const next = this.queue.shift();
        if (next === undefined) throw new EarlError('HIL_DEADLOCK', 'nothing is due: this wait would never end');
        this.time = next.atMs;
        next.run();
        await nextTurn();
      }
    } catch (error) {
      for (const abandon of this.waiting) abandon(error);
    } finally {
      this.running = false;
    }
  }
}
