/**
 * Holds the live messages of a subscription back for as long as the client allowed, to deliver them together; with
 * `latest`, only the newest of each topic, so that a topic comes at most once per delay.
 */

import type { BrokerMessage } from '../broker/index.ts';
import type { Delivery, Held } from './delivery.ts';

/** Messages held back at most; one more and they go at once. */
const mostHeld = 10_000;

export class Pace {
  readonly #maxDelayMs: number;
  readonly #held: Held;
  readonly #flush = () => this.#send();
  #timer: NodeJS.Timeout | undefined;

  constructor(maxDelayMs: number, latest: boolean, delivery: Delivery) {
    this.#maxDelayMs = maxDelayMs;
    this.#held = latest ? new HeldLatest(delivery) : (delivery.hold?.() ?? new HeldMessages(delivery));
  }

  push(message: BrokerMessage): void {
    this.#held.add(message);
    this.#timer ??= setTimeout(this.#flush, this.#maxDelayMs);
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
