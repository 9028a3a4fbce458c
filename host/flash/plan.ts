/**
 * What is to be on the chip when flashing is over: an image's bytes by place, an id, and what must never happen by
 * accident. That an image lies in flash or info memory, is for this chip and has a reset vector, its loader checked.
 */

import { EarlError } from '../../errors/index.ts';
import type { Image } from '../emulator/image/image.ts';
import { buildInfoSegment, INFO_D_ADDRESS } from '../link/provisioning.ts';

export const flashStart = 0xc000;
export const vectorsStart = 0xffe0;
export const infoStart = 0x1000;
export const infoLength = 256;
export const infoSegmentLength = 64;
export const infoAStart = 0x10c0;
/** The word that decides what a wrong boot loader password does. */
const loaderKey = 0xffde;
const loaderOff = 0xaa55;

export interface PlanOptions {
  /** 8 bytes; without them the id on the chip stays. */
  readonly id?: Uint8Array;
  /** Info A may be written: it holds the calibration of this one chip. */
  readonly infoA?: boolean;
}

export interface FlashPlan {
  /** All of main flash, 0xFF where the image has nothing. */
  readonly flash: Uint8Array;
  /** Bytes of info memory to change, `undefined` where it keeps what it has. 256 entries. */
  readonly info: readonly (number | undefined)[];
  /** Bytes that the image and the id hold. */
  readonly bytes: number;
  readonly id: Uint8Array | undefined;
  readonly warnings: readonly string[];
}

/** Throws `FLASH_INFO_A` when the image has bytes there and was not allowed to. */
export function makePlan(image: Image, options: PlanOptions = {}): FlashPlan {
  const flash = new Uint8Array(0x10000 - flashStart).fill(0xff);
  const info: (number | undefined)[] = new Array(infoLength).fill(undefined);
  let bytes = 0;
  for (const { address, data } of image.segments) {
    if (address >= flashStart) flash.set(data, address - flashStart);
    else
      data.forEach((byte, index) => {
        info[address - infoStart + index] = byte;
      });
    bytes += data.length;
  }
  if (options.infoA !== true && info.some((byte, index) => byte !== undefined && index >= infoAStart - infoStart)) {
    throw new EarlError(
      'FLASH_INFO_A',
      'this image has bytes in info A (0x10c0-0x10ff), where the chip keeps its own calibration: leave them out, or ' +
        'say --info-a if you mean it',
    );
  }
  if (options.id !== undefined) {
    buildInfoSegment(options.id).forEach((byte, index) => {
      if (info[INFO_D_ADDRESS - infoStart + index] === undefined) bytes++;
      info[INFO_D_ADDRESS - infoStart + index] = byte;
    });
  }
  return { flash, info, bytes, id: options.id, warnings: warningsOf(flash) };
}

function warningsOf(flash: Uint8Array): string[] {
  const key = flash[loaderKey - flashStart]! | (flash[loaderKey + 1 - flashStart]! << 8);
  if (key !== loaderOff) return [];
  return ['this image holds 0xaa55 at 0xffde, which switches the boot loader off: only a debugger can flash after it'];
}

/** Info memory as the plan wants it, given what is there. */
export function plannedInfo(plan: FlashPlan, current: Uint8Array): Uint8Array {
  return current.map((byte, index) => plan.info[index] ?? byte);
}

export interface Block {
  readonly address: number;
  readonly data: Uint8Array;
}

/** Main flash but the vectors, cut into blocks at even addresses that hold something else than 0xFF. */
export function programBlocks(plan: FlashPlan, length: number): Block[] {
  const blocks: Block[] = [];
  for (let start = flashStart; start < vectorsStart; start += length) {
    const end = Math.min(start + length, vectorsStart);
    const block = trimmed(start, plan.flash.subarray(start - flashStart, end - flashStart));
    if (block) blocks.push(block);
  }
  return blocks;
}

/** The interrupt vectors: they come last, the reset vector with them, and are the boot loader's password. */
export function vectorBlock(plan: FlashPlan): Block {
  return { address: vectorsStart, data: plan.flash.subarray(vectorsStart - flashStart) };
}

function trimmed(address: number, data: Uint8Array): Block | undefined {
  let first = 0;
  let end = data.length;
  while (first < end && data[first] === 0xff && data[first + 1] === 0xff) first += 2;
  while (end > first && data[end - 1] === 0xff && data[end - 2] === 0xff) end -= 2;
  return first === end ? undefined : { address: address + first, data: data.slice(first, end) };
}
