import { expect, test } from 'vitest';
import {
  buildInfoSegment,
  formatId,
  formatKey,
  parseId,
  parseInfoRecord,
  parseInfoSegment,
  parseKey,
  randomId,
  randomKey,
} from './provisioning.ts';

const id = Uint8Array.of(0xea, 0xe1, 0, 0, 0, 0, 0, 1);

test('the segment, byte by byte', () => {
  // CRC-16/CCITT-FALSE of EA 01 EA E1 00 00 00 00 00 01, computed with Python's binascii.crc_hqx: 0x601e
  expect([...buildInfoSegment(id)]).toEqual([
    ...[0xea, 0x01, 0xea, 0xe1, 0, 0, 0, 0, 0, 1, 0x1e, 0x60],
    ...new Array(52).fill(0xff),
  ]);
});

test('what was built is parsed, and every wrong bit is noticed', () => {
  const segment = buildInfoSegment(id);
  expect(parseInfoSegment(segment)).toEqual(id);
  expect(parseInfoSegment(segment.subarray(0, 12))).toEqual(id);
  for (let bit = 0; bit < 96; bit++) {
    const damaged = segment.slice();
    damaged[bit >> 3]! ^= 1 << (bit & 7);
    expect(parseInfoSegment(damaged), `bit ${bit}`).toBeUndefined();
  }
});

test('an erased, empty or cut segment has no id', () => {
  expect(parseInfoSegment(new Uint8Array(64).fill(0xff))).toBeUndefined();
  expect(parseInfoSegment(new Uint8Array(64))).toBeUndefined();
  expect(parseInfoSegment(buildInfoSegment(id).subarray(0, 11))).toBeUndefined();
});

test('an id of zeros or of another length is refused', () => {
  for (const bad of [new Uint8Array(8), new Uint8Array(7).fill(1), new Uint8Array(9).fill(1)]) {
    expect(() => buildInfoSegment(bad)).toThrow(expect.objectContaining({ code: 'LINK_BAD_ID' }));
  }
});

test('a random id is never all zeros, and a broken source is an error', () => {
  const bytes = [new Uint8Array(8), id];
  expect(randomId(() => bytes.shift()!)).toEqual(id);
  expect(() => randomId(() => new Uint8Array(8))).toThrow(/only zeros/);
});

test('ids are written as 16 hex digits', () => {
  expect(formatId(id)).toBe('eae1000000000001');
  expect(parseId('EAE1000000000001')).toEqual(id);
  for (const bad of ['', 'eae1', 'eae10000000000011', 'gae1000000000001']) {
    expect(() => parseId(bad)).toThrow(expect.objectContaining({ code: 'LINK_BAD_ID' }));
  }
});

const key = Uint8Array.from({ length: 16 }, (_, index) => 0x10 + index);

test('the segment with a key, byte by byte', () => {
  // CRC of EA 02, the id and 10 11 … 1F, computed with Python's binascii.crc_hqx.
  expect([...buildInfoSegment(id, key)]).toEqual([
    ...[0xea, 0x02, 0xea, 0xe1, 0, 0, 0, 0, 0, 1, ...key, 0x28, 0xaf],
    ...new Array(36).fill(0xff),
  ]);
});

test('a record with a key: every wrong bit is noticed, both layouts are read', () => {
  const segment = buildInfoSegment(id, key);
  expect(parseInfoRecord(segment)).toEqual({ id, key });
  expect(parseInfoSegment(segment)).toEqual(id);
  expect(parseInfoRecord(segment.subarray(0, 28))).toEqual({ id, key });
  expect(parseInfoRecord(segment.subarray(0, 27))).toBeUndefined();
  expect(parseInfoRecord(buildInfoSegment(id))).toEqual({ id });
  for (let bit = 0; bit < 8 * 28; bit++) {
    const damaged = segment.slice();
    damaged[bit >> 3]! ^= 1 << (bit & 7);
    expect(parseInfoRecord(damaged), `bit ${bit}`).toBeUndefined();
  }
});

test('keys: 32 hex digits, not all zero, and a wrong one is not repeated in the message', () => {
  expect(parseKey(formatKey(key))).toEqual(key);
  for (const bad of ['', '00'.repeat(16), '10'.repeat(15), `${'10'.repeat(15)}1g`]) {
    expect(() => parseKey(bad)).toThrow(expect.objectContaining({ code: 'LINK_BAD_KEY' }));
    expect(() => parseKey(bad)).not.toThrow(bad.slice(0, 8) || 'nothing');
  }
  expect(() => buildInfoSegment(id, new Uint8Array(16))).toThrow(expect.objectContaining({ code: 'LINK_BAD_KEY' }));
  expect(randomKey((length) => key.subarray(0, length))).toEqual(key);
  expect(() => randomKey(() => new Uint8Array(16))).toThrow(expect.objectContaining({ code: 'LINK_BAD_KEY' }));
});
