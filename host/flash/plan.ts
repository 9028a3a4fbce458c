/**
 * What is to be on the chip when flashing is over: an image's bytes by place, an id, and what must never happen by
 * accident. That an image lies in flash or info memory, is for this chip and has a reset vector, its loader checked.
 */

import { EarlError } from '../../errors/index.ts';
import type { Image } from '../emulator/image/image.ts';
import { buildInfoSegment, INFO_D_ADDRESS, type InfoRecord, parseInfoRecord } from '../link/index.ts';
import { type IdentityChoice, identityFor } from './identity.ts';

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
  /** Which id and key the board gets; without it those on the chip stay, unless the image brings its own. */
  readonly identity?: IdentityChoice;
  /** Short for an identity of this id without a key. */
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
  /** What is to be decided when the board's info memory is known; see `plannedInfo`. */
  readonly identity: IdentityChoice | undefined;
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
  const ownRecord = info[INFO_D_ADDRESS - infoStart] !== undefined;
  return { flash, info, bytes, identity: ownRecord ? undefined : options.identity, warnings: warningsOf(flash) };
}

function warningsOf(flash: Uint8Array): string[] {
  const key = flash[loaderKey - flashStart]! | (flash[loaderKey + 1 - flashStart]! << 8);
  if (key !== loaderOff) return [];
  return ['this image holds 0xaa55 at 0xffde, which switches the boot loader off: only a debugger can flash after it'];
}

/** Info memory as the plan wants it, given what is there. Asked once a flash: ids and keys may be drawn anew each time. */
export function plannedInfo(plan: FlashPlan, current: Uint8Array): Uint8Array {
  const wanted = current.map((byte, index) => plan.info[index] ?? byte);
  const record = plan.identity && identityFor(plan.identity, recordIn(current));
  if (record !== undefined) wanted.set(buildInfoSegment(record.id, record.key), INFO_D_ADDRESS - infoStart);
  return wanted;
}

/** Id and key in 256 bytes of info memory. */
export function recordIn(info: Uint8Array): InfoRecord | undefined {
  const at = INFO_D_ADDRESS - infoStart;
  return parseInfoRecord(info.subarray(at, at + infoSegmentLength));
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
