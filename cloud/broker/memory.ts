/**
 * The in-process broker: one server, nothing on disk.
 *
 * `publish` delivers before it returns, except from inside a delivery: then the message waits its turn, so that every
 * subscriber sees the same order. A restart is a new epoch: nothing is retained, no history and no sequence number is
 * remembered.
 */

import { randomBytes } from 'node:crypto';
import { EarlError } from '../../errors/index.ts';
import { isReserved } from '../protocol/index.ts';
import {
  type Broker,
  BrokerMessage,
  type History,
  type Position,
  type PublishOptions,
  type SubscribeOptions,
  type Subscription,
} from './broker.ts';
import { FanOut } from './fan-out.ts';
import { incomplete, MessageHistory } from './history.ts';
import { RetainedStore } from './retained-store.ts';
import { SequenceMemory } from './sequence-memory.ts';

export interface MemoryBrokerOptions {
  /** Most retained topics; beyond, the one not renewed for longest is forgotten. Default 10,000. */
  readonly retainedTopics?: number;
  /** Most bytes of retained payloads, same policy. Default 16 MiB. */
  readonly retainedBytes?: number;
  /** Most bytes of history, the oldest messages go first; 0 keeps none. Default 64 MiB. */
  readonly historyBytes?: number;
  /** Most messages of one topic in the history, the oldest go first. Default 1024. */
  readonly historyPerTopic?: number;
  /** Publishers whose last sequence number is remembered, least recently heard forgotten. Default 10,000. */
  readonly publishers?: number;
  /** Called when a subscriber throws. Default: nothing. */
  readonly onSubscriberError?: (error: unknown, message: BrokerMessage) => void;
}

export class MemoryBroker implements Broker {
  readonly #epoch = randomBytes(8).toString('hex');
  readonly #fanOut: FanOut;
  readonly #retained: RetainedStore;
  readonly #history: MessageHistory;
  readonly #sequences: SequenceMemory;
  readonly #retaining = new WeakSet<BrokerMessage>();
  /** Last offset given, and last one delivered: they differ only inside a delivery. */
  #last = 0;
  #delivered = 0;
  #closed = false;

  constructor(options: MemoryBrokerOptions = {}) {
    this.#retained = new RetainedStore(options.retainedTopics ?? 10_000, options.retainedBytes ?? 16 * 1024 * 1024);
    this.#history = new MessageHistory(options.historyBytes ?? 64 * 1024 * 1024, options.historyPerTopic ?? 1024);
    this.#sequences = new SequenceMemory(options.publishers ?? 10_000);
    this.#fanOut = new FanOut((message) => this.#keep(message), options.onSubscriberError);
  }

  /** Retained topics now, and how many were forgotten to make room since the start. */
  get retained(): { topics: number; evicted: number } {
    return { topics: this.#retained.size, evicted: this.#retained.evicted };
  }

  /** History now. */
  get history(): { messages: number; bytes: number } {
    return this.#history.size;
  }

  async subscribe(
    filter: string,
    deliver: (message: BrokerMessage) => void,
    options: SubscribeOptions = {},
  ): Promise<Subscription> {
    this.#mustBeOpen();
    const subscriber = this.#fanOut.add(filter, deliver, options.onGap);
    const position = { epoch: this.#epoch, offset: this.#delivered };
    if (options.retained !== false) {
      for (const message of this.#retained.selectedBy(filter)) this.#fanOut.deliverTo(subscriber, message);
    }
    return {
      position,
      unsubscribe: async () => {
        if (subscriber.active) this.#fanOut.remove(filter, subscriber);
      },
    };
  }

  async read(filters: readonly string[], since: Position, most: number): Promise<History> {
    this.#mustBeOpen();
    if (since.epoch !== this.#epoch || since.offset > this.#last) return incomplete;
    return this.#history.read(filters, since.offset, most);
  }

  publish(topic: string, payload: Buffer, options: PublishOptions = {}): Promise<void> | undefined {
    if (this.#closed) return Promise.reject(closedError());
    const { dedupe } = options;
    if (dedupe && !this.#sequences.accept(dedupe.publisher, dedupe.seq)) return undefined;
    const message = new BrokerMessage(topic, payload, ++this.#last, false, options.json);
    if (options.retain) this.#retaining.add(message);
    this.#fanOut.deliver(message);
    return undefined;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#fanOut.close();
  }

  /** When a message's turn has come, so that a subscription begun between accepting and delivering it sees it once. */
  #keep(message: BrokerMessage): void {
    this.#delivered = message.offset;
    if (!isReserved(message.topic)) this.#history.add(message);
    if (!this.#retaining.has(message)) return;
    if (message.payload.length === 0) this.#retained.forget(message.topic);
    else this.#retained.set(message.topic, message.asRetained());
  }

  #mustBeOpen(): void {
    if (this.#closed) throw closedError();
  }
}

export function closedError(): EarlError {
  return new EarlError('BROKER_CLOSED', 'the broker is closed: no messages are accepted any more');
}
