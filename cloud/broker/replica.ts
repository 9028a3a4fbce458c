/**
 * What a server makes of an engine's log: it takes every record in the order of the log, removes repetitions, keeps last
 * values and history, and delivers. Servers that have taken the same records are in the same state, so what one answers,
 * any other would.
 *
 * A server that begins takes over the last values and then the log from its oldest record, without delivering. What is
 * older than the log is unknown to it: of publishers that were silent for so long it removes no repetitions.
 */

import { isReserved } from '../protocol/index.ts';
import { BrokerMessage, type History, type SubscribeOptions, type Subscription } from './broker.ts';
import type { EngineRecord } from './engine-record.ts';
import { EngineSubscribers } from './engine-subscribers.ts';
import { MessageHistory } from './history.ts';
import { RetainedStore } from './retained-store.ts';
import { SequenceMemory } from './sequence-memory.ts';

export interface ReplicaOptions {
  readonly historyBytes: number;
  readonly historyPerTopic: number;
  readonly retainedTopics: number;
  readonly retainedBytes: number;
  readonly publishers: number;
  readonly onSubscriberError?: (error: unknown, message: BrokerMessage) => void;
}

/** A last value from outside the log, and its place in it. */
export interface LastValue {
  readonly topic: string;
  readonly payload: Buffer;
  readonly offset: number;
}

export class Replica {
  readonly #options: ReplicaOptions;
  readonly #subscribers: EngineSubscribers;
  #retained: RetainedStore;
  #history: MessageHistory;
  #sequences: SequenceMemory;
  #epoch = '';
  #offset = 0;
  #silentUpTo = 0;

  constructor(options: ReplicaOptions) {
    this.#options = options;
    this.#subscribers = new EngineSubscribers(options.onSubscriberError);
    this.#retained = new RetainedStore(options.retainedTopics, options.retainedBytes);
    this.#history = new MessageHistory(options.historyBytes, options.historyPerTopic);
    this.#sequences = new SequenceMemory(options.publishers);
  }

  get epoch(): string {
    return this.#epoch;
  }

  /** Offset of the last record that has been taken and was not on one of the server's own topics. */
  get offset(): number {
    return this.#offset;
  }

  /**
   * Another log, of which nothing up to `lost` is known, and of which subscribers get nothing up to `silentUpTo`: they
   * stay, and have heard of a gap.
   */
  begin(epoch: string, lost: number, silentUpTo: number, lastValues: Iterable<LastValue>): void {
    const { retainedTopics, retainedBytes, publishers } = this.#options;
    this.#epoch = epoch;
    this.#offset = lost;
    this.#retained = new RetainedStore(retainedTopics, retainedBytes);
    this.#silentUpTo = silentUpTo;
    this.lose(lost);
    this.#sequences = new SequenceMemory(publishers);
    for (const { topic, payload, offset } of lastValues) this.#keep(topic, payload, offset);
  }

  /** Of the history nothing up to here is known any more. */
  lose(offset: number): void {
    const { historyBytes, historyPerTopic } = this.#options;
    this.#history = new MessageHistory(historyBytes, historyPerTopic);
    this.#history.restore([], new Map(), offset);
  }

  subscribe(filter: string, deliver: (message: BrokerMessage) => void, options: SubscribeOptions): Subscription {
    const position = { epoch: this.#epoch, offset: this.#offset };
    const lastValues = options.retained === false ? [] : this.#retained.selectedBy(filter);
    const subscriber = this.#subscribers.add(filter, deliver, options.onGap, lastValues);
    return { position, unsubscribe: async () => void this.#subscribers.remove(filter, subscriber) };
  }

  /** As `Broker.read`, of this epoch. */
  read(filters: readonly string[], since: number, most: number): History {
    return this.#history.read(
      filters.filter((filter) => !isReserved(filter)),
      since,
      most,
    );
  }

  /** Whether this number of the publisher is in the log. */
  hasTaken(publisher: string, seq: number): boolean {
    return this.#sequences.has(publisher, seq);
  }

  /**
   * Takes the next record. One on a `$` topic that is not `fresh` changes the last value only: whoever waited for a
   * command or a reply has given up.
   */
  take(record: EngineRecord, offset: number, fresh: boolean): void {
    const { topic, payload, retain, publisher, seq } = record;
    const reserved = isReserved(topic);
    if (!reserved) this.#offset = offset;
    if (publisher !== '' && !this.#sequences.accept(publisher, seq)) return;
    // The payload is a view of its whole batch, which a last value must not keep.
    if (retain) this.#keep(topic, Buffer.from(payload), offset);
    const message = new BrokerMessage(topic, payload, reserved ? 0 : offset, false);
    if (!reserved) this.#history.add(message);
    if (offset > this.#silentUpTo && (fresh || retain || !reserved)) this.#subscribers.deliver(message);
  }

  gap(reason: string): void {
    this.#subscribers.gap(reason);
  }

  gapReserved(reason: string): void {
    this.#subscribers.gapReserved(reason);
  }

  close(): void {
    this.#subscribers.close();
  }

  #keep(topic: string, payload: Buffer, offset: number): void {
    if (payload.length === 0) this.#retained.forget(topic);
    else this.#retained.set(topic, new BrokerMessage(topic, payload, isReserved(topic) ? 0 : offset, true));
  }
}
