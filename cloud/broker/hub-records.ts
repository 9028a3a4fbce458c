/**
 * The language between workers and the hub that holds their messages: records over a Unix domain socket.
 *
 * A record is its length (4 bytes, of what follows), its kind (1 byte) and fields. Whole numbers are little-endian, of 4
 * bytes, or of 8 as a double where they may pass 2^32. Topics and publishers go by number: `topic` and `publisher` say
 * once what a number means. What a turn of the event loop produced goes in one write; what a chunk brought is read in
 * one loop. No JSON. Both ends are the same program, so a record that is wrong ends the connection.
 *
 *     to the hub     hello        version secret worker
 *                    topic        number text
 *                    publisher    number text
 *                    publish      flags topic [publisher seq] payload     flags: 1 retain, 2 publisher and seq follow
 *                    seal         batch                 ends the publishes that are accepted together
 *                    subscribe    id flags filter       flags: 1 with the last values
 *                    unsubscribe  filter                for all subscriptions of the worker to it
 *                    read         id offset most epoch filters
 *                    ping         id
 *     to the worker  welcome
 *                    topic        as above
 *                    message      topic offset payload
 *                    accepted     batch
 *                    refused      batch code text
 *                    retained     id topic offset payload    last values, before `joined`
 *                    joined       id                    every message after this one is live
 *                    begun        id offset epoch       the subscription is acknowledged
 *                    failed       id code text          `subscribe` or `read`
 *                    past         id topic offset payload    what `read` found, before `history`
 *                    history      id complete
 *                    pong         id
 *                    gap          text                  messages were dropped from here on: subscribe anew
 */

import { EarlError } from '../../errors/index.ts';

/** Changes when a record does: processes of two versions of Earl must not misread each other. */
export const hubVersion = 1;

export const toHub = {
  hello: 1,
  topic: 2,
  publisher: 3,
  publish: 4,
  seal: 5,
  subscribe: 6,
  unsubscribe: 7,
  read: 8,
  ping: 9,
} as const;

export const toWorker = {
  welcome: 1,
  topic: 2,
  message: 3,
  accepted: 4,
  refused: 5,
  retained: 6,
  joined: 7,
  begun: 8,
  failed: 9,
  past: 10,
  history: 11,
  pong: 12,
  gap: 13,
} as const;

export const publishFlags = { retain: 1, dedupe: 2 } as const;

const chunkBytes = 64 * 1024;
const headBytes = 5;
/** Longest record; a message has at most what the protocols allow, which is far less. */
const mostRecordBytes = 64 * 1024 * 1024;

/** Writes records one after the other into chunks, until they are taken. */
export class RecordWriter {
  #chunk = Buffer.allocUnsafeSlow(chunkBytes);
  /** What is in the chunk and not yet taken begins here. */
  #from = 0;
  #at = 0;
  #begun = 0;
  #full: Buffer[] = [];
  #fullBytes = 0;

  /** Bytes that were not taken. */
  get bytes(): number {
    return this.#fullBytes + this.#at - this.#from;
  }

  /** Begins a record whose fields have at most so many bytes. */
  begin(kind: number, mostBytes: number): this {
    const needed = headBytes + mostBytes;
    if (this.#at + needed > this.#chunk.length) this.#next(needed);
    this.#begun = this.#at;
    this.#chunk[this.#at + 4] = kind;
    this.#at += headBytes;
    return this;
  }

  byte(value: number): this {
    this.#chunk[this.#at++] = value;
    return this;
  }

  number(value: number): this {
    this.#at = this.#chunk.writeUInt32LE(value, this.#at);
    return this;
  }

  double(value: number): this {
    this.#at = this.#chunk.writeDoubleLE(value, this.#at);
    return this;
  }

  /** At most `3 * text.length + 4` bytes. */
  text(text: string): this {
    const length = this.#chunk.write(text, this.#at + 4, 'utf8');
    this.#chunk.writeUInt32LE(length, this.#at);
    this.#at += 4 + length;
    return this;
  }

  /** The last field of a record. */
  rest(bytes: Uint8Array): this {
    this.#chunk.set(bytes, this.#at);
    this.#at += bytes.length;
    return this;
  }

  end(): void {
    this.#chunk.writeUInt32LE(this.#at - this.#begun - 4, this.#begun);
  }

  /** Hands over all records so far; they will not be changed any more. */
  take(): Buffer[] {
    const taken = this.#full;
    if (this.#at > this.#from) taken.push(this.#chunk.subarray(this.#from, this.#at));
    this.#from = this.#at;
    this.#full = [];
    this.#fullBytes = 0;
    return taken;
  }

  #next(needed: number): void {
    if (this.#at > this.#from) {
      this.#full.push(this.#chunk.subarray(this.#from, this.#at));
      this.#fullBytes += this.#at - this.#from;
    }
    this.#chunk = Buffer.allocUnsafeSlow(Math.max(chunkBytes, needed));
    this.#from = 0;
    this.#at = 0;
  }
}

/** The fields of one record, read one after the other. Views into the chunk: to be copied by whoever keeps them. */
export class Fields {
  kind = 0;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;

  /** @internal */
  of(bytes: Buffer, from: number, end: number): this {
    this.#bytes = bytes;
    this.kind = bytes[from]!;
    this.#at = from + 1;
    this.#end = end;
    return this;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#end;
  }

  byte(): number {
    this.#need(1);
    return this.#bytes[this.#at++]!;
  }

  number(): number {
    this.#need(4);
    const value = this.#bytes.readUInt32LE(this.#at);
    this.#at += 4;
    return value;
  }

  double(): number {
    this.#need(8);
    const value = this.#bytes.readDoubleLE(this.#at);
    this.#at += 8;
    return value;
  }

  text(): string {
    const length = this.number();
    this.#need(length);
    const text = this.#bytes.toString('utf8', this.#at, this.#at + length);
    this.#at += length;
    return text;
  }

  /** A copy of what is left. */
  payload(): Buffer {
    const payload = Buffer.from(this.#bytes.subarray(this.#at, this.#end));
    this.#at = this.#end;
    return payload;
  }

  #need(count: number): void {
    if (this.#at + count > this.#end) throw wrongRecord('it ends inside a field');
  }
}

/** Cuts what a stream brings into records, wherever its chunks are cut. */
export class RecordReader {
  readonly #onRecord: (record: Fields) => void;
  readonly #fields = new Fields();
  #held: Buffer[] = [];
  #heldBytes = 0;

  constructor(onRecord: (record: Fields) => void) {
    this.#onRecord = onRecord;
  }

  /** Throws `HUB_BAD_RECORD`, and whatever `onRecord` throws. */
  take(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#heldBytes > 0) {
      this.#held.push(chunk);
      this.#heldBytes += chunk.length;
      if (this.#heldBytes < this.#wanted()) return;
      bytes = Buffer.concat(this.#held, this.#heldBytes);
      this.#held = [];
      this.#heldBytes = 0;
    }
    const at = this.#cut(bytes);
    if (at === bytes.length) return;
    this.#held = [bytes.subarray(at)];
    this.#heldBytes = bytes.length - at;
  }

  /** Reads all whole records; the place behind them. */
  #cut(bytes: Buffer): number {
    let at = 0;
    while (at + headBytes <= bytes.length) {
      const length = bytes.readUInt32LE(at);
      if (length < 1 || length > mostRecordBytes) throw wrongRecord(`its length is ${length}`);
      const end = at + 4 + length;
      if (end > bytes.length) break;
      this.#onRecord(this.#fields.of(bytes, at + 4, end));
      at = end;
    }
    return at;
  }

  /** Bytes with which the first record that is held is whole. */
  #wanted(): number {
    const [first] = this.#held;
    return first!.length >= headBytes ? 4 + first!.readUInt32LE(0) : headBytes;
  }
}

export function wrongRecord(problem: string): EarlError {
  return new EarlError('HUB_BAD_RECORD', `a record between the hub and a worker is wrong: ${problem}`);
}
