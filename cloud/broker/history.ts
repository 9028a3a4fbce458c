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
import { Queue } from './queue.ts';
import { TopicTree } from './topic-tree.ts';

interface TopicHistory {
  readonly messages: Queue<BrokerMessage>;
  /** Highest offset that has gone; 0 when nothing has. */
  lost: number;
}

/** Called when something goes, for whoever keeps a copy. */
export interface Losses {
  readonly onDropped?: (message: BrokerMessage) => void;
  /** All of a topic has gone; `lostTopics` is the highest offset that such topics have lost. */
  readonly onForgotten?: (topic: string, lostTopics: number) => void;
}

/** What a message costs beyond its payload: objects of V8, an entry in two queues. */
const overheadBytes = 160;

export class MessageHistory {
  readonly #mostBytes: number;
  readonly #mostPerTopic: number;
  readonly #losses: Losses;
  readonly #topics = new Map<string, TopicHistory>();
  readonly #tree = new TopicTree<TopicHistory>();
  /** In the order of offsets; those that went because their topic had too many stay in it for a while. */
  readonly #order = new Queue<BrokerMessage>();
  #messages = 0;
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
    for (const [topic, offset] of lost) this.#begin(topic).lost = offset;
    for (const message of messages) this.add(message);
    for (const [topic, history] of this.#topics) if (history.messages.length === 0) this.#forget(topic, history);
  }

  /** Messages and bytes now. */
  get size(): { messages: number; bytes: number } {
    return { messages: this.#messages, bytes: this.#bytes };
  }

  add(message: BrokerMessage): void {
    const history = this.#topics.get(message.topic) ?? this.#begin(message.topic);
    history.messages.push(message);
    this.#order.push(message);
    this.#messages += 1;
    this.#bytes += overheadBytes + message.payload.length;
    if (history.messages.length > this.#mostPerTopic) this.#dropOldest(history);
    while (this.#bytes > this.#mostBytes) this.#makeRoom();
    if (this.#order.length > 2 * this.#messages + 64) this.#order.keep((one) => !this.#hasGone(one));
  }

  /** As `Broker.read`, for offsets of this history's epoch. */
  read(filters: readonly string[], since: number, most: number): History {
    const histories = new Set(filters.flatMap((filter) => this.#selectedBy(filter)));
    if (since < this.#lostTopics || [...histories].some(({ lost }) => lost > since)) return incomplete;
    const messages: BrokerMessage[] = [];
    for (const history of histories) {
      for (let at = firstAfter(history.messages, since); at < history.messages.length; at++) {
        if (messages.length === most) return incomplete;
        messages.push(history.messages.at(at)!);
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
    const history: TopicHistory = { messages: new Queue(), lost: 0 };
    this.#topics.set(topic, history);
    this.#tree.add(topic, history);
    return history;
  }

  #dropOldest(history: TopicHistory): void {
    const gone = history.messages.shift()!;
    history.lost = gone.offset;
    this.#messages -= 1;
    this.#bytes -= overheadBytes + gone.payload.length;
    this.#losses.onDropped?.(gone);
  }

  #makeRoom(): void {
    const { topic, offset } = this.#order.shift()!;
    const history = this.#topics.get(topic);
    if (history === undefined || offset <= history.lost) return;
    this.#dropOldest(history);
    if (history.messages.length === 0) this.#forget(topic, history);
  }

  #hasGone({ topic, offset }: BrokerMessage): boolean {
    const history = this.#topics.get(topic);
    return history === undefined || offset <= history.lost;
  }

  #forget(topic: string, history: TopicHistory): void {
    this.#topics.delete(topic);
    this.#tree.delete(topic, history);
    this.#lostTopics = Math.max(this.#lostTopics, history.lost);
    this.#losses.onForgotten?.(topic, this.#lostTopics);
  }
}

export const incomplete: History = { messages: [], complete: false };

/** Index of the first message after an offset, by bisection. */
function firstAfter(messages: Queue<BrokerMessage>, offset: number): number {
  let [low, high] = [0, messages.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (messages.at(middle)!.offset <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
