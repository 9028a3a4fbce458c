/** One message as brokers carry it: bytes on a topic at a place in the broker's order. */

import type { Json } from '../protocol/messages.ts';

/** A place in the order of a broker: everything up to and including `offset`. Offsets of another epoch mean nothing. */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

export class BrokerMessage {
  readonly topic: string;
  /** As published; JSON text if a client of `earl.v1.json` published it, anything otherwise. Must not be changed. */
  readonly payload: Buffer;
  /** Grows with every message of a broker, from 1, not without gaps for any one topic; 0 on the server's own topics. */
  readonly offset: number;
  /** True when this is the retained last value, sent because the subscription began after it was published. */
  readonly retained: boolean;
  private json: Json | undefined | typeof unread;

  /** @param json what the payload says, when the publisher's session has parsed it already */
  constructor(topic: string, payload: Buffer, offset: number, retained: boolean, json?: Json) {
    this.topic = topic;
    this.payload = payload;
    this.offset = offset;
    this.retained = retained;
    this.json = json === undefined ? unread : json;
  }

  /** The payload as JSON, parsed once for all who ask; an empty payload is `null`, `undefined` is one that is no JSON. */
  get data(): Json | undefined {
    if (this.json === unread) this.json = parsed(this.payload);
    return this.json;
  }

  asRetained(): BrokerMessage {
    return new BrokerMessage(this.topic, this.payload, this.offset, true, this.json === unread ? undefined : this.json);
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
