import { expect, test } from 'vitest';
import { cobsDecode, cobsEncode } from './cobs.ts';

const run = (first: number, count: number) => Array.from({ length: count }, (_, at) => first + at);

/** Plain and encoded, from the examples that the literature and everybody's test suites share. */
const examples: [string, number[], number[]][] = [
  ['nothing', [], [0x01]],
  ['one zero', [0], [0x01, 0x01]],
  ['two zeros', [0, 0], [0x01, 0x01, 0x01]],
  ['zero, byte, zero', [0, 0x11, 0], [0x01, 0x02, 0x11, 0x01]],
  ['a zero inside', [0x11, 0x22, 0, 0x33], [0x03, 0x11, 0x22, 0x02, 0x33]],
  ['no zero', [0x11, 0x22, 0x33, 0x44], [0x05, 0x11, 0x22, 0x33, 0x44]],
  ['zeros at the end', [0x11, 0, 0, 0], [0x02, 0x11, 0x01, 0x01, 0x01]],
  ['254 bytes', run(1, 254), [0xff, ...run(1, 254)]],
  ['zero and 254 bytes', [0, ...run(1, 254)], [0x01, 0xff, ...run(1, 254)]],
  ['255 bytes', run(1, 255), [0xff, ...run(1, 254), 0x02, 0xff]],
  ['254 bytes and a zero', [...run(1, 254), 0], [0xff, ...run(1, 254), 0x01, 0x01]],
  ['253 bytes and a zero', [...run(1, 253), 0], [0xfe, ...run(1, 253), 0x01]],
  ['253 bytes, a zero and a byte', [...run(3, 253), 0, 1], [0xfe, ...run(3, 253), 0x02, 0x01]],
  ['two full blocks', [...run(1, 254), ...run(1, 254)], [0xff, ...run(1, 254), 0xff, ...run(1, 254)]],
];

test.each(examples)('%s', (_, plain, encoded) => {
  expect([...cobsEncode(Uint8Array.from(plain))]).toEqual(encoded);
  expect([...cobsDecode(Uint8Array.from(encoded))!]).toEqual(plain);
});

test.each([
  ['a zero as code', [0x00]],
  ['a zero inside a block', [0x03, 0x11, 0x00]],
  ['a block past the end', [0x02]],
  ['a second block past the end', [0x02, 0x11, 0x05, 0x22]],
  ['a full block past the end', [0xff, ...run(1, 253)]],
])('refuses %s', (_, frame) => {
  expect(cobsDecode(Uint8Array.from(frame))).toBeUndefined();
});

test('every string of zeros and ones comes back, without a zero on the way', () => {
  for (let length = 0; length <= 12; length++) {
    for (let bits = 0; bits < 2 ** length; bits++) {
      const plain = Uint8Array.from({ length }, (_, at) => (bits >> at) & 1);
      const encoded = cobsEncode(plain);
      expect(encoded.includes(0)).toBe(false);
      expect(encoded.length).toBe(length + 1);
      expect([...cobsDecode(encoded)!]).toEqual([...plain]);
    }
  }
});
