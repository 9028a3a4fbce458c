/**
 * Acknowledged publishes that this client numbers: each waits until the cloud has accepted it, across reconnects, in order.
 *
 * Bounded by messages and bytes: what does not fit is rejected, what was taken in stays. On a connection a window of them
 * is on its way; when it ends, those go again first, with their numbers, by which the cloud knows repetitions. When the
 * cloud refuses one for now it refuses all after it too (docs/protocol.md, "publish"): after a pause, whose bound grows
 * while nothing is accepted, it and all after it go again. Nothing is kept on disk.
 */

import { EarlError } from '../../errors/index.ts';
import { Fifo } from './fifo.ts';
import type { Outgoing } from './publish-writers.ts';
import { isPassingCode, serverError } from './requests.ts';

/** One that waits. */
export interface Waiting extends Outgoing {
  readonly seq: number;
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: EarlError) => void;
}

export interface QueueLimits {
  /** Publishes that wait or are on their way. */
  readonly messages: number;
  /** Bytes of their JSON and topics. */
  readonly bytes: number;
}

/** On their way before the first of them is accepted. */
const window = 1024;
const pauseMs = { first: 100, longest: 5_000 };

export class AcknowledgedQueue {
  readonly #limits: QueueLimits;
  readonly #onReady: () => void;
  readonly #waiting = new Fifo<Waiting>();
  readonly #flight = new Map<number, Waiting>();
  #bytes = 0;
  #lastSeq: number;
  #pause: ReturnType<typeof setTimeout> | undefined;
  #pauses = 0;

  /**
   * @param lastSeq numbers begin above it
   * @param onReady there is something to take again
   */
  constructor(limits: QueueLimits, lastSeq: number, onReady: () => void) {
    this.#limits = limits;
    this.#lastSeq = lastSeq;
    this.#onReady = onReady;
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  get messages(): number {
    return this.#waiting.length + this.#flight.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Resolves when the cloud has it. Rejects with `CLOUD_QUEUE_FULL`, or as `refused` and `rejectAll` say. */
  push(topic: string, json: string, retain: boolean, order: number, bytes: number): Promise<void> {
    const { messages: mostMessages, bytes: mostBytes } = this.#limits;
    if (this.messages >= mostMessages || this.#bytes + bytes > mostBytes) {
      const held = `${this.messages} messages of ${this.#bytes} bytes wait for the cloud`;
      const problem = `${held}, more may not (limits ${mostMessages} and ${mostBytes}): publish again later`;
      return Promise.reject(new EarlError('CLOUD_QUEUE_FULL', problem));
    }
    this.#lastSeq += 1;
    this.#bytes += bytes;
    const seq = this.#lastSeq;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ topic, json, retain, order, seq, bytes, resolve, reject });
    });
  }

  /** The next to be sent; undefined when there is none, or not now. */
  peek(): Waiting | undefined {
    if (this.#pause !== undefined || this.#flight.size >= window) return undefined;
    return this.#waiting.peek();
  }

  /** The next to be sent, now on its way. */
  take(): Waiting | undefined {
    const next = this.#waiting.shift();
    if (next !== undefined) this.#flight.set(next.seq, next);
    return next;
  }

  /** The cloud has this one; with `upTo` all up to it. */
  accepted(seq: number, upTo: boolean): void {
    const wasFull = this.#flight.size >= window;
    if (upTo) this.#acceptUpTo(seq);
    else this.#settle(this.#flight.get(seq));
    this.#pauses = 0;
    if (wasFull && this.#waiting.length > 0) this.#onReady();
  }

  /** Rejects it when the cloud never takes it; otherwise it and all after it go again. */
  refused(seq: number, code: number, message: string): void {
    const refused = this.#flight.get(seq);
    if (refused === undefined) return;
    if (!isPassingCode(code)) {
      this.#forget(refused);
      refused.reject(serverError(code, message));
      return;
    }
    this.#rewind(seq);
    if (this.#pause !== undefined) return;
    const bound = Math.min(pauseMs.longest, pauseMs.first * 2 ** Math.min(this.#pauses, 30));
    this.#pauses += 1;
    this.#pause = setTimeout(() => this.#goOn(), bound * (0.5 + Math.random() / 2));
  }

  /** A connection begins or has ended: what was on its way goes again. */
  restart(): void {
    this.#rewind(0);
    clearTimeout(this.#pause);
    this.#pause = undefined;
    this.#pauses = 0;
  }

  rejectAll(error: EarlError): void {
    this.restart();
    this.#bytes = 0;
    for (const { reject } of this.#waiting.clear()) reject(error);
  }

  #goOn(): void {
    this.#pause = undefined;
    this.#onReady();
  }

  /** Numbers rise along the flight, and from there on along what waits. */
  #acceptUpTo(seq: number): void {
    for (const one of this.#flight.values()) {
      if (one.seq > seq) break;
      this.#settle(one);
    }
    for (let next = this.#waiting.peek(); next !== undefined && next.seq <= seq; next = this.#waiting.peek()) {
      this.#waiting.shift();
      this.#bytes -= next.bytes;
      next.resolve();
    }
  }

  #settle(one: Waiting | undefined): void {
    if (one === undefined) return;
    this.#forget(one);
    one.resolve();
  }

  #forget(one: Waiting): void {
    this.#flight.delete(one.seq);
    this.#bytes -= one.bytes;
  }

  #rewind(from: number): void {
    const again = [...this.#flight.values()].filter(({ seq }) => seq >= from);
    for (const { seq } of again) this.#flight.delete(seq);
    this.#waiting.unshift(again);
  }
}
