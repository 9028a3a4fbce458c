import { expect, test } from 'vitest';
import { buildInfoSegment, formatId, parseId, parseInfoSegment, randomId } from './provisioning.ts';

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
