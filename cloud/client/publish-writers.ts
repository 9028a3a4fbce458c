/** How publishes are written on a connection: as JSON texts (`earl.v1.json`), or as records (`earl.v1`), many in a frame. */

import { numberLength, recordFlags, recordKinds, topicRecord, writeNumber } from '../protocol/index.ts';

/** A message to be published. */
export interface Outgoing {
  readonly topic: string;
  /** The data as JSON; empty to forget the topic's last value. */
  readonly json: string;
  readonly retain: boolean;
  /** Of an acknowledged one. */
  readonly seq: number | undefined;
  /** Place among all that this client has published. */
  readonly order: number;
}

/** Lives as long as one connection. */
export interface PublishWriter {
  write(message: Outgoing): void;
  /** Sends what was written. */
  flush(): void;
}

/** One text a message. */
export class JsonWriter implements PublishWriter {
  readonly #send: (text: string) => void;
  readonly #idOf: (seq: number) => number;

  /** @param idOf a new id for the request that publishes this number */
  constructor(send: (text: string) => void, idOf: (seq: number) => number) {
    this.#send = send;
    this.#idOf = idOf;
  }

  write({ topic, json, retain, seq }: Outgoing): void {
    const numbers = seq === undefined ? '' : `,"id":${this.#idOf(seq)},"seq":${seq}`;
    const kept = retain ? ',"retain":true' : '';
    this.#send(`{"op":"publish","topic":${JSON.stringify(topic)},"data":${json || 'null'}${numbers}${kept}}`);
  }

  flush(): void {}
}

interface Encoder {
  encodeInto(text: string, to: Uint8Array): { written: number };
}
const encoder = new (globalThis as unknown as { TextEncoder: new () => Encoder }).TextEncoder();

/** A connection may have so many (docs/protocol.md, "Programs in a hurry"). */
const topicsWithNumbers = 10_000;
const firstCapacity = 4096;
/** Bytes of a record's kind and three numbers at their longest. */
const longestHead = 1 + 3 * 8;

export class RecordWriter implements PublishWriter {
  readonly #send: (frame: Uint8Array) => void;
  readonly #mostBytes: number;
  readonly #mostTopics: number;
  readonly #numbers = new Map<string, number>();
  readonly #names: string[] = [];
  #declared = 0;
  #bytes = new Uint8Array(firstCapacity);
  #length = 0;

  /**
   * @param mostBytes of a frame
   * @param mostTopics that have a number at a time; beyond, the one that got its number first loses it
   */
  constructor(send: (frame: Uint8Array) => void, mostBytes: number, mostTopics = topicsWithNumbers) {
    this.#send = send;
    this.#mostBytes = mostBytes;
    this.#mostTopics = mostTopics;
  }

  write({ topic, json, retain, seq }: Outgoing): void {
    const start = this.#length;
    const number = this.#numbers.get(topic) ?? this.#declare(topic);
    this.#makeRoom(longestHead + 3 * json.length);
    const bytes = this.#bytes;
    const flags = (retain ? recordFlags.retain : 0) | (seq === undefined ? 0 : recordFlags.sequence);
    bytes[this.#length] = recordKinds.publish | flags;
    let at = writeNumber(bytes, this.#length + 1, number);
    if (seq !== undefined) at = writeNumber(bytes, at, seq);
    this.#length = writePayload(bytes, at, json);
    if (this.#length > this.#mostBytes && start > 0) this.#split(start);
  }

  flush(): void {
    if (this.#length === 0) return;
    this.#send(this.#bytes.slice(0, this.#length));
    this.#length = 0;
  }

  /** What fitted goes; what did not begins the next frame. */
  #split(start: number): void {
    this.#send(this.#bytes.slice(0, start));
    this.#bytes.copyWithin(0, start, this.#length);
    this.#length -= start;
  }

  #declare(topic: string): number {
    const index = this.#declared % this.#mostTopics;
    const before = this.#names[index];
    if (before !== undefined) this.#numbers.delete(before);
    this.#names[index] = topic;
    this.#declared += 1;
    this.#numbers.set(topic, index + 1);
    const record = topicRecord(index + 1, topic);
    this.#makeRoom(record.length);
    this.#bytes.set(record, this.#length);
    this.#length += record.length;
    return index + 1;
  }

  #makeRoom(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}

/** Writes a text behind its length; where it ends. Most JSON is ASCII, so its length is guessed before it is known. */
function writePayload(bytes: Uint8Array, at: number, text: string): number {
  const start = writeNumber(bytes, at, text.length);
  const { written } = encoder.encodeInto(text, bytes.subarray(start));
  if (written === text.length) return start + written;
  const moved = at + numberLength(written);
  bytes.copyWithin(moved, start, start + written);
  writeNumber(bytes, at, written);
  return moved + written;
}
