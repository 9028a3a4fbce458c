/**
 * When what was published leaves: at the end of the turn, so that all of one turn goes together; or, with a window, not
 * sooner after the last time than the window is long. So the first after a pause never waits: one probe that samples
 * every 250 ms is not delayed by a window of 50 ms, and a hundred of them leave in twenty messages a second.
 */

/** Runs something when the code that runs now is done: in Node after all that the same turn of the loop brought. */
function atEndOfTurn(run: () => void): void {
  const { setImmediate } = globalThis as { setImmediate?: (run: () => void) => unknown };
  if (setImmediate) setImmediate(run);
  else queueMicrotask(run);
}

export class EndOfTurn {
  readonly #leave: () => void;
  #isScheduled = false;
  #leftAt = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  /** @param leave called at the end of a turn in which something was wanted */
  constructor(leave: () => void) {
    this.#leave = leave;
  }

  /** Something wants to leave, and may wait so long for company. */
  want(windowMs: number): void {
    if (this.#isScheduled) return;
    const now = performance.now();
    const due = this.#leftAt + windowMs;
    if (windowMs <= 0 || due <= now) {
      this.#isScheduled = true;
      atEndOfTurn(() => {
        if (this.#isScheduled) this.now();
      });
    } else if (due < this.#timerAt) {
      clearTimeout(this.#timer);
      this.#timerAt = due;
      this.#timer = setTimeout(() => this.now(), due - now);
    }
  }

  /** Leaves, if something is wanted. */
  hurry(): void {
    if (this.#isScheduled || this.#timer !== undefined) this.now();
  }

  now(): void {
    this.stop();
    this.#leftAt = performance.now();
    this.#leave();
  }

  /** Forgets what was wanted. */
  stop(): void {
    this.#isScheduled = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
  }
}
