/**
 * SipHash-2-4 with a 64-bit result: a keyed hash for short messages, by which a probe proves that it has its key.
 *
 * After Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012), section 2; result in the byte order of their
 * reference implementation, least byte first. 64-bit words are pairs of 32-bit halves, so that pages and small machines
 * are as fast as others. No long messages: everything is hashed in one call. firmware/link/siphash.c is the same in C, and
 * test/vectors/siphash.json what both are held to.
 */

import { EarlError } from '../../errors/index.ts';

export const SIPHASH_KEY_LENGTH = 16;
export const SIPHASH_LENGTH = 8;

/** "somepseudorandomlygeneratedbytes": v0 to v3, the low half of each first. */
const INITIAL = [
  0x70736575, 0x736f6d65, 0x6e646f6d, 0x646f7261, 0x6e657261, 0x6c796765, 0x79746573, 0x74656462,
] as const;

/** v0 to v3, the low half of each first. */
type State = Uint32Array;

/** MAC of `data`, 8 bytes. Throws `LINK_BAD_KEY` unless the key has 16 bytes. */
export function sipHash24(key: Uint8Array, data: Uint8Array): Uint8Array {
  if (key.length !== SIPHASH_KEY_LENGTH) {
    throw new EarlError('LINK_BAD_KEY', `a key is ${SIPHASH_KEY_LENGTH} bytes, not ${key.length}`);
  }
  const state = Uint32Array.from(INITIAL, (word, half) => word ^ wordAt(key, 4 * (half & 3)));
  const last = new Uint8Array(8);
  const whole = data.length & ~7;
  for (let at = 0; at < whole; at += 8) compress(state, wordAt(data, at), wordAt(data, at + 4));
  last.set(data.subarray(whole));
  last[7] = data.length;
  compress(state, wordAt(last, 0), wordAt(last, 4));
  state[4]! ^= 0xff;
  for (let round = 0; round < 4; round++) sipRound(state);
  const low = state[0]! ^ state[2]! ^ state[4]! ^ state[6]!;
  const high = state[1]! ^ state[3]! ^ state[5]! ^ state[7]!;
  return Uint8Array.from({ length: SIPHASH_LENGTH }, (_, at) => (at < 4 ? low : high) >>> (8 * (at & 3)));
}

/** True when both are the same, in a time that does not tell where they differ. */
export function equalInConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let at = 0; at < a.length; at++) difference |= a[at]! ^ b[at]!;
  return difference === 0;
}

function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

function compress(state: State, low: number, high: number): void {
  state[6]! ^= low;
  state[7]! ^= high;
  sipRound(state);
  sipRound(state);
  state[0]! ^= low;
  state[1]! ^= high;
}

const V0 = 0;
const V1 = 2;
const V2 = 4;
const V3 = 6;

function sipRound(state: State): void {
  add(state, V0, V1);
  rotate(state, V1, 13);
  xor(state, V1, V0);
  swap(state, V0);
  add(state, V2, V3);
  rotate(state, V3, 16);
  xor(state, V3, V2);
  add(state, V0, V3);
  rotate(state, V3, 21);
  xor(state, V3, V0);
  add(state, V2, V1);
  rotate(state, V1, 17);
  xor(state, V1, V2);
  swap(state, V2);
}

function add(state: State, to: number, from: number): void {
  const low = state[to]! + state[from]!;
  state[to] = low;
  state[to + 1] = state[to + 1]! + state[from + 1]! + (low > 0xffff_ffff ? 1 : 0);
}

function xor(state: State, to: number, from: number): void {
  state[to]! ^= state[from]!;
  state[to + 1]! ^= state[from + 1]!;
}

/** To the left, by less than 32 bits. */
function rotate(state: State, word: number, bits: number): void {
  const low = state[word]!;
  const high = state[word + 1]!;
  state[word] = (low << bits) | (high >>> (32 - bits));
  state[word + 1] = (high << bits) | (low >>> (32 - bits));
}

/** A rotation by 32 bits. */
function swap(state: State, word: number): void {
  const low = state[word]!;
  state[word] = state[word + 1]!;
  state[word + 1] = low;
}
