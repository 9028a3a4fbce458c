/** How far a growing number has come, for who waits until it is somewhere. */

interface Waiting {
  readonly number: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class Reached {
  readonly #waiting = new Set<Waiting>();
  #number = 0;
  #closed: Error | undefined;

  has(number: number): boolean {
    return number <= this.#number;
  }

  /** Resolves when the number has come there. Rejects after `close`. */
  wait(number: number): Promise<void> {
    if (this.#closed) return Promise.reject(this.#closed);
    if (this.has(number)) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiting.add({ number, resolve, reject }));
  }

  /** True when the number has come there in time. Rejects after `close`. */
  async within(number: number, timeoutMs: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), timeoutMs);
    });
    try {
      return await Promise.race([this.wait(number).then(() => true), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  advance(number: number): void {
    this.#number = number;
    for (const waiting of this.#waiting) {
      if (waiting.number > number) continue;
      this.#waiting.delete(waiting);
      waiting.resolve();
    }
  }

  /** Begins again, which may be further back; who waits goes on waiting. */
  restart(number: number): void {
    this.#number = 0;
    this.advance(number);
  }

  close(error: Error): void {
    this.#closed = error;
    for (const { reject } of this.#waiting) reject(error);
    this.#waiting.clear();
  }
}
