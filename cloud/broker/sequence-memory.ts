/**
 * The last accepted sequence number of each publisher, for deduplication.
 *
 * Bounded: the publisher that was silent for longest is forgotten first; should it then repeat an old message, that
 * message is delivered again.
 */
export class SequenceMemory {
  readonly #mostPublishers: number;
  readonly #onForgotten: (publisher: string) => void;
  readonly #last = new Map<string, number>();

  /** @param onForgotten called with a publisher that was forgotten to make room */
  constructor(mostPublishers: number, onForgotten: (publisher: string) => void = () => {}) {
    this.#mostPublishers = mostPublishers;
    this.#onForgotten = onForgotten;
  }

  /** Whether this number, or a greater one, was accepted from the publisher. */
  has(publisher: string, seq: number): boolean {
    return seq <= (this.#last.get(publisher) ?? -1);
  }

  /** True, once, for a number greater than all that this publisher had accepted. */
  accept(publisher: string, seq: number): boolean {
    const last = this.#last.get(publisher);
    this.#last.delete(publisher);
    this.#last.set(publisher, last === undefined ? seq : Math.max(last, seq));
    if (this.#last.size > this.#mostPublishers) {
      const silent = this.#last.keys().next().value!;
      this.#last.delete(silent);
      this.#onForgotten(silent);
    }
    return last === undefined || seq > last;
  }
}
