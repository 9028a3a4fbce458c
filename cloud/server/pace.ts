/**
 * Holds the live messages of a subscription back for as long as the client allowed, to deliver them together; with
 * `latest`, only the newest of each topic, so that a topic comes at most once per delay.
 */

import type { BrokerMessage } from '../broker/index.ts';
import type { Delivery, Held } from './delivery.ts';
import type { Patience } from './patience.ts';

/** Messages held back at most; one more and they go at once. */
const mostHeld = 10_000;

export class Pace {
  readonly #maxDelayMs: number;
  readonly #held: Held;
  readonly #patience: Patience;
  #filters = 0;
  readonly #flush = () => this.#send();
  #timer: NodeJS.Timeout | undefined;

  constructor(maxDelayMs: number, latest: boolean, delivery: Delivery, patience: Patience) {
    this.#maxDelayMs = maxDelayMs;
    this.#patience = patience;
    this.#held = latest ? new HeldLatest(delivery) : (delivery.hold?.() ?? new HeldMessages(delivery));
  }

  /** A filter begins to bring messages. */
  begin(): void {
    this.#filters += 1;
    if (this.#filters === 1) this.#patience.enter(this.#maxDelayMs);
  }

  /** A filter brings none any more. */
  end(): void {
    this.#filters -= 1;
    if (this.#filters === 0) this.#patience.leave(this.#maxDelayMs);
  }

  push(message: BrokerMessage): void {
    this.#held.add(message);
    this.#patience.note();
    this.#timer ??= setTimeout(this.#flush, this.#patience.holdMs(this.#maxDelayMs));
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#held.clear();
  }

  #send(): void {
    this.#timer = undefined;
    this.#held.send();
  }
}

class HeldMessages implements Held {
  readonly #delivery: Delivery;
  #messages: BrokerMessage[] = [];

  constructor(delivery: Delivery) {
    this.#delivery = delivery;
  }

  add(message: BrokerMessage): void {
    this.#messages.push(message);
    if (this.#messages.length >= mostHeld) this.send();
  }

  send(): void {
    const messages = this.#messages;
    this.#messages = [];
    this.#delivery.many(messages);
  }

  clear(): void {
    this.#messages = [];
  }
}

class HeldLatest implements Held {
  readonly #delivery: Delivery;
  /** In the order in which they go: that of their offsets. */
  readonly #messages = new Map<string, BrokerMessage>();

  constructor(delivery: Delivery) {
    this.#delivery = delivery;
  }

  add(message: BrokerMessage): void {
    // Deleted first, so that the order of the map stays that of the offsets.
    this.#messages.delete(message.topic);
    this.#messages.set(message.topic, message);
    if (this.#messages.size >= mostHeld) this.send();
  }

  send(): void {
    const messages = [...this.#messages.values()];
    this.#messages.clear();
    this.#delivery.many(messages);
  }

  clear(): void {
    this.#messages.clear();
  }
}
