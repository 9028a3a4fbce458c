/**
 * Main flash (0xC000-0xFFFF) as bytes plus the decoded instructions in it.
 *
 * Boards that run the same image share one object: it is read-only until a board writes its flash, which makes a copy
 * for that board first (see Memory). Decoding is lazy and kept here, so that the second board decodes nothing.
 */

import { decode } from './cpu/decode.ts';
import type { Image } from './image/image.ts';

export const flashStart = 0xc000;
export const flashBytes = 0x4000;

export class FlashContents {
  readonly bytes = new Uint8Array(flashBytes).fill(0xff);
  /** Packed instruction (see decode.ts) by word address; 0: not decoded yet. */
  readonly operations = new Int32Array(flashBytes / 2);
  /** Operand words of the instruction: source low, destination high. */
  readonly operands = new Int32Array(flashBytes / 2);
  private readonly decoded = new Int32Array(2);

  /** The flash part of an image; info memory is each board's own. */
  static of(image: Image): FlashContents {
    const contents = new FlashContents();
    for (const { address, data } of image.segments) {
      if (address >= flashStart) contents.bytes.set(data, address - flashStart);
    }
    return contents;
  }

  clone(): FlashContents {
    const copy = new FlashContents();
    copy.bytes.set(this.bytes);
    return copy;
  }

  /** Changes a byte and forgets the instructions that may contain it. */
  set(offset: number, value: number): void {
    this.bytes[offset] = value;
    const word = offset >> 1;
    for (let index = Math.max(0, word - 2); index <= word; index++) this.operations[index] = 0;
  }

  word(offset: number): number {
    return this.bytes[offset & 0x3fff]! | (this.bytes[(offset + 1) & 0x3fff]! << 8);
  }

  /** Decodes the instruction at a word index and returns it packed. */
  decodeAt(index: number): number {
    const offset = index * 2;
    decode(flashStart + offset, this.word(offset), this.word(offset + 2), this.word(offset + 4), this.decoded);
    this.operations[index] = this.decoded[0]!;
    this.operands[index] = this.decoded[1]!;
    return this.decoded[0]!;
  }
}
