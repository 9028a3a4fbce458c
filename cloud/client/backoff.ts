/**
 * How long a client waits before it connects again: full jitter (Brooker, "Exponential backoff and jitter", 2015). Each
 * delay is random between 0 and a bound that doubles up to the longest, so that the clients of a cloud that restarted do
 * not return all at once. The bound starts anew when a connection has lasted as long as the longest delay.
 *
 * A cloud that says it is shutting down (4101) has another in its place, or soon will: its clients come back within the
 * first bound, unless they had only just come.
 */

import { closeCodes } from '../protocol/index.ts';

export interface BackoffLimits {
  readonly first: number;
  readonly longest: number;
}

/** A connection must have lasted for so many first bounds that its shutting down is honoured. */
const settledBounds = 4;

export class Backoff {
  readonly #limits: BackoffLimits;
  #attempt = 0;

  constructor(limits: BackoffLimits) {
    this.#limits = limits;
  }

  /**
   * Milliseconds until the next attempt.
   * @param upMs how long the connection lasted after it was welcomed; 0 when it never was
   */
  next(code: number, upMs: number): number {
    const { first, longest } = this.#limits;
    if (upMs >= longest || (code === closeCodes.shuttingDown && upMs >= settledBounds * first)) this.#attempt = 0;
    const bound = Math.min(longest, first * 2 ** Math.min(this.#attempt, 30));
    this.#attempt += 1;
    return Math.random() * bound;
  }
}
