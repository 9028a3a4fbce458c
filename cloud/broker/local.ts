/**
 * The broker of one process, in memory or with a journal on disk.
 *
 * In memory, `publish` delivers before it returns, except from inside a delivery: then the message waits its turn, so
 * that every subscriber sees the same order. A restart is a new epoch: nothing is retained, no history and no sequence
 * number is remembered.
 *
 * With a journal a message is accepted and delivered when it is written: no subscriber ever has one that a restart could
 * take back. The epoch goes on over restarts. Of the server's own `$` topics the last values under `$mqtt/session` are
 * written, what MQTT clients are to find again; the others say what holds for a process.
 */

import { randomBytes } from 'node:crypto';
import { EarlError } from '../../errors/index.ts';
import { isReserved } from '../protocol/index.ts';
import {
  type Broker,
  BrokerMessage,
  type Dedupe,
  type History,
  type Position,
  type PublishOptions,
  type SubscribeOptions,
  type Subscription,
  type TopicPublisher,
} from './broker.ts';
import { FanOut, type Member, type Route } from './fan-out.ts';
import { GroupCommit } from './group-commit.ts';
import { incomplete, MessageHistory } from './history.ts';
import type { Journal } from './journal.ts';
import { RetainedStore } from './retained-store.ts';
import { SequenceMemory } from './sequence-memory.ts';

export interface LocalBrokerOptions {
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
  /** The log on disk, closed with the broker. Default: none, everything is in memory. */
  readonly journal?: Journal;
  /** Called when the journal cannot be written; the broker takes no messages from then on. Default: nothing. */
  readonly onFailed?: (error: unknown) => void;
}

export class LocalBroker implements Broker {
  readonly #epoch: string;
  readonly #fanOut: FanOut;
  readonly #retained: RetainedStore;
  readonly #history: MessageHistory;
  readonly #sequences: SequenceMemory;
  readonly #journal: Journal | undefined;
  readonly #commit: GroupCommit | undefined;
  /** Messages to be retained whose turn has not come. */
  readonly #retaining = new Set<BrokerMessage>();
  /** Last offset given, and last one delivered. */
  #last = 0;
  #delivered = 0;
  #closed = false;

  constructor(options: LocalBrokerOptions = {}) {
    this.#journal = options.journal;
    this.#commit = options.journal && this.#committing(options.journal, options.onFailed ?? (() => {}));
    this.#retained = new RetainedStore(
      options.retainedTopics ?? 10_000,
      options.retainedBytes ?? 16 * 1024 * 1024,
      (topic) => this.#commit?.note({ kind: 'release', topic }),
    );
    this.#history = new MessageHistory(options.historyBytes ?? 64 * 1024 * 1024, options.historyPerTopic ?? 1024, {
      onDropped: (topic, offset) => this.#commit?.note({ kind: 'drop', topic, offset }),
      onForgotten: (topic, lost) => this.#commit?.note({ kind: 'forgetTopic', topic, lost }),
    });
    this.#sequences = new SequenceMemory(options.publishers ?? 10_000, (name) =>
      this.#commit?.note({ kind: 'forgetPublisher', name }),
    );
    this.#fanOut = new FanOut((message, route) => this.#keep(message, route), options.onSubscriberError);
    this.#epoch = options.journal ? this.#restore(options.journal) : randomBytes(8).toString('hex');
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
    options: SubscribeOptions & { readonly member?: Member } = {},
  ): Promise<Subscription> {
    this.#mustBeOpen();
    const subscriber = this.#fanOut.add(filter, deliver, options.onGap, options.member);
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
    const { dedupe, retain = false } = options;
    if (this.#closed || !this.#isNew(dedupe)) return this.#repeated();
    const message = new BrokerMessage(topic, payload, this.#nextOffset(topic), false, options.json);
    return this.#accept(message, this.#fanOut.route(topic), retain, dedupe);
  }

  topicPublisher(topic: string): TopicPublisher {
    const route = this.#fanOut.route(topic);
    return {
      topic,
      publish: (bytes, start, end, retain, dedupe) => {
        if (this.#closed || !this.#isNew(dedupe)) return this.#repeated();
        const message = BrokerMessage.within(topic, bytes, start, end, this.#nextOffset(topic));
        return this.#accept(message, route, retain, dedupe);
      },
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#commit?.settled()?.catch(() => {});
    this.#fanOut.close();
    await this.#journal?.close();
  }

  #nextOffset(topic: string): number {
    return isReserved(topic) ? 0 : ++this.#last;
  }

  #isNew(dedupe: Dedupe | undefined): boolean {
    return dedupe === undefined || this.#sequences.accept(dedupe.publisher, dedupe.seq);
  }

  #repeated(): Promise<void> | undefined {
    return this.#closed ? Promise.reject(closedError()) : this.#commit?.settled();
  }

  #accept(
    message: BrokerMessage,
    route: Route,
    retain: boolean,
    dedupe: Dedupe | undefined,
  ): Promise<void> | undefined {
    if (retain) this.#retaining.add(message);
    if (this.#commit && message.offset > 0) {
      message.detach();
      if (dedupe) this.#commit.note({ kind: 'publisher', name: dedupe.publisher, seq: dedupe.seq });
      return this.#commit.append(message, retain);
    }
    this.#fanOut.deliver(message, route);
    return outlivesRestart(message.topic) ? this.#commit?.settled() : undefined;
  }

  /** When a message's turn has come, so that a subscription begun between accepting and delivering it sees it once. */
  #keep(message: BrokerMessage, route: Route): void {
    if (message.offset > 0) {
      this.#delivered = message.offset;
      if (route.history === undefined || route.history.gone) route.history = this.#history.topic(message.topic);
      this.#history.add(message, route.history);
    }
    if (this.#retaining.size > 0 && this.#retaining.delete(message)) this.#retain(message);
  }

  #retain(message: BrokerMessage): void {
    const { topic, payload, offset } = message;
    if (payload.length === 0) this.#retained.forget(topic);
    else this.#retained.set(topic, message.asRetained());
    if (offset === 0 && !outlivesRestart(topic)) return;
    this.#commit?.note(payload.length === 0 ? { kind: 'release', topic } : { kind: 'retain', message });
  }

  #committing(journal: Journal, onFailed: (error: unknown) => void): GroupCommit {
    return new GroupCommit({
      write: (changes) => journal.write(changes),
      onWritten: (message) => this.#fanOut.deliver(message),
      onFailed: (error) => {
        this.#closed = true;
        this.#fanOut.gap('the journal cannot be written');
        onFailed(error);
      },
    });
  }

  /** Takes over what the journal holds; its epoch. */
  #restore(journal: Journal): string {
    const recorded = journal.recorded();
    this.#last = recorded.lastOffset;
    this.#delivered = recorded.lastOffset;
    // A message is written before its place among the last values is: what the log says later holds.
    const last = new Map(recorded.retained.map((message) => [message.topic, message]));
    for (const { message, retain } of recorded.messages) {
      if (retain && message.offset > (last.get(message.topic)?.offset ?? 0)) last.set(message.topic, message);
    }
    for (const message of [...last.values()].sort((one, other) => one.offset - other.offset)) this.#retain(message);
    for (const [name, seq] of recorded.publishers) this.#sequences.accept(name, seq);
    this.#history.restore(
      recorded.messages.map(({ message }) => message),
      recorded.lost,
      recorded.lostTopics,
    );
    return recorded.epoch;
  }

  #mustBeOpen(): void {
    if (this.#closed) throw closedError();
  }
}

/** Of the server's own records those that are about clients who do not know that it was restarted. */
function outlivesRestart(topic: string): boolean {
  return topic.startsWith('$mqtt/session/') || topic.startsWith('$will/');
}

export function closedError(): EarlError {
  return new EarlError('BROKER_CLOSED', 'the broker is closed: no messages are accepted any more');
}
