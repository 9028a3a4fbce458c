import { describe, expect, it } from 'vitest';
import { Mcu } from './mcu.ts';
import { factoryInfoA, tlvChecksum } from './tlv.ts';

describe('info A from the factory', () => {
  const bytes = factoryInfoA();

  it('has tags, lengths and a checksum that a program can walk', () => {
    expect(bytes[0]! | (bytes[1]! << 8)).toBe(tlvChecksum(bytes));
    const tags: [tag: number, address: number][] = [];
    let at = 2;
    while (at < 64) {
      tags.push([bytes[at]!, 0x10c0 + at]);
      at += 2 + bytes[at + 1]!;
    }
    expect(at).toBe(64);
    expect(tags).toEqual([
      [0xfe, 0x10c2],
      [0x10, 0x10da],
      [0xfe, 0x10ec],
      [0x01, 0x10f6],
    ]);
  });

  it('verifies as the manual says: the XOR of all words plus the checksum is 0', () => {
    let exclusive = 0;
    for (let at = 2; at < 64; at += 2) exclusive ^= bytes[at]! | (bytes[at + 1]! << 8);
    expect((exclusive + (bytes[0]! | (bytes[1]! << 8))) & 0xffff).toBe(0);
  });

  it('stands in every chip, the other segments are erased unless given', () => {
    const mcu = new Mcu({ info: { D: Uint8Array.of(0x12, 0x34) } });
    expect(Array.from({ length: 64 }, (_, index) => mcu.peek(0x10c0 + index))).toEqual([...bytes]);
    expect([mcu.peekWord(0x1000), mcu.peekWord(0x1002), mcu.peekWord(0x1040)]).toEqual([0x3412, 0xffff, 0xffff]);
  });
});
