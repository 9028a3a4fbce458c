import { expect, test } from 'vitest';
import { checksum, commandFrame } from './bsl-frame.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

test.each([
  ['version', commandFrame(0x1e, 0, 0), '801e0404000000007be5'],
  ['mass erase', commandFrame(0x18, 0xfffe, 0xa506), '80180404feff06a58346'.slice(0, 16)],
  ['read 16 bytes at 0x0ff0', commandFrame(0x14, 0x0ff0, 16), '80140404f00f1000'],
  ['password of an erased chip', commandFrame(0x10, 0, 0, new Uint8Array(32).fill(0xff)), '8010242400000000'],
])('%s', (_name, frame, start) => {
  expect(hex(frame).startsWith(start)).toBe(true);
  expect(frame.length).toBe(frame[2]! + 6);
  expect(frame[2]).toBe(frame[3]);
  // The XOR of all words of a frame, its checksum too, is 0xffff.
  expect(checksum(frame)).toEqual([0, 0]);
});

test('data of odd length is a mistake of the caller', () => {
  expect(() => commandFrame(0x12, 0xc000, 1, Uint8Array.of(1))).toThrow(RangeError);
});
