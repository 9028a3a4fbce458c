/**
 * The subscribers of one process at an engine: the fan-out, which filters are in use and how often, and who must hear of
 * a gap. Messages on the server's own `$` topics are not in the engine's history, so their subscribers hear of a gap
 * when others can still be given what they missed.
 */

import { isReserved } from '../protocol/index.ts';
import type { BrokerMessage, SubscribeOptions } from './broker.ts';
import { FanOut, type Subscriber } from './fan-out.ts';

export class EngineSubscribers {
  readonly #fanOut: FanOut;
  readonly #uses = new Map<string, number>();
  readonly #reserved = new Set<Subscriber>();

  /** @param onError called when a subscriber throws */
  constructor(onError?: (error: unknown, message: BrokerMessage) => void) {
    this.#fanOut = new FanOut(() => {}, onError);
  }

  /** Filters in use that are not for the server's own topics, each once. */
  get filters(): string[] {
    return [...this.#uses.keys()].filter((filter) => !isReserved(filter));
  }

  /** From now on the subscriber gets what is delivered, beginning with the last values. */
  add(
    filter: string,
    deliver: (message: BrokerMessage) => void,
    onGap: SubscribeOptions['onGap'],
    lastValues: Iterable<BrokerMessage>,
  ): Subscriber {
    const subscriber = this.#fanOut.add(filter, deliver, onGap);
    this.#uses.set(filter, (this.#uses.get(filter) ?? 0) + 1);
    if (isReserved(filter)) this.#reserved.add(subscriber);
    for (const message of lastValues) this.#fanOut.deliverTo(subscriber, message);
    return subscriber;
  }

  /** False when the subscriber had been removed before. */
  remove(filter: string, subscriber: Subscriber): boolean {
    if (!subscriber.active) return false;
    this.#fanOut.remove(filter, subscriber);
    this.#reserved.delete(subscriber);
    const uses = this.#uses.get(filter)! - 1;
    if (uses > 0) this.#uses.set(filter, uses);
    else this.#uses.delete(filter);
    return true;
  }

  deliver(message: BrokerMessage): void {
    this.#fanOut.deliver(message);
  }

  wants(topic: string): boolean {
    return this.#fanOut.wants(topic);
  }

  /** Everybody may have missed something. */
  gap(reason: string): void {
    this.#fanOut.gap(reason);
  }

  /** Subscribers of the server's own topics may have missed something. */
  gapReserved(reason: string): void {
    for (const subscriber of [...this.#reserved]) subscriber.onGap?.(reason);
  }

  close(): void {
    this.#fanOut.close();
  }
}
