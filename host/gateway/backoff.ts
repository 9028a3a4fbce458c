/**
 * Delays between attempts: exponential with full jitter, so that gateways that lost the same thing at the same moment do
 * not come back at the same moment. Knows nothing about timers.
 */

export interface BackoffOptions {
  /** Upper bound of the first delay, ms. */
  readonly firstMs: number;
  /** Upper bound of every later delay, ms. */
  readonly longestMs: number;
  /** 0 to 1; Math.random when absent. */
  readonly random?: () => number;
}

/** No delay is shorter, whatever the dice say: a transport that fails at once must not spin. */
const SHORTEST_MS = 20;

export class Backoff {
  private attempt = 0;
  private readonly options: BackoffOptions;

  constructor(options: BackoffOptions) {
    this.options = options;
  }

  /** The delay before the next attempt, ms. */
  next(): number {
    const { firstMs, longestMs, random = Math.random } = this.options;
    const bound = Math.min(longestMs, firstMs * 2 ** Math.min(this.attempt, 30));
    this.attempt++;
    return Math.max(SHORTEST_MS, Math.round(bound * random()));
  }

  /** The last attempt succeeded: begin again with the first delay. */
  reset(): void {
    this.attempt = 0;
  }
}
