/**
 * How messages reach one client: as JSON texts, or as records of `earl.v1`, one frame a message or many in one.
 */

import type { BrokerMessage } from '../broker/index.ts';
import { type FrameCache, mergedFrame, topicFrame } from './frames.ts';

/** Where frames go: a connection. */
export interface FrameTaker {
  send(frame: Buffer, retained?: boolean): void;
}

export interface Delivery {
  one(message: BrokerMessage): void;
  /** Live messages that were held back together. */
  many(messages: readonly BrokerMessage[]): void;
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
}

/** Topics that a client is remembered to have been told; beyond, it is told anew. */
const mostTold = 100_000;

export class BinaryDelivery implements Delivery {
  readonly #to: FrameTaker;
  readonly #frames: FrameCache;
  readonly #mostBytes: number;
  readonly #told = new Set<number>();
  #lastTold = 0;

  /** @param mostBytes longest frame that is made of several messages */
  constructor(to: FrameTaker, frames: FrameCache, mostBytes: number) {
    this.#to = to;
    this.#frames = frames;
    this.#mostBytes = mostBytes;
  }

  one(message: BrokerMessage): void {
    this.#tell(message.topic);
    this.#to.send(this.#frames.binary(message), message.retained);
  }

  many(messages: readonly BrokerMessage[]): void {
    let together: Buffer[] = [];
    let bytes = 0;
    for (const message of messages) {
      this.#tell(message.topic);
      const frame = this.#frames.binary(message);
      if (bytes + frame.length > this.#mostBytes) {
        this.#send(together);
        together = [];
        bytes = 0;
      }
      together.push(frame);
      bytes += frame.length;
    }
    this.#send(together);
  }

  #send(frames: readonly Buffer[]): void {
    if (frames.length === 1) this.#to.send(frames[0]!);
    else if (frames.length > 1) this.#to.send(mergedFrame(frames));
  }

  #tell(topic: string): void {
    const number = this.#frames.topicNumber(topic);
    if (number === this.#lastTold) return;
    this.#lastTold = number;
    if (this.#told.has(number)) return;
    if (this.#told.size >= mostTold) this.#told.clear();
    this.#told.add(number);
    this.#to.send(topicFrame(number, topic));
  }
}
