/**
 * How soon a worker that died is replaced: at once when it has worked for a while, later and later when workers die young
 * one after the other, and no more after `most` of them, because then it is the program or the machine.
 */

export interface RestartPolicy {
  /** A worker that dies within this time of listening, or before it listens, dies young. */
  readonly youngMs: number;
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
  /** Young deaths in a row that end the cloud. */
  readonly most: number;
}

export const defaultRestarts: RestartPolicy = { youngMs: 3_000, firstDelayMs: 100, longestDelayMs: 3_000, most: 8 };

export class Restarts {
  readonly #policy: RestartPolicy;
  #young = 0;

  constructor(policy: RestartPolicy = defaultRestarts) {
    this.#policy = policy;
  }

  get youngMs(): number {
    return this.#policy.youngMs;
  }

  /**
   * A worker has died.
   *
   * @param listenedMs for how long it had listened; undefined when it never did
   * @returns after how many ms to replace it; undefined when the cloud is to end
   */
  after(listenedMs: number | undefined): number | undefined {
    const { youngMs, firstDelayMs, longestDelayMs, most } = this.#policy;
    if (listenedMs !== undefined && listenedMs >= youngMs) {
      this.#young = 0;
      return 0;
    }
    this.#young += 1;
    if (this.#young >= most) return undefined;
    return this.#young === 1 ? 0 : Math.min(longestDelayMs, firstDelayMs * 2 ** (this.#young - 2));
  }

  /** A worker has worked for longer than it takes to die young. */
  well(): void {
    this.#young = 0;
  }
}
