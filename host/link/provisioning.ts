/**
 * Who a probe is: its record in information memory segment D (0x1000), written when the firmware is flashed. The chip has
 * no number of its own, and no secret.
 *
 *     layout 1: an id                              layout 2: an id and a key
 *     byte 0      0xEA                             byte 0      0xEA
 *     byte 1      1                                byte 1      2
 *     byte 2-9    id, big-endian, not all zeros    byte 2-9    id, big-endian, not all zeros
 *     byte 10-11  CRC over bytes 0 to 9            byte 10-25  key for SipHash-2-4, not all zeros
 *     byte 12-63  0xFF, erased                     byte 26-27  CRC over bytes 0 to 25
 *                                                  byte 28-63  0xFF, erased
 *
 * The CRC is CRC-16/CCITT-FALSE, little-endian. Firmware without keys takes layout 2 for no record.
 */

import { EarlError } from '../../errors/index.ts';
import { crc16 } from './crc.ts';

export const INFO_D_ADDRESS = 0x1000;
export const INFO_SEGMENT_LENGTH = 64;
export const ID_LENGTH = 8;
export const KEY_LENGTH = 16;

const MAGIC = 0xea;
const ID_AT = 2;
const KEY_AT = ID_AT + ID_LENGTH;
/** Where the CRC stands, by layout. */
const crcAt: Readonly<Record<number, number>> = { 1: KEY_AT, 2: KEY_AT + KEY_LENGTH };

/** What a probe was given. */
export interface InfoRecord {
  readonly id: Uint8Array;
  /** Absent in layout 1. */
  readonly key?: Uint8Array;
}

/**
 * The whole segment for an id, and a key if there is one. Throws `LINK_BAD_ID` unless the id has 8 bytes that are not all
 * zero, `LINK_BAD_KEY` unless the key has 16.
 */
export function buildInfoSegment(id: Uint8Array, key?: Uint8Array): Uint8Array {
  if (id.length !== ID_LENGTH || isZero(id)) {
    throw new EarlError('LINK_BAD_ID', `a probe's id is ${ID_LENGTH} bytes, not all zero`);
  }
  if (key !== undefined) checkKey(key);
  const layout = key === undefined ? 1 : 2;
  const segment = new Uint8Array(INFO_SEGMENT_LENGTH).fill(0xff);
  segment.set([MAGIC, layout, ...id, ...(key ?? [])]);
  const end = crcAt[layout]!;
  const crc = crc16(segment.subarray(0, end));
  segment.set([crc & 0xff, crc >> 8], end);
  return segment;
}

/** The record in a segment; `undefined` when it is erased, damaged or of another layout. */
export function parseInfoRecord(segment: Uint8Array): InfoRecord | undefined {
  const end = segment[0] === MAGIC ? crcAt[segment[1] ?? 0] : undefined;
  if (end === undefined || segment.length < end + 2) return undefined;
  if (crc16(segment.subarray(0, end)) !== (segment[end]! | (segment[end + 1]! << 8))) return undefined;
  const id = segment.slice(ID_AT, KEY_AT);
  if (isZero(id)) return undefined;
  if (end === KEY_AT) return { id };
  const key = segment.slice(KEY_AT, end);
  return isZero(key) ? undefined : { id, key };
}

/** The id in a segment of either layout; `undefined` where there is no record. */
export function parseInfoSegment(segment: Uint8Array): Uint8Array | undefined {
  return parseInfoRecord(segment)?.id;
}

/**
 * A new id.
 * @param randomBytes e.g. `(length) => crypto.getRandomValues(new Uint8Array(length))`
 */
export function randomId(randomBytes: (length: number) => Uint8Array): Uint8Array {
  return randomSecret(ID_LENGTH, randomBytes, 'LINK_BAD_ID');
}

/**
 * A new key.
 * @param randomBytes of a cryptographic source, e.g. `(length) => crypto.getRandomValues(new Uint8Array(length))`
 */
export function randomKey(randomBytes: (length: number) => Uint8Array): Uint8Array {
  return randomSecret(KEY_LENGTH, randomBytes, 'LINK_BAD_KEY');
}

/** 16 lower-case hex digits. */
export function formatId(id: Uint8Array): string {
  return hexOf(id);
}

/** Reads 16 hex digits. Throws `LINK_BAD_ID`. */
export function parseId(text: string): Uint8Array {
  if (!/^[0-9a-f]{16}$/i.test(text)) {
    throw new EarlError('LINK_BAD_ID', `"${text}" is no probe id: give 16 hex digits, e.g. 02c0ffee00000001`);
  }
  return bytesOf(text);
}

/** 32 lower-case hex digits. */
export function formatKey(key: Uint8Array): string {
  return hexOf(key);
}

/** Reads 32 hex digits. Throws `LINK_BAD_KEY`, which does not repeat them: they may be nearly right. */
export function parseKey(text: string): Uint8Array {
  if (!/^[0-9a-f]{32}$/i.test(text)) {
    throw new EarlError('LINK_BAD_KEY', `that is no key: a key is 32 hex digits, not ${text.length} characters`);
  }
  const key = bytesOf(text);
  checkKey(key);
  return key;
}

function checkKey(key: Uint8Array): void {
  if (key.length === KEY_LENGTH && !isZero(key)) return;
  throw new EarlError('LINK_BAD_KEY', `a probe's key is ${KEY_LENGTH} bytes, not all zero`);
}

function randomSecret(length: number, randomBytes: (length: number) => Uint8Array, code: string): Uint8Array {
  for (let attempt = 0; attempt < 8; attempt++) {
    const bytes = randomBytes(length).slice();
    if (bytes.length === length && !isZero(bytes)) return bytes;
  }
  throw new EarlError(code, 'the source of random bytes returns only zeros or too few bytes');
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

function hexOf(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, at) => Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16));
}
