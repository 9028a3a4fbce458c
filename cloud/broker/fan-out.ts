/**
 * Hands messages to the subscribers of one process.
 *
 * Which subscribers a topic has is looked up in the tree of filters once and remembered until a subscription begins or
 * ends. A message that is handed in from inside a delivery waits its turn, so that every subscriber sees the same order.
 */

import type { BrokerMessage } from './message.ts';
import { TopicTree } from './topic-tree.ts';

export interface Subscriber {
  readonly deliver: (message: BrokerMessage) => void;
  readonly onGap: ((reason: string) => void) | undefined;
  active: boolean;
}

/** Topics whose subscribers are remembered; beyond, all are looked up anew. */
const mostRemembered = 100_000;

export class FanOut {
  readonly #filters = new TopicTree<Subscriber>();
  readonly #subscribers = new Set<Subscriber>();
  readonly #remembered = new Map<string, readonly Subscriber[]>();
  readonly #onError: (error: unknown, message: BrokerMessage) => void;
  readonly #beforeDelivery: (message: BrokerMessage) => void;
  /** Messages handed in from inside a delivery; never outlives the turn of the event loop. */
  readonly #waiting: BrokerMessage[] = [];
  #delivering = false;

  /**
   * @param beforeDelivery called with each message when its turn has come, before the first subscriber has it
   * @param onError called when a subscriber throws
   */
  constructor(
    beforeDelivery: (message: BrokerMessage) => void,
    onError: (error: unknown, message: BrokerMessage) => void = () => {},
  ) {
    this.#beforeDelivery = beforeDelivery;
    this.#onError = onError;
  }

  add(filter: string, deliver: Subscriber['deliver'], onGap?: Subscriber['onGap']): Subscriber {
    const subscriber = { deliver, onGap, active: true };
    this.#filters.add(filter, subscriber);
    this.#subscribers.add(subscriber);
    this.#remembered.clear();
    return subscriber;
  }

  remove(filter: string, subscriber: Subscriber): void {
    subscriber.active = false;
    this.#filters.delete(filter, subscriber);
    this.#subscribers.delete(subscriber);
    this.#remembered.clear();
  }

  deliver(message: BrokerMessage): void {
    if (this.#delivering) {
      this.#waiting.push(message);
      return;
    }
    this.#delivering = true;
    this.#deliverNow(message);
    if (this.#waiting.length > 0) {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) this.#deliverNow(next);
    }
    this.#delivering = false;
  }

  deliverTo(subscriber: Subscriber, message: BrokerMessage): void {
    if (!subscriber.active) return;
    try {
      subscriber.deliver(message);
    } catch (error) {
      this.#onError(error, message);
    }
  }

  /** Whether anybody would get a message on the topic. */
  wants(topic: string): boolean {
    return this.#subscribersOf(topic).length > 0;
  }

  /** Tells every subscriber that messages may be missing. */
  gap(reason: string): void {
    for (const subscriber of [...this.#subscribers]) subscriber.onGap?.(reason);
  }

  /** Nobody gets anything any more. */
  close(): void {
    for (const subscriber of this.#subscribers) subscriber.active = false;
    this.#waiting.length = 0;
  }

  #deliverNow(message: BrokerMessage): void {
    this.#beforeDelivery(message);
    for (const subscriber of this.#subscribersOf(message.topic)) this.deliverTo(subscriber, message);
  }

  #subscribersOf(topic: string): readonly Subscriber[] {
    let subscribers = this.#remembered.get(topic);
    if (subscribers === undefined) {
      subscribers = this.#filters.matching(topic);
      if (this.#remembered.size >= mostRemembered) this.#remembered.clear();
      this.#remembered.set(topic, subscribers);
    }
    return subscribers;
  }
}
