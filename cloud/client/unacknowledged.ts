/**
 * Publishes without acknowledgement that have not left: those of this turn, and what is kept while the cloud is away.
 *
 * While it is away (or takes less than this client gives) the newest message of each topic is kept, or all messages, or
 * none; beyond the limits the oldest are dropped. What is dropped or superseded is counted.
 */

import type { QueueLimits } from './acknowledged-queue.ts';
import type { Outgoing } from './publish-writers.ts';

/** What is kept while the cloud is away: the newest of each topic, all with the oldest dropped first, or nothing. */
export type AwayPolicy = 'latest' | 'all' | 'none';

export interface AwayOptions extends QueueLimits {
  readonly keep: AwayPolicy;
}

export class Unacknowledged {
  readonly #options: AwayOptions;
  readonly #onDropped: (topic: string) => void;
  /** In the order of publishing; by topic where a newer one takes the place of an older. */
  readonly #messages = new Map<string | number, Outgoing>();
  #bytes = 0;
  #dropped = 0;
  #superseded = 0;

  /** @param onDropped called for each message that is dropped or superseded */
  constructor(options: AwayOptions, onDropped: (topic: string) => void) {
    this.#options = options;
    this.#onDropped = onDropped;
  }

  get state(): { messages: number; bytes: number; dropped: number; superseded: number } {
    return {
      messages: this.#messages.size,
      bytes: this.#bytes,
      dropped: this.#dropped,
      superseded: this.#superseded,
    };
  }

  get isFull(): boolean {
    return this.#messages.size >= this.#options.messages || this.#bytes >= this.#options.bytes;
  }

  /** False when it is dropped itself. */
  push(message: Outgoing, isAway: boolean): boolean {
    const { keep, messages: mostMessages, bytes: mostBytes } = this.#options;
    const bytes = sizeOf(message);
    if ((isAway && keep === 'none') || bytes > mostBytes) {
      this.#drop(message.topic);
      return false;
    }
    if (isAway && keep === 'latest') this.#supersede(message);
    else this.#messages.set(message.order, message);
    this.#bytes += bytes;
    while (this.#messages.size > mostMessages || this.#bytes > mostBytes) this.#drop(this.take()!.topic);
    return true;
  }

  peek(): Outgoing | undefined {
    return this.#messages.values().next().value;
  }

  take(): Outgoing | undefined {
    const first = this.#messages.entries().next().value;
    if (first === undefined) return undefined;
    this.#messages.delete(first[0]);
    this.#bytes -= sizeOf(first[1]);
    return first[1];
  }

  #supersede(message: Outgoing): void {
    const before = this.#messages.get(message.topic);
    if (before !== undefined) {
      this.#messages.delete(message.topic);
      this.#bytes -= sizeOf(before);
      this.#superseded += 1;
      this.#onDropped(message.topic);
    }
    this.#messages.set(message.topic, message);
  }

  #drop(topic: string): void {
    this.#dropped += 1;
    this.#onDropped(topic);
  }
}

/** Characters, which are bytes but for what is not ASCII. */
function sizeOf({ topic, json }: Outgoing): number {
  return topic.length + json.length;
}
