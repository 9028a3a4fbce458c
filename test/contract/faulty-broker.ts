/**
 * A broker that refuses at random, now or later, as an engine that is slow or away does: what is published before a
 * refusal is heard is refused with it (cloud/broker/broker.ts, `publish`). Faults come from a seed.
 */

import {
  type Broker,
  type BrokerMessage,
  type History,
  LocalBroker,
  type Position,
  type PublishOptions,
  type SubscribeOptions,
  type Subscription,
} from '../../cloud/broker/index.ts';
import { EarlError } from '../../errors/index.ts';

interface Held {
  readonly accept: () => void;
  readonly refuse: () => void;
}

/** A broker whose publishes may be changed by whoever extends it; all else is that of a LocalBroker. */
export class WrappedBroker implements Broker {
  readonly inner = new LocalBroker();

  publish(topic: string, payload: Buffer, options?: PublishOptions): Promise<void> | undefined {
    return this.inner.publish(topic, payload, options);
  }

  subscribe(
    filter: string,
    deliver: (message: BrokerMessage) => void,
    options?: SubscribeOptions,
  ): Promise<Subscription> {
    return this.inner.subscribe(filter, deliver, options);
  }

  read(filters: readonly string[], since: Position, most: number): Promise<History> {
    return this.inner.read(filters, since, most);
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}

export class FaultyBroker extends WrappedBroker {
  readonly #random: () => number;
  /** Accepted by nobody yet; the next accepted or refused one is the first. */
  #held: Held[] = [];
  #refusing = false;
  refusals = 0;

  constructor(seed: number) {
    super();
    this.#random = randomFrom(seed);
  }

  override publish(topic: string, payload: Buffer, options?: PublishOptions): Promise<void> | undefined {
    if (options?.dedupe === undefined) return super.publish(topic, payload, options);
    if (!this.#refusing && this.#random() < 0.005) {
      this.#refusing = true;
      setImmediate(() => {
        this.#refusing = false;
      });
    }
    if (this.#refusing) return this.#refusal();
    if (this.#held.length === 0 && this.#random() < 0.7) return super.publish(topic, payload, options);
    const copy = Buffer.from(payload);
    return new Promise((resolve, reject) => {
      this.#held.push({
        accept: () => resolve(super.publish(topic, copy, options)),
        refuse: () => reject(this.#error()),
      });
      if (this.#held.length === 1) setTimeout(() => this.#decide(), 2 * this.#random());
    });
  }

  /** Accepts what is held, or some of it and refuses the rest. */
  #decide(): void {
    const held = this.#held;
    this.#held = [];
    const from = this.#random() < 0.02 ? Math.floor(this.#random() * held.length) : held.length;
    for (const [index, one] of held.entries()) {
      if (index < from) one.accept();
      else one.refuse();
    }
  }

  #refusal(): Promise<void> {
    return Promise.reject(this.#error());
  }

  #error(): EarlError {
    this.refusals += 1;
    return new EarlError('BROKER_OVERLOADED', 'not now');
  }
}

/** mulberry32: small, and the same everywhere. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
