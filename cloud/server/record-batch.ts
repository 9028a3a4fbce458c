/**
 * Messages that one client gets together: their records one behind the other in one buffer, which becomes one frame of
 * `earl.v1` without being copied.
 */

import { type BrokerMessage, copyBytes } from '../broker/index.ts';
import { headerLength, opcodes, recordHeadLength, writeHeader, writeRecordHead } from './frames.ts';

/** Room that a frame's header may need. */
const headroom = 10;
const leastBytes = 1024;

export class RecordBatch {
  readonly #mostBytes: number;
  #bytes: Buffer | undefined;
  #used = headroom;
  /** What the last batch needed. */
  #expected = leastBytes;

  /** @param mostBytes longest frame that is made of several messages */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  get isEmpty(): boolean {
    return this.#used === headroom;
  }

  /** False when it has no room: it must be sent first. A message that is longer than a batch may be is a batch. */
  add(message: BrokerMessage, number: number): boolean {
    const length = recordHeadLength(message, number) + message.length;
    const end = this.#used + length;
    if (end > this.#mostBytes && !this.isEmpty) return false;
    const bytes = this.#roomFor(end);
    const at = writeRecordHead(bytes, this.#used, message, number);
    copyBytes(message.bytes, message.start, message.end, bytes, at);
    this.#used = end;
    return true;
  }

  /** The frame of what was added, which must be something; the batch is empty afterwards. */
  takeFrame(): Buffer {
    const length = this.#used - headroom;
    const start = headroom - headerLength(length);
    const bytes = this.#bytes!;
    writeHeader(bytes, start, opcodes.binary, length);
    const frame = bytes.subarray(start, this.#used);
    this.#expected = this.#used;
    this.clear();
    return frame;
  }

  clear(): void {
    this.#bytes = undefined;
    this.#used = headroom;
  }

  #roomFor(end: number): Buffer {
    const bytes = this.#bytes;
    if (bytes !== undefined && end <= bytes.length) return bytes;
    const longer = Buffer.allocUnsafeSlow(Math.max(end, bytes === undefined ? this.#expected : 2 * bytes.length));
    if (bytes !== undefined) longer.set(bytes.subarray(0, this.#used));
    this.#bytes = longer;
    return longer;
  }
}
