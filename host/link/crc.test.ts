import crc16ccitt from 'crc/crc16ccitt';
import { expect, test } from 'vitest';
import { crc16 } from './crc.ts';

const ascii = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));

test('the check values of CRC-16/CCITT-FALSE', () => {
  expect(crc16(ascii('123456789'))).toBe(0x29b1);
  expect(crc16(ascii(''))).toBe(0xffff);
  expect(crc16(ascii('A'))).toBe(0xb915);
  expect(crc16(new Uint8Array(256))).toBe(0x41e8);
});

test('agrees with the crc package for every length of a packet', () => {
  for (let length = 0; length < 300; length++) {
    const bytes = Uint8Array.from({ length }, (_, at) => (at * 73 + length * 31) & 0xff);
    expect(crc16(bytes), `length ${length}`).toBe(crc16ccitt(Buffer.from(bytes)));
  }
});

test('goes on from an earlier CRC', () => {
  const bytes = ascii('123456789');
  for (let cut = 0; cut <= bytes.length; cut++) {
    expect(crc16(bytes.subarray(cut), crc16(bytes.subarray(0, cut)))).toBe(0x29b1);
  }
});

test('a CRC appended high byte first leaves zero, one bit wrong never does', () => {
  const message = ascii('earl');
  const whole = Uint8Array.of(...message, crc16(message) >> 8, crc16(message) & 0xff);
  expect(crc16(whole)).toBe(0);
  for (let bit = 0; bit < 8 * whole.length; bit++) {
    const damaged = whole.slice();
    damaged[bit >> 3]! ^= 1 << (bit & 7);
    expect(crc16(damaged)).not.toBe(0);
  }
});
