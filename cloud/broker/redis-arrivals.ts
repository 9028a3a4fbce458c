/**
 * What has arrived from Redis and waits its turn, in order: because an answer that belongs to it has not come on the
 * other connection, or because what was missed before it is being read.
 */

import type { Position } from './message.ts';
import { Queue } from './queue.ts';

export type Arrival =
  | { readonly kind: 'message'; readonly frame: Buffer }
  | { readonly kind: 'marker'; readonly id: string }
  | { readonly kind: 'epoch'; readonly position: Position };

export class RedisArrivals {
  readonly #take: (arrival: Arrival) => boolean;
  readonly #queue = new Queue<Arrival>();
  #bytes = 0;
  #held = true;
  #taking = false;

  /** @param take deals with an arrival; false when it cannot yet, and everything after it must wait */
  constructor(take: (arrival: Arrival) => boolean) {
    this.#take = take;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(arrival: Arrival): void {
    this.#queue.push(arrival);
    this.#bytes += bytesOf(arrival);
    this.takeAll();
  }

  /** Forgets what waits, and lets nothing through until `release`. */
  hold(): void {
    this.#held = true;
    while (this.#queue.shift() !== undefined);
    this.#bytes = 0;
  }

  release(): void {
    this.#held = false;
    this.takeAll();
  }

  /** Deals with what has arrived, as far as possible. */
  takeAll(): void {
    if (this.#taking || this.#held) return;
    this.#taking = true;
    for (let next = this.#queue.at(0); next !== undefined && this.#take(next); next = this.#queue.at(0)) {
      if (this.#held) break;
      this.#queue.shift();
      this.#bytes -= bytesOf(next);
    }
    this.#taking = false;
  }
}

function bytesOf(arrival: Arrival): number {
  return arrival.kind === 'message' ? arrival.frame.length : 0;
}
