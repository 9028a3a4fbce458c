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
  readonly topic: string;
  readonly messages: Queue<BrokerMessage>;
  /** Highest offset that has gone; 0 when nothing has. */
  lost: number;
}

interface Ordered {
  readonly of: TopicHistory;
  readonly offset: number;
}

/** What a message costs beyond its payload: objects of V8, an entry in two queues. */
const overheadBytes = 160;

export class MessageHistory {
  readonly #mostBytes: number;
  readonly #mostPerTopic: number;
  readonly #topics = new Map<string, TopicHistory>();
  readonly #tree = new TopicTree<TopicHistory>();
  /** In the order of offsets; those that went because their topic had too many stay in it for a while. */
  readonly #order = new Queue<Ordered>();
  #messages = 0;
  #bytes = 0;
  #lostTopics: number;

  /** @param lost offset up to which nothing is known, e.g. what another process had */
  constructor(mostBytes: number, mostPerTopic: number, lost = 0) {
    this.#mostBytes = mostBytes;
    this.#mostPerTopic = mostPerTopic;
    this.#lostTopics = lost;
  }

  /** Messages and bytes now. */
  get size(): { messages: number; bytes: number } {
    return { messages: this.#messages, bytes: this.#bytes };
  }

  add(message: BrokerMessage): void {
    const history = this.#topics.get(message.topic) ?? this.#begin(message.topic);
    history.messages.push(message);
    this.#order.push({ of: history, offset: message.offset });
    this.#messages += 1;
    this.#bytes += overheadBytes + message.payload.length;
    if (history.messages.length > this.#mostPerTopic) this.#dropOldest(history);
    while (this.#bytes > this.#mostBytes) this.#makeRoom();
    if (this.#order.length > 2 * this.#messages + 64) this.#order.keep((entry) => !hasGone(entry));
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
    const history: TopicHistory = { topic, messages: new Queue(), lost: 0 };
    this.#topics.set(topic, history);
    this.#tree.add(topic, history);
    return history;
  }

  #dropOldest(history: TopicHistory): void {
    const gone = history.messages.shift()!;
    history.lost = gone.offset;
    this.#messages -= 1;
    this.#bytes -= overheadBytes + gone.payload.length;
  }

  #makeRoom(): void {
    const oldest = this.#order.shift()!;
    if (hasGone(oldest)) return;
    this.#dropOldest(oldest.of);
    if (oldest.of.messages.length > 0) return;
    this.#topics.delete(oldest.of.topic);
    this.#tree.delete(oldest.of.topic, oldest.of);
    this.#lostTopics = Math.max(this.#lostTopics, oldest.of.lost);
  }
}

export const incomplete: History = { messages: [], complete: false };

function hasGone({ of, offset }: Ordered): boolean {
  return offset <= of.lost;
}

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
