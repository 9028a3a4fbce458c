/**
 * The messages of a history in memory that the garbage collector does not walk: payloads one behind the other in blocks,
 * where they are in a ring of records of eight words, the messages of a topic as a chain through it.
 *
 * A block lives for as long as one of its messages, or a view of one that somebody still has. When most of what is held
 * has gone, what is left moves together, so that the memory is at most twice what the messages need, and some blocks.
 */

import { copyBytes } from './copy-bytes.ts';
import { BrokerMessage } from './message.ts';
import { SlotTable } from './slot-table.ts';

const blockBytes = 256 * 1024;
/** Before each payload, for what goes before it on the wire (frames.ts): a frame's header, a kind, three numbers. */
const headroom = 24;
const fewest = 1024;
const none = -1;

/** Words of a record: one stands in half a line of the processor's cache. */
const words = { offsetLow: 0, offsetHigh: 1, block: 2, start: 3, length: 4, topic: 5, next: 6 } as const;
const recordWords = 8;
const wordRange = 2 ** 32;
/** What a message costs beyond its payload: headroom, and a record in a ring that may be half empty. */
export const overheadBytes = headroom + 2 * 4 * recordWords;

/** The messages of one topic, the oldest first. */
export class Chain {
  readonly topic: string;
  /** Its place in the log's table of topics while it has messages. */
  id = none;
  first = none;
  last = none;
  length = 0;

  constructor(topic: string) {
    this.topic = topic;
  }

  /** Forgets the messages. */
  clear(): void {
    this.first = none;
    this.last = none;
    this.length = 0;
  }
}

class Block {
  readonly id: number;
  readonly bytes: Buffer;
  used = 0;
  messages = 0;

  constructor(id: number, length: number) {
    this.id = id;
    this.bytes = Buffer.allocUnsafeSlow(length);
  }
}

export class MessageLog<Topic extends Chain> {
  readonly #topics = new SlotTable<Topic>();
  readonly #blocks = new SlotTable<Block>();
  /** In the order of offsets; the topic of a message that has gone is `none`. */
  #records = new Int32Array(fewest * recordWords);
  #mask = fewest - 1;
  #first = 0;
  /** Records in use, those whose message has gone among them. */
  #used = 0;
  #block: Block | undefined;
  #messages = 0;
  #liveBytes = 0;
  #heldBytes = 0;

  get messages(): number {
    return this.#messages;
  }

  /** Bytes of all blocks that one of the messages is in, and of the block that the next goes to. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Of the oldest message; undefined when there is none. */
  get oldest(): Topic | undefined {
    return this.#used === 0 ? undefined : this.#topics.at(this.#records[this.#first * recordWords + words.topic]!);
  }

  /** Takes a message, younger than all others; one whose payload lies among other bytes has it here from now on. */
  append(topic: Topic, message: BrokerMessage): void {
    if (this.#used > this.#mask) this.#rebuild();
    const { length } = message;
    const block = this.#roomFor(length);
    const start = block.used + headroom;
    copyBytes(message.bytes, message.start, message.end, block.bytes, start);
    block.used = start + length;
    this.#link(topic, message.offset, block, start, length);
    if (message.isWithin) message.moveTo(block.bytes, start, headroom);
  }

  /** The oldest message of a topic goes; its offset. */
  dropFirst(topic: Topic): number {
    const records = this.#records;
    const at = topic.first * recordWords;
    const offset = offsetAt(records, at);
    this.#liveBytes -= headroom + records[at + words.length]!;
    this.#messages -= 1;
    records[at + words.topic] = none;
    this.#unlink(topic, records[at + words.next]!);
    this.#release(this.#blocks.at(records[at + words.block]!)!);
    while (this.#used > 0 && records[this.#first * recordWords + words.topic] === none) {
      this.#first = (this.#first + 1) & this.#mask;
      this.#used -= 1;
    }
    if (this.#isSparse) this.#rebuild();
    return offset;
  }

  /** Length of the payload that `dropFirst` would drop. */
  firstLength(topic: Topic): number {
    return this.#records[topic.first * recordWords + words.length]!;
  }

  /** The messages of a topic after an offset, in order. */
  *after(topic: Topic, since: number): Generator<BrokerMessage> {
    const records = this.#records;
    for (let slot = topic.first; slot !== none; slot = records[slot * recordWords + words.next]!) {
      const at = slot * recordWords;
      const offset = offsetAt(records, at);
      if (offset <= since) continue;
      const start = records[at + words.start]!;
      const { bytes } = this.#blocks.at(records[at + words.block]!)!;
      yield BrokerMessage.within(topic.topic, bytes, start, start + records[at + words.length]!, offset);
    }
  }

  get #isSparse(): boolean {
    if (this.#heldBytes > 2 * this.#liveBytes + 4 * blockBytes) return true;
    return this.#used > fewest && this.#used > 4 * this.#messages;
  }

  #roomFor(length: number): Block {
    const needed = headroom + length;
    const current = this.#block;
    if (current !== undefined && current.used + needed <= current.bytes.length) return current;
    this.#block = this.#newBlock(Math.max(blockBytes, needed));
    if (current?.messages === 0) this.#forget(current);
    return this.#block;
  }

  #newBlock(length: number): Block {
    this.#heldBytes += length;
    return this.#blocks.add((id) => new Block(id, length));
  }

  #release(block: Block): void {
    block.messages -= 1;
    if (block.messages === 0 && block !== this.#block) this.#forget(block);
  }

  #forget(block: Block): void {
    this.#blocks.delete(block.id);
    this.#heldBytes -= block.bytes.length;
  }

  #link(topic: Topic, offset: number, block: Block, start: number, length: number): void {
    if (topic.length === 0) {
      this.#topics.add((id) => {
        topic.id = id;
        return topic;
      });
    }
    const slot = (this.#first + this.#used) & this.#mask;
    const at = slot * recordWords;
    const records = this.#records;
    records[at + words.offsetLow] = offset;
    records[at + words.offsetHigh] = offset / wordRange;
    records[at + words.block] = block.id;
    records[at + words.start] = start;
    records[at + words.length] = length;
    records[at + words.topic] = topic.id;
    records[at + words.next] = none;
    if (topic.last === none) topic.first = slot;
    else records[topic.last * recordWords + words.next] = slot;
    topic.last = slot;
    topic.length += 1;
    block.messages += 1;
    this.#used += 1;
    this.#messages += 1;
    this.#liveBytes += headroom + length;
  }

  #unlink(topic: Topic, next: number): void {
    topic.first = next;
    topic.length -= 1;
    if (next !== none) return;
    topic.last = none;
    this.#topics.delete(topic.id);
  }

  /** Moves what is left together, into a ring twice as large as it needs. */
  #rebuild(): void {
    const records = this.#records;
    const [first, used, mask] = [this.#first, this.#used, this.#mask];
    const moves = this.#heldBytes > 2 * this.#liveBytes + 2 * blockBytes;
    const slots = 2 ** Math.ceil(Math.log2(Math.max(fewest, 2 * this.#messages)));
    this.#records = new Int32Array(slots * recordWords);
    this.#mask = slots - 1;
    this.#first = 0;
    this.#used = 0;
    this.#messages = 0;
    this.#liveBytes = 0;
    const topics = this.#topics.clear();
    for (const topic of topics) topic?.clear();
    if (moves) this.#block = undefined;
    for (let index = 0; index < used; index++) {
      const at = ((first + index) & mask) * recordWords;
      const topic = topics[records[at + words.topic]!];
      if (topic) this.#relink(topic, records, at, moves);
    }
  }

  #relink(topic: Topic, records: Int32Array, at: number, moves: boolean): void {
    const from = this.#blocks.at(records[at + words.block]!)!;
    const [start, length] = [records[at + words.start]!, records[at + words.length]!];
    let [block, to] = [from, start];
    if (moves) {
      block = this.#roomFor(length);
      to = block.used + headroom;
      block.bytes.set(from.bytes.subarray(start, start + length), to);
      block.used = to + length;
    }
    this.#link(topic, offsetAt(records, at), block, to, length);
    this.#release(from);
  }
}

function offsetAt(records: Int32Array, at: number): number {
  return (records[at + words.offsetLow]! >>> 0) + records[at + words.offsetHigh]! * wordRange;
}
