import { expect, test } from 'vitest';
import { H4Parser } from './h4.ts';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const RESET = hex('01 03 0c 00');
const COMPLETE = hex('04 0e 04 01 03 0c 00');
const ACL = hex('02 01 20 07 00 03 00 04 00 0a 0b 0c');

test('packets come out whole, wherever the stream is cut', () => {
  const stream = Buffer.concat([RESET, COMPLETE, ACL]);
  for (let cut = 0; cut <= stream.length; cut++) {
    for (let second = cut; second <= stream.length; second++) {
      const packets: Uint8Array[] = [];
      const parser = new H4Parser((packet) => packets.push(packet));
      parser.push(stream.subarray(0, cut));
      parser.push(stream.subarray(cut, second));
      parser.push(stream.subarray(second));
      expect(packets.map((packet) => Buffer.from(packet).toString('hex'))).toEqual(
        [RESET, COMPLETE, ACL].map((packet) => Buffer.from(packet).toString('hex')),
      );
      expect(parser.skipped).toBe(0);
    }
  }
});

test('what a dongle says before it speaks HCI is skipped and counted', () => {
  const packets: Uint8Array[] = [];
  const parser = new H4Parser((packet) => packets.push(packet));
  parser.push(Buffer.concat([Buffer.from('*** Booting\r\n'), COMPLETE]));
  expect(packets.map((packet) => [...packet])).toEqual([[...COMPLETE]]);
  expect(parser.skipped).toBe(13);
});

test('a strict parser gives up at the first byte that begins no packet', () => {
  const parser = new H4Parser(() => {}, true);
  expect(() => parser.push(Buffer.from('GET / HTTP/1.1\r\n'))).toThrow(
    expect.objectContaining({ code: 'H4_OUT_OF_STEP' }),
  );
});

test('a length that nobody sends is a lost place, not something to wait for', () => {
  const packets: Uint8Array[] = [];
  const parser = new H4Parser((packet) => packets.push(packet));
  parser.push(Buffer.concat([hex('02 ee ee ff ff'), COMPLETE]));
  parser.push(RESET);
  expect(packets.map((packet) => [...packet])).toEqual([[...COMPLETE], [...RESET]]);
  expect(parser.skipped).toBe(5);
});
