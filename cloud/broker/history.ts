/**
 * What was published lately, by topic, bounded in bytes and in messages of a topic.
 *
 * When a bound is passed the oldest messages go first. What has gone is remembered as the highest offset that a topic
 * lost, so that `read` never passes a part off as the whole; of a topic whose messages have all gone only the highest
 * offset of all such topics is kept, which may call a reading incomplete that missed nothing.
 */

import { isWildcard } from '../protocol/index.ts';
import type { History } from './broker.ts';
import type { BrokerMessage } from './message.ts';
import { Chain, MessageLog, overheadBytes } from './message-log.ts';
import { TopicTree } from './topic-tree.ts';

export class TopicHistory extends Chain {
  /** Highest offset that has gone; 0 when nothing has. */
  lost = 0;
  /** Forgotten: `MessageHistory.topic` knows another one of the name, or none. */
  gone = false;
}

/** Called when something goes, for whoever keeps a copy. */
export interface Losses {
  readonly onDropped?: (topic: string, offset: number) => void;
  /** All of a topic has gone; `lostTopics` is the highest offset that such topics have lost. */
  readonly onForgotten?: (topic: string, lostTopics: number) => void;
}

export class MessageHistory {
  readonly #mostBytes: number;
  readonly #mostPerTopic: number;
  readonly #losses: Losses;
  readonly #topics = new Map<string, TopicHistory>();
  readonly #tree = new TopicTree<TopicHistory>();
  readonly #log = new MessageLog<TopicHistory>();
  #bytes = 0;
  #lostTopics = 0;

  constructor(mostBytes: number, mostPerTopic: number, losses: Losses = {}) {
    this.#mostBytes = mostBytes;
    this.#mostPerTopic = mostPerTopic;
    this.#losses = losses;
  }

  /** Takes over what a history of the same epoch had, before the first `add`. */
  restore(messages: readonly BrokerMessage[], lost: ReadonlyMap<string, number>, lostTopics: number): void {
    this.#lostTopics = lostTopics;
    for (const [topic, offset] of lost) this.topic(topic).lost = offset;
    for (const message of messages) this.add(message);
    for (const history of this.#topics.values()) if (history.length === 0) this.#forget(history);
  }

  /** Messages and bytes now. */
  get size(): { messages: number; bytes: number } {
    return { messages: this.#log.messages, bytes: this.#bytes };
  }

  /** What there is of a topic, to be passed to `add` until it is `gone`. */
  topic(topic: string): TopicHistory {
    return this.#topics.get(topic) ?? this.#begin(topic);
  }

  /** Takes the youngest message of all. */
  add(message: BrokerMessage, history = this.topic(message.topic)): void {
    this.#log.append(history, message);
    this.#bytes += overheadBytes + message.length;
    if (history.length > this.#mostPerTopic) this.#dropOldest(history);
    while (this.#bytes > this.#mostBytes) this.#makeRoom();
  }

  /** As `Broker.read`, for offsets of this history's epoch. */
  read(filters: readonly string[], since: number, most: number): History {
    const histories = new Set(filters.flatMap((filter) => this.#selectedBy(filter)));
    if (since < this.#lostTopics || [...histories].some(({ lost }) => lost > since)) return incomplete;
    const messages: BrokerMessage[] = [];
    for (const history of histories) {
      for (const message of this.#log.after(history, since)) {
        if (messages.length === most) return incomplete;
        messages.push(message);
      }
    }
    messages.sort((one, other) => one.offset - other.offset);
    return { messages, complete: true };
  }

  #selectedBy(filter: string): TopicHistory[] {
    if (filter.split('/').some(isWildcard)) return this.#tree.selectedBy(filter);
    const history = this.#topics.get(filter);
    return history ? [history] : [];
  }

  #begin(topic: string): TopicHistory {
    const history = new TopicHistory(topic);
    this.#topics.set(topic, history);
    this.#tree.add(topic, history);
    return history;
  }

  #dropOldest(history: TopicHistory): void {
    this.#bytes -= overheadBytes + this.#log.firstLength(history);
    history.lost = this.#log.dropFirst(history);
    this.#losses.onDropped?.(history.topic, history.lost);
  }

  #makeRoom(): void {
    const history = this.#log.oldest!;
    this.#dropOldest(history);
    if (history.length === 0) this.#forget(history);
  }

  #forget(history: TopicHistory): void {
    const { topic } = history;
    history.gone = true;
    this.#topics.delete(topic);
    this.#tree.delete(topic, history);
    this.#lostTopics = Math.max(this.#lostTopics, history.lost);
    this.#losses.onForgotten?.(topic, this.#lostTopics);
  }
}

export const incomplete: History = { messages: [], complete: false };
