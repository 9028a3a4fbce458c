/** One message as brokers carry it: bytes on a topic at a place in the broker's order. */

import type { Json } from '../protocol/messages.ts';

/** A place in the order of a broker: everything up to and including `offset`. Offsets of another epoch mean nothing. */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

export class BrokerMessage {
  readonly topic: string;
  /** Grows with every message of a broker, from 1, not without gaps for any one topic; 0 on the server's own topics. */
  readonly offset: number;
  /** True when this is the retained last value, sent because the subscription began after it was published. */
  readonly retained: boolean;
  private at: Uint8Array;
  private from: number;
  private to: number;
  private room = 0;
  private within = false;
  private json: Json | undefined | typeof unread;

  /** @param json what the payload says, when the publisher's session has parsed it already */
  constructor(topic: string, payload: Uint8Array, offset: number, retained: boolean, json?: Json) {
    this.topic = topic;
    this.offset = offset;
    this.retained = retained;
    this.at = payload;
    this.from = 0;
    this.to = payload.length;
    this.json = json === undefined ? unread : json;
  }

  /** A message whose payload lies among other bytes, which are not to change before `moveTo` or `detach`. */
  static within(topic: string, bytes: Uint8Array, start: number, end: number, offset: number): BrokerMessage {
    const message = new BrokerMessage(topic, bytes, offset, false);
    message.from = start;
    message.to = end;
    message.within = true;
    return message;
  }

  /**
   * As published; JSON text if a client of `earl.v1.json` published it, anything otherwise. Must not be changed. A copy
   * when the payload lies among other bytes; who only reads it spares that by `bytes`, `start` and `end`.
   */
  get payload(): Buffer {
    this.detach();
    return this.at as Buffer;
  }

  /** What holds the payload, from `start` to `end`. Must not be changed, but for the headroom. */
  get bytes(): Uint8Array {
    return this.at;
  }

  get start(): number {
    return this.from;
  }

  get end(): number {
    return this.to;
  }

  get length(): number {
    return this.to - this.from;
  }

  /**
   * Bytes before the payload that belong to whoever takes them first, so that what goes before it on the wire can be
   * written there without copying the payload once more.
   */
  takeHeadroom(): number {
    const room = this.room;
    this.room = 0;
    return room;
  }

  /** The same payload lies elsewhere now, where it stays. */
  moveTo(bytes: Uint8Array, start: number, headroom: number): void {
    this.to = start + this.length;
    this.from = start;
    this.at = bytes;
    this.room = headroom;
  }

  /** Whether the payload lies among other bytes. */
  get isWithin(): boolean {
    return this.within;
  }

  /** Makes the payload the message's own. */
  detach(): void {
    if (!this.within) return;
    this.within = false;
    this.at = Buffer.from(this.at.subarray(this.from, this.to));
    this.from = 0;
    this.to = this.at.length;
    this.room = 0;
  }

  /** The payload as JSON, parsed once for all who ask; an empty payload is `null`, `undefined` is one that is no JSON. */
  get data(): Json | undefined {
    if (this.json === unread) this.json = parsed(this.payload);
    return this.json;
  }

  asRetained(): BrokerMessage {
    const json = this.json === unread ? undefined : this.json;
    return new BrokerMessage(this.topic, this.payload, this.offset, true, json);
  }
}

const unread = Symbol('not parsed yet');

function parsed(payload: Buffer): Json | undefined {
  if (payload.length === 0) return null;
  try {
    return JSON.parse(payload.toString('utf8')) as Json;
  } catch {
    return undefined;
  }
}
