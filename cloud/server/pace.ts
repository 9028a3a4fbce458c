/**
 * Holds the live messages of a subscription back for as long as the client allowed, to deliver them together; with
 * `latest`, only the newest of each topic, so that a topic comes at most once per delay.
 */

import type { BrokerMessage } from '../broker/index.ts';

/** Messages held back at most; one more and they go at once. */
const mostHeld = 10_000;

export class Pace {
  readonly #maxDelayMs: number;
  readonly #latest: boolean;
  readonly #deliver: (messages: readonly BrokerMessage[]) => void;
  /** In the order in which they go: by topic when only the latest counts, else by offset. */
  readonly #held = new Map<string | number, BrokerMessage>();
  #timer: NodeJS.Timeout | undefined;

  constructor(maxDelayMs: number, latest: boolean, deliver: (messages: readonly BrokerMessage[]) => void) {
    this.#maxDelayMs = maxDelayMs;
    this.#latest = latest;
    this.#deliver = deliver;
  }

  push(message: BrokerMessage): void {
    const key = this.#latest ? message.topic : message.offset;
    // Deleted first, so that the order of the map stays that of the offsets.
    if (this.#latest) this.#held.delete(key);
    this.#held.set(key, message);
    if (this.#held.size >= mostHeld) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), this.#maxDelayMs);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#held.clear();
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const messages = [...this.#held.values()];
    this.#held.clear();
    this.#deliver(messages);
  }
}
