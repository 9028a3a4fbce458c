/**
 * Main flash (0xC000-0xFFFF) as bytes plus the decoded instructions in it.
 *
 * Boards that run the same image share one object: it is read-only until a board writes its flash, which makes a copy
 * for that board first (see Memory). Decoding and compiling are lazy and kept here, so that the second board does nothing
 * twice.
 */

import { compileRegion, type Region } from './cpu/compiler/compile.ts';
import { decode } from './cpu/decode.ts';
import type { Image } from './image/image.ts';

export const flashStart = 0xc000;
export const flashBytes = 0x4000;

/** Writes to compiled flash after which it is only interpreted: a program that writes its own code all the time. */
const maximumRewrites = 20;
/** In `heat`: not worth compiling. */
const cold = 255;

export class FlashContents {
  readonly bytes = new Uint8Array(flashBytes).fill(0xff);
  readonly words = new Uint16Array(this.bytes.buffer);
  /** Packed instruction (see decode.ts) by word address; 0: not decoded yet. */
  readonly operations = new Int32Array(flashBytes / 2);
  /** Operand words of the instruction: source low, destination high. */
  readonly operands = new Int32Array(flashBytes / 2);
  /** Compiled code by the word address where it begins. */
  readonly regions: (Region | undefined)[] = new Array(flashBytes / 2).fill(undefined);
  /** How often the interpreter came to a word by a jump, up to when it is compiled. */
  private readonly heat = new Uint8Array(flashBytes / 2);
  private readonly decoded = new Int32Array(2);
  private compiled = 0;
  private rewrites = 0;

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
    copy.rewrites = this.rewrites;
    return copy;
  }

  /** Changes a byte and forgets the instructions that may contain it. */
  set(offset: number, value: number): void {
    this.bytes[offset] = value;
    const word = offset >> 1;
    for (let index = Math.max(0, word - 2); index <= word; index++) this.operations[index] = 0;
    if (this.compiled > 0) this.forgetRegions();
  }

  /** The CPU came to a word index by a jump: compiles the code there when that has happened `threshold` times. */
  warm(index: number, threshold: number): Region | undefined {
    const heat = this.heat[index]!;
    if (heat === cold) return undefined;
    if (heat + 1 < threshold) {
      this.heat[index] = heat + 1;
      return undefined;
    }
    this.heat[index] = cold;
    if (this.rewrites > maximumRewrites) return undefined;
    const region = compileRegion(flashStart + 2 * index, this);
    this.regions[index] = region;
    this.compiled++;
    return region;
  }

  /** The packed instruction at a word index. */
  operationAt(index: number): number {
    return this.operations[index] || this.decodeAt(index);
  }

  private forgetRegions(): void {
    this.regions.fill(undefined);
    this.heat.fill(0);
    this.compiled = 0;
    this.rewrites++;
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
