/**
 * Subprotocol `earl.v1`: what `earl.v1.json` says in text messages, and in binary messages publishing and delivery
 * without a topic's name or JSON in every message.
 *
 * A binary message is a sequence of records. A record begins with a byte: its kind in the low four bits, flags in the
 * high four. Numbers are unsigned LEB128 of at most 2^53 - 1; texts and payloads are preceded by their length.
 *
 *     to the server    1 topic     number name           from now on `number` means this topic, on this connection
 *                      2 publish   number [seq] payload  flags: 1 retain, 2 `seq` follows: acknowledged, deduplicated
 *     to the client    1 topic     number name           as above
 *                      2 message   number offset payload flags: 1 retained
 *                      3 accepted  seq                   every publish up to `seq` was accepted, or refused for good
 *                      4 refused   seq code text         2xx: this one and all above it, until it comes again
 */

import { FieldProblem } from './fields.ts';

export const SUBPROTOCOL_BINARY = 'earl.v1';

export const recordKinds = { topic: 1, publish: 2, message: 2, accepted: 3, refused: 4 } as const;
export const recordFlags = { retain: 0x10, sequence: 0x20 } as const;

// Browsers and Node both have them; the types of neither may be leant on here.
declare class TextEncoder {
  encode(text: string): Uint8Array;
}
declare class TextDecoder {
  constructor(label: string, options: { fatal: boolean });
  decode(bytes: Uint8Array): string;
}

const text = new TextEncoder();
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Bytes that a number takes. */
export function numberLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length += 1;
  return length;
}

/** Writes a number, returns the place behind it. */
export function writeNumber(to: Uint8Array, at: number, value: number): number {
  let rest = value;
  let next = at;
  while (rest >= 0x80) {
    to[next++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  to[next++] = rest;
  return next;
}

/** `topic`: a number and the name that it stands for. */
export function topicRecord(number: number, name: string): Uint8Array {
  const bytes = text.encode(name);
  const record = new Uint8Array(1 + numberLength(number) + numberLength(bytes.length) + bytes.length);
  record[0] = recordKinds.topic;
  const at = writeNumber(record, writeNumber(record, 1, number), bytes.length);
  record.set(bytes, at);
  return record;
}

/** `publish`, as a client sends it. */
export function publishRecord(number: number, payload: Uint8Array, retain: boolean, seq?: number): Uint8Array {
  const numbers = seq === undefined ? [number] : [number, seq];
  const flags = (retain ? recordFlags.retain : 0) | (seq === undefined ? 0 : recordFlags.sequence);
  return payloadRecord(recordKinds.publish | flags, numbers, payload);
}

/** `accepted`: every publish up to `seq`. */
export function acceptedRecord(seq: number): Uint8Array {
  const record = new Uint8Array(1 + numberLength(seq));
  record[0] = recordKinds.accepted;
  writeNumber(record, 1, seq);
  return record;
}

/** `refused`: the publish with this `seq`. */
export function refusedRecord(seq: number, code: number, message: string): Uint8Array {
  return payloadRecord(recordKinds.refused, [seq, code], text.encode(message));
}

function payloadRecord(head: number, numbers: readonly number[], payload: Uint8Array): Uint8Array {
  const length = numbers.reduce((sum, number) => sum + numberLength(number), 1 + numberLength(payload.length));
  const record = new Uint8Array(length + payload.length);
  record[0] = head;
  let at = 1;
  for (const number of numbers) at = writeNumber(record, at, number);
  record.set(payload, writeNumber(record, at, payload.length));
  return record;
}

/** Reads a binary message from its beginning; every method throws a `FieldProblem` when there is not enough. */
export class RecordReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;
  #payloadStart = 0;

  /** Reads the bytes from `start` to `end`, by default all. */
  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Where reading goes on. */
  get position(): number {
    return this.#at;
  }

  /** Where the payload that was skipped last begins; it ended at what was the position then. */
  get payloadStart(): number {
    return this.#payloadStart;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#end;
  }

  byte(): number {
    if (this.#at === this.#end) throw new FieldProblem('the binary message ends inside a record');
    return this.#bytes[this.#at++]!;
  }

  number(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER) throw new FieldProblem('a number is greater than 2^53 - 1');
      if (byte < 0x80) return value;
      if (scale >= 2 ** 49) throw new FieldProblem('a number is longer than eight bytes');
    }
  }

  /** Goes behind a payload. */
  skipPayload(): void {
    const length = this.number();
    const end = this.#at + length;
    if (end > this.#end) throw new FieldProblem('the binary message ends inside a payload');
    this.#payloadStart = this.#at;
    this.#at = end;
  }

  /** A view into the message: to be copied by whoever keeps it. */
  payload(): Uint8Array {
    this.skipPayload();
    return this.#bytes.subarray(this.#payloadStart, this.#at);
  }

  text(): string {
    try {
      return utf8.decode(this.payload());
    } catch (error) {
      if (error instanceof FieldProblem) throw error;
      throw new FieldProblem('a text is not UTF-8');
    }
  }
}
