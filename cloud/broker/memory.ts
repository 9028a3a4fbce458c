/**
 * The in-process broker: one server, nothing on disk.
 *
 * `publish` delivers before it returns, except from inside a delivery: then the message waits its turn, so that every
 * subscriber sees the same order. What it leaves out: history, and more than one process. After a restart nothing is
 * retained and no sequence number is remembered.
 */

import { EarlError } from '../../errors/index.ts';
import type { Json } from '../protocol/index.ts';
import type { Broker, BrokerMessage, PublishOptions, Subscription } from './broker.ts';
import { RetainedStore } from './retained-store.ts';
import { SequenceMemory } from './sequence-memory.ts';
import { TopicTree } from './topic-tree.ts';

export interface MemoryBrokerOptions {
  /** Most retained topics; beyond, the one not renewed for longest is forgotten. Default 10,000. */
  readonly retainedTopics?: number;
  /** Most bytes of retained JSON, same policy. Default 16 MiB. */
  readonly retainedBytes?: number;
  /** Publishers whose last sequence number is remembered, least recently heard forgotten. Default 10,000. */
  readonly publishers?: number;
  /** Called when a subscriber throws. Default: nothing. */
  readonly onSubscriberError?: (error: unknown, message: BrokerMessage) => void;
}

interface Subscriber {
  readonly deliver: (message: BrokerMessage) => void;
  active: boolean;
}

interface Waiting {
  readonly message: BrokerMessage;
  readonly retain: boolean;
}

export class MemoryBroker implements Broker {
  readonly #subscribers = new TopicTree<Subscriber>();
  readonly #retained: RetainedStore;
  readonly #sequences: SequenceMemory;
  readonly #onSubscriberError: (error: unknown, message: BrokerMessage) => void;
  /** Messages published from inside a delivery; never outlives the turn of the event loop. */
  readonly #waiting: Waiting[] = [];
  #delivering = false;
  #closed = false;

  constructor(options: MemoryBrokerOptions = {}) {
    this.#retained = new RetainedStore(options.retainedTopics ?? 10_000, options.retainedBytes ?? 16 * 1024 * 1024);
    this.#sequences = new SequenceMemory(options.publishers ?? 10_000);
    this.#onSubscriberError = options.onSubscriberError ?? (() => {});
  }

  /** Retained topics now, and how many were forgotten to make room since the start. */
  get retained(): { topics: number; evicted: number } {
    return { topics: this.#retained.size, evicted: this.#retained.evicted };
  }

  async subscribe(filter: string, deliver: (message: BrokerMessage) => void): Promise<Subscription> {
    this.#mustBeOpen();
    const subscriber: Subscriber = { deliver, active: true };
    this.#subscribers.add(filter, subscriber);
    for (const message of this.#retained.selectedBy(filter)) this.#deliver(subscriber, message);
    return {
      unsubscribe: async () => {
        subscriber.active = false;
        this.#subscribers.delete(filter, subscriber);
      },
    };
  }

  async publish(topic: string, data: Json, options: PublishOptions = {}): Promise<void> {
    this.#mustBeOpen();
    const { dedupe } = options;
    if (dedupe && !this.#sequences.accept(dedupe.publisher, dedupe.seq)) return;
    this.#waiting.push({ message: { topic, data, retained: false }, retain: options.retain === true });
    if (!this.#delivering) this.#deliverWaiting();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting.length = 0;
  }

  #deliverWaiting(): void {
    this.#delivering = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      // The last value changes when the message is delivered, so that a subscription begun between sees it once.
      if (next.retain) this.#keep(next.message);
      for (const subscriber of this.#subscribers.matching(next.message.topic)) this.#deliver(subscriber, next.message);
    }
    this.#delivering = false;
  }

  #keep({ topic, data }: BrokerMessage): void {
    if (data === null) this.#retained.forget(topic);
    else this.#retained.set(topic, { topic, data, retained: true });
  }

  #deliver(subscriber: Subscriber, message: BrokerMessage): void {
    if (!subscriber.active || this.#closed) return;
    try {
      subscriber.deliver(message);
    } catch (error) {
      this.#onSubscriberError(error, message);
    }
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new EarlError('BROKER_CLOSED', 'the broker is closed: no messages are accepted any more');
  }
}
