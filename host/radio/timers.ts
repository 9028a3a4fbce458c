/**
 * Where the radio takes its time from: the machine's clock, or a clock that a test turns by hand.
 */

export interface Timers {
  /** Milliseconds, monotonic, with a fraction. */
  now(): number;
  /** Runs `run` after `ms` or a little later, never from within this call; returns what cancels it. */
  after(ms: number, run: () => void): () => void;
}

export const nodeTimers: Timers = {
  now: () => performance.now(),
  after: (ms, run) => {
    // setTimeout(0) waits a millisecond; what is due now runs after pending input and output.
    if (ms <= 0) {
      const immediate = setImmediate(run);
      return () => clearImmediate(immediate);
    }
    const timeout = setTimeout(run, ms);
    return () => clearTimeout(timeout);
  },
};

/** A clock that stands still until it is told to advance. Hosts get their turn of the event loop after each timer. */
export class VirtualTimers implements Timers {
  private nowMs = 0;
  private waiting: { atMs: number; run: () => void }[] = [];

  now(): number {
    return this.nowMs;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { atMs: this.nowMs + Math.max(0, ms), run };
    this.waiting.push(timer);
    return () => {
      this.waiting = this.waiting.filter((other) => other !== timer);
    };
  }

  /** Runs what is due in the next `ms`, in order of time; ends at that time. */
  async advance(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    await turn();
    for (;;) {
      const next = this.earliest();
      if (next === undefined || next.atMs > endMs) break;
      this.waiting = this.waiting.filter((other) => other !== next);
      this.nowMs = next.atMs;
      next.run();
      await turn();
    }
    this.nowMs = endMs;
  }

  /** Advances step by step until `condition` holds; throws when it does not within `limitMs`. */
  async until(condition: () => boolean, limitMs = 60_000): Promise<void> {
    const endMs = this.nowMs + limitMs;
    await turn();
    while (!condition()) {
      const next = this.earliest();
      if (next === undefined || next.atMs > endMs) {
        throw new Error(`the condition did not come true within ${limitMs} ms of virtual time`);
      }
      await this.advance(next.atMs - this.nowMs);
    }
  }

  private earliest(): { atMs: number; run: () => void } | undefined {
    let first: { atMs: number; run: () => void } | undefined;
    for (const timer of this.waiting) if (first === undefined || timer.atMs < first.atMs) first = timer;
    return first;
  }
}

/** Lets what is ready in this process run: promises, ticks and immediates. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
