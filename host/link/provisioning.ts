/**
 * A probe's id in information memory segment D (0x1000), written when the firmware is flashed: the chip has none.
 *
 *     byte 0      0xEA
 *     byte 1      layout version, 1
 *     byte 2-9    id, big-endian, not all zeros
 *     byte 10-11  CRC-16/CCITT-FALSE over bytes 0 to 9, little-endian
 *     byte 12-63  0xFF, erased
 */

import { EarlError } from '../../errors/index.ts';
import { crc16 } from './crc.ts';

export const INFO_D_ADDRESS = 0x1000;
export const INFO_SEGMENT_LENGTH = 64;
export const ID_LENGTH = 8;

const MAGIC = 0xea;
const LAYOUT_VERSION = 1;
const ID_AT = 2;
const CRC_AT = ID_AT + ID_LENGTH;

/** The whole segment for an id. Throws `LINK_BAD_ID` unless it has 8 bytes that are not all zero. */
export function buildInfoSegment(id: Uint8Array): Uint8Array {
  if (id.length !== ID_LENGTH || id.every((byte) => byte === 0)) {
    throw new EarlError('LINK_BAD_ID', `a probe's id is ${ID_LENGTH} bytes, not all zero`);
  }
  const segment = new Uint8Array(INFO_SEGMENT_LENGTH).fill(0xff);
  segment.set([MAGIC, LAYOUT_VERSION, ...id]);
  const crc = crc16(segment.subarray(0, CRC_AT));
  segment.set([crc & 0xff, crc >> 8], CRC_AT);
  return segment;
}

/** The id in a segment; `undefined` when it is erased, damaged or of another layout. */
export function parseInfoSegment(segment: Uint8Array): Uint8Array | undefined {
  if (segment.length < CRC_AT + 2 || segment[0] !== MAGIC || segment[1] !== LAYOUT_VERSION) return undefined;
  const crc = segment[CRC_AT]! | (segment[CRC_AT + 1]! << 8);
  if (crc16(segment.subarray(0, CRC_AT)) !== crc) return undefined;
  const id = segment.slice(ID_AT, CRC_AT);
  return id.every((byte) => byte === 0) ? undefined : id;
}

/**
 * A new id.
 * @param randomBytes e.g. `(length) => crypto.getRandomValues(new Uint8Array(length))`
 */
export function randomId(randomBytes: (length: number) => Uint8Array): Uint8Array {
  for (let attempt = 0; attempt < 8; attempt++) {
    const id = randomBytes(ID_LENGTH).slice();
    if (id.length === ID_LENGTH && id.some((byte) => byte !== 0)) return id;
  }
  throw new EarlError('LINK_BAD_ID', 'the source of random bytes returns only zeros or too few bytes');
}

/** 16 lower-case hex digits. */
export function formatId(id: Uint8Array): string {
  return [...id].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Reads 16 hex digits. Throws `LINK_BAD_ID`. */
export function parseId(text: string): Uint8Array {
  if (!/^[0-9a-f]{16}$/i.test(text)) {
    throw new EarlError('LINK_BAD_ID', `"${text}" is no probe id: give 16 hex digits, e.g. 02c0ffee00000001`);
  }
  return Uint8Array.from({ length: ID_LENGTH }, (_, at) => Number.parseInt(text.slice(2 * at, 2 * at + 2), 16));
}
