/**
 * The last value of each topic, bounded in number and in bytes.
 *
 * When a bound is passed, the values that were not renewed for longest are forgotten first and counted. Values on the
 * server's own `$` topics are never forgotten to make room: their number is bounded by sessions and their probes.
 */

import { isReserved } from '../protocol/index.ts';
import type { BrokerMessage } from './message.ts';
import { TopicTree } from './topic-tree.ts';

interface Entry {
  readonly message: BrokerMessage;
  readonly bytes: number;
}

export class RetainedStore {
  readonly #mostTopics: number;
  readonly #mostBytes: number;
  readonly #onEvicted: (topic: string) => void;
  readonly #tree = new TopicTree<BrokerMessage>();
  /** In order of renewal, the oldest first. */
  readonly #entries = new Map<string, Entry>();
  readonly #reserved = new Map<string, Entry>();
  #bytes = 0;
  #evicted = 0;

  /** @param onEvicted called with a topic whose value was forgotten to make room */
  constructor(mostTopics: number, mostBytes: number, onEvicted: (topic: string) => void = () => {}) {
    this.#mostTopics = mostTopics;
    this.#mostBytes = mostBytes;
    this.#onEvicted = onEvicted;
  }

  get size(): number {
    return this.#entries.size;
  }

  get evicted(): number {
    return this.#evicted;
  }

  set(topic: string, message: BrokerMessage): void {
    this.forget(topic);
    const bytes = 2 * topic.length + message.payload.length;
    const entry = { message, bytes };
    this.#tree.add(topic, message);
    if (isReserved(topic)) {
      this.#reserved.set(topic, entry);
      return;
    }
    this.#entries.set(topic, entry);
    this.#bytes += bytes;
    this.#makeRoom();
  }

  forget(topic: string): void {
    const map = isReserved(topic) ? this.#reserved : this.#entries;
    const entry = map.get(topic);
    if (entry === undefined) return;
    map.delete(topic);
    this.#tree.delete(topic, entry.message);
    if (map === this.#entries) this.#bytes -= entry.bytes;
  }

  selectedBy(filter: string): BrokerMessage[] {
    return this.#tree.selectedBy(filter);
  }

  #makeRoom(): void {
    for (const topic of this.#entries.keys()) {
      if (this.#entries.size <= this.#mostTopics && this.#bytes <= this.#mostBytes) return;
      this.forget(topic);
      this.#evicted += 1;
      this.#onEvicted(topic);
    }
  }
}
