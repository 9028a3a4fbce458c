/**
 * How messages reach one client: as JSON texts, or as records of `earl.v1`, one frame a message or many in one.
 */

import type { BrokerMessage } from '../broker/index.ts';
import type { DirectConnection } from './direct-delivery.ts';
import { type FrameCache, topicFrame } from './frames.ts';
import { RecordBatch } from './record-batch.ts';

/** Where frames go: a connection. */
export interface FrameTaker {
  send(frame: Buffer, retained?: boolean): void;
  /** As `Connection.drained`; absent where what waits is bounded otherwise. */
  drained?(): Promise<void> | undefined;
  /** Itself, where frames for many can be written at once. */
  readonly direct?: DirectConnection | undefined;
}

/** Live messages that are held back to be delivered together, in their order. */
export interface Held {
  /** What there is no room for goes at once, with all before it. */
  add(message: BrokerMessage): void;
  /** Delivers what is held. */
  send(): void;
  /** Forgets what is held. */
  clear(): void;
}

export interface Delivery {
  one(message: BrokerMessage): void;
  /** Messages that come together. */
  many(messages: readonly BrokerMessage[]): void;
  /** As `Connection.drained`; absent where what waits is bounded otherwise. */
  drained?(): Promise<void> | undefined;
  /** For deliveries that have a better way to hold messages than a list. */
  hold?(): Held;
  /** Where frames for many clients can be written at once: how, and what builds them. */
  readonly direct?: { readonly connection: DirectConnection; readonly frames: FrameCache } | undefined;
}

export class JsonDelivery implements Delivery {
  readonly #to: FrameTaker;
  readonly #frames: FrameCache;

  constructor(to: FrameTaker, frames: FrameCache) {
    this.#to = to;
    this.#frames = frames;
  }

  one(message: BrokerMessage): void {
    this.#to.send(this.#frames.json(message), message.retained);
  }

  many(messages: readonly BrokerMessage[]): void {
    for (const message of messages) this.one(message);
  }

  drained(): Promise<void> | undefined {
    return this.#to.drained?.();
  }
}

/** Topics that a client is remembered to have been told; beyond, it is told anew. */
const mostTold = 100_000;

export class BinaryDelivery implements Delivery {
  readonly #to: FrameTaker;
  readonly #frames: FrameCache;
  readonly #mostBytes: number;
  /** Most clients hear one topic: the set is for those that hear several. */
  #told: Set<number> | undefined;
  #lastTold = 0;
  #lastTopic = '';

  /** @param mostBytes longest frame that is made of several messages */
  constructor(to: FrameTaker, frames: FrameCache, mostBytes: number) {
    this.#to = to;
    this.#frames = frames;
    this.#mostBytes = mostBytes;
  }

  one(message: BrokerMessage): void {
    this.#to.send(this.#frames.binary(message, this.#tell(message.topic)), message.retained);
  }

  many(messages: readonly BrokerMessage[]): void {
    const held = this.hold();
    for (const message of messages) held.add(message);
    held.send();
  }

  drained(): Promise<void> | undefined {
    return this.#to.drained?.();
  }

  get direct(): { readonly connection: DirectConnection; readonly frames: FrameCache } | undefined {
    const connection = this.#to.direct;
    return connection && { connection, frames: this.#frames };
  }

  hold(): Held {
    const batch = new RecordBatch(this.#mostBytes);
    const send = () => {
      if (!batch.isEmpty) this.#to.send(batch.takeFrame());
    };
    return {
      add: (message) => {
        const number = this.#tell(message.topic);
        if (batch.add(message, number)) return;
        send();
        batch.add(message, number);
      },
      send,
      clear: () => batch.clear(),
    };
  }

  /** The topic's number, which the client knows. */
  #tell(topic: string): number {
    if (topic === this.#lastTopic) return this.#lastTold;
    const number = this.#frames.topicNumber(topic);
    if (number !== this.#lastTold) this.#tellAnother(number, topic);
    this.#lastTopic = topic;
    return number;
  }

  #tellAnother(number: number, topic: string): void {
    const before = this.#lastTold;
    this.#lastTold = number;
    if (before !== 0) {
      this.#told ??= new Set([before]);
      if (this.#told.has(number)) return;
      if (this.#told.size >= mostTold) this.#told.clear();
      this.#told.add(number);
    }
    this.#to.send(topicFrame(number, topic));
  }
}
