/**
 * Time as the link sees it: passed in, so that a test turns the hands and the same code runs in Node and in a page.
 */
export interface Clock {
  /** Milliseconds that never run backwards, from an arbitrary origin (`performance.now()`). */
  nowMs(): number;
  /** Milliseconds since 1970; may jump when somebody sets the clock (`Date.now()`). */
  wallMs(): number;
  /** Calls `run` once after `delayMs`; the returned function cancels it. */
  after(delayMs: number, run: () => void): () => void;
}

/** A clock that stands still until it is told to advance: for tests and for replaying recordings. */
export class VirtualClock implements Clock {
  private now = 0;
  private readonly wallOffsetMs: number;
  private readonly timers: { atMs: number; run: () => void }[] = [];

  constructor(wallMs = 0) {
    this.wallOffsetMs = wallMs;
  }

  nowMs(): number {
    return this.now;
  }

  wallMs(): number {
    return this.wallOffsetMs + this.now;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.now + Math.max(0, delayMs), run };
    this.timers.push(timer);
    return () => {
      const index = this.timers.indexOf(timer);
      if (index >= 0) this.timers.splice(index, 1);
    };
  }

  /** Runs what is due in the next `ms`, in order of time, promises settled after each; ends at that time. */
  async advance(ms: number): Promise<void> {
    const endMs = this.now + ms;
    await settle();
    for (;;) {
      const next = this.timers.reduce<{ atMs: number; run: () => void } | undefined>(
        (first, timer) => (first === undefined || timer.atMs < first.atMs ? timer : first),
        undefined,
      );
      if (next === undefined || next.atMs > endMs) break;
      this.timers.splice(this.timers.indexOf(next), 1);
      this.now = next.atMs;
      next.run();
      await settle();
    }
    this.now = endMs;
  }
}

/** Lets a chain of a few promises run out. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 16; turn++) await Promise.resolve();
}
