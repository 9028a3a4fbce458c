/**
 * The messages of a history in memory that the garbage collector does not walk: payloads one behind the other in blocks,
 * places and lengths in typed arrays, the messages of a topic as a chain.
 *
 * A block lives for as long as one of its messages, or a view of one that somebody still has. When most of what is held
 * has gone, what is left moves together, so that the memory is at most twice what the messages need, and some blocks.
 */

import { BrokerMessage } from './message.ts';

const blockBytes = 256 * 1024;
/** Before each payload, for what goes before it on the wire (frames.ts): a frame's header, a kind, three numbers. */
const headroom = 24;
/** What a message costs beyond its payload: headroom, and its place in the arrays, of which up to half are empty. */
export const overheadBytes = headroom + 80;
const fewest = 1024;
/** Longer payloads are faster copied by the runtime than byte by byte. */
const shortBytes = 128;
const none = -1;

/** The messages of one topic, the oldest first. */
export interface Chain {
  readonly topic: string;
  first: number;
  last: number;
  length: number;
}

export function emptyChain(topic: string): Chain {
  return { topic, first: none, last: none, length: 0 };
}

class Block {
  readonly bytes: Buffer;
  used = 0;
  messages = 0;

  constructor(length: number) {
    this.bytes = Buffer.allocUnsafeSlow(length);
  }
}

export class MessageLog<Topic extends Chain> {
  /** A ring of slots in the order of offsets; a slot whose message has gone has no topic. */
  #offsets = new Float64Array(fewest);
  #starts = new Uint32Array(fewest);
  #lengths = new Uint32Array(fewest);
  #nexts = new Int32Array(fewest);
  #topics: (Topic | undefined)[] = emptySlots(fewest);
  #blocks: (Block | undefined)[] = emptySlots(fewest);
  #first = 0;
  /** Slots in use, those whose message has gone among them. */
  #used = 0;
  #block = new Block(0);
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
    return this.#topics[this.#first];
  }

  /** Takes a message, younger than all others; one whose payload lies among other bytes has it here from now on. */
  append(topic: Topic, message: BrokerMessage): void {
    if (this.#used === this.#offsets.length) this.#rebuild();
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
    const slot = topic.first;
    const block = this.#blocks[slot]!;
    const offset = this.#offsets[slot]!;
    topic.first = this.#nexts[slot]!;
    if (topic.first === none) topic.last = none;
    topic.length -= 1;
    this.#topics[slot] = undefined;
    this.#blocks[slot] = undefined;
    this.#messages -= 1;
    this.#liveBytes -= headroom + this.#lengths[slot]!;
    block.messages -= 1;
    if (block.messages === 0 && block !== this.#block) this.#heldBytes -= block.bytes.length;
    const mask = this.#offsets.length - 1;
    while (this.#used > 0 && this.#topics[this.#first] === undefined) {
      this.#first = (this.#first + 1) & mask;
      this.#used -= 1;
    }
    if (this.#isSparse) this.#rebuild();
    return offset;
  }

  /** Length of the payload that `dropFirst` would drop. */
  firstLength(topic: Topic): number {
    return this.#lengths[topic.first]!;
  }

  /** The messages of a topic after an offset, in order. */
  *after(topic: Topic, offset: number): Generator<BrokerMessage> {
    for (let slot = topic.first; slot !== none; slot = this.#nexts[slot]!) {
      const own = this.#offsets[slot]!;
      if (own <= offset) continue;
      const start = this.#starts[slot]!;
      yield BrokerMessage.within(topic.topic, this.#blocks[slot]!.bytes, start, start + this.#lengths[slot]!, own);
    }
  }

  get #isSparse(): boolean {
    return (
      this.#heldBytes > 2 * this.#liveBytes + 4 * blockBytes || (this.#used > fewest && this.#used > 4 * this.#messages)
    );
  }

  #roomFor(length: number): Block {
    const block = this.#block;
    const needed = headroom + length;
    if (block.used + needed <= block.bytes.length) return block;
    if (block.messages === 0) this.#heldBytes -= block.bytes.length;
    this.#block = new Block(Math.max(blockBytes, needed));
    this.#heldBytes += this.#block.bytes.length;
    return this.#block;
  }

  #link(topic: Topic, offset: number, block: Block, start: number, length: number): void {
    const slot = (this.#first + this.#used) & (this.#offsets.length - 1);
    this.#used += 1;
    this.#offsets[slot] = offset;
    this.#starts[slot] = start;
    this.#lengths[slot] = length;
    this.#nexts[slot] = none;
    this.#topics[slot] = topic;
    this.#blocks[slot] = block;
    block.messages += 1;
    if (topic.last === none) topic.first = slot;
    else this.#nexts[topic.last] = slot;
    topic.last = slot;
    topic.length += 1;
    this.#messages += 1;
    this.#liveBytes += headroom + length;
  }

  /** Moves what is left together, into as many slots as it needs, twice. */
  #rebuild(): void {
    const [offsets, starts, lengths, topics, blocks] = [
      this.#offsets,
      this.#starts,
      this.#lengths,
      this.#topics,
      this.#blocks,
    ];
    const [first, used, mask] = [this.#first, this.#used, offsets.length - 1];
    const moves = this.#heldBytes > 2 * this.#liveBytes + 2 * blockBytes;
    this.#reset(2 ** Math.ceil(Math.log2(Math.max(fewest, 2 * this.#messages))));
    for (const topic of new Set(topics)) {
      if (topic) Object.assign(topic, { first: none, last: none, length: 0 });
    }
    if (moves) {
      this.#block = new Block(0);
      this.#heldBytes = 0;
    }
    for (let index = 0; index < used; index++) {
      const slot = (first + index) & mask;
      const topic = topics[slot];
      if (topic === undefined) continue;
      let block = blocks[slot]!;
      let start = starts[slot]!;
      const length = lengths[slot]!;
      if (moves) {
        const source = block.bytes.subarray(start, start + length);
        block = this.#roomFor(length);
        start = block.used + headroom;
        block.bytes.set(source, start);
        block.used = start + length;
      } else {
        block.messages -= 1;
      }
      this.#link(topic, offsets[slot]!, block, start, length);
    }
  }

  #reset(slots: number): void {
    this.#offsets = new Float64Array(slots);
    this.#starts = new Uint32Array(slots);
    this.#lengths = new Uint32Array(slots);
    this.#nexts = new Int32Array(slots);
    this.#topics = emptySlots(slots);
    this.#blocks = emptySlots(slots);
    this.#first = 0;
    this.#used = 0;
    this.#messages = 0;
    this.#liveBytes = 0;
  }
}

function emptySlots<Value>(count: number): (Value | undefined)[] {
  return new Array<Value | undefined>(count).fill(undefined);
}

/** Also used for what is sent: see frames.ts. */
export function copyBytes(source: Uint8Array, start: number, end: number, to: Uint8Array, at: number): void {
  if (end - start > shortBytes) {
    to.set(source.subarray(start, end), at);
    return;
  }
  for (let from = start, next = at; from < end; ) to[next++] = source[from++]!;
}
