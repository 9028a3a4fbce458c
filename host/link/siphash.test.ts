import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import vectors from '../../test/vectors/siphash.json' with { type: 'json' };
import { equalInConstantTime, sipHash24 } from './siphash.ts';

const key = Uint8Array.from({ length: 16 }, (_, index) => index);
const counting = (length: number) => Uint8Array.from({ length }, (_, index) => index);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

test('the 64 vectors of the reference implementation', () => {
  expect(vectors.key).toBe(hex(key));
  expect(vectors.macs).toHaveLength(64);
  expect(vectors.macs.map((_, length) => hex(sipHash24(key, counting(length))))).toEqual(vectors.macs);
});

test('the example of the paper, appendix A', () => {
  // Printed there as the number 0xa129ca6149be45e5.
  expect(hex(sipHash24(key, counting(15)))).toBe('e545be4961ca29a1');
});

/** `openssl mac`, where it knows SipHash: OpenSSL 3. */
function opensslMac(keyBytes: Uint8Array, data: Uint8Array): string | undefined {
  const args = ['mac', '-macopt', `hexkey:${hex(keyBytes)}`, '-macopt', 'size:8', '-in', '-', 'SIPHASH'];
  const { status, stdout } = spawnSync('openssl', args, { input: data, encoding: 'utf8' });
  return status === 0 ? stdout.trim().toLowerCase() : undefined;
}

test.skipIf(opensslMac(key, counting(3)) === undefined)('OpenSSL finds the same for other keys and data', () => {
  for (let round = 0; round < 12; round++) {
    const someKey = crypto.getRandomValues(new Uint8Array(16));
    const data = crypto.getRandomValues(new Uint8Array(1 + Math.floor(300 * Math.random())));
    expect(hex(sipHash24(someKey, data)), `key ${hex(someKey)} data ${hex(data)}`).toBe(opensslMac(someKey, data));
  }
});

test('every bit of key and data counts', () => {
  const data = counting(17);
  const mac = hex(sipHash24(key, data));
  const flipped = (bytes: Uint8Array, bit: number) =>
    bytes.map((byte, at) => byte ^ (at === bit >> 3 ? 1 << (bit & 7) : 0));
  for (let bit = 0; bit < 128; bit++) expect(hex(sipHash24(flipped(key, bit), data))).not.toBe(mac);
  for (let bit = 0; bit < 8 * data.length; bit++) expect(hex(sipHash24(key, flipped(data, bit)))).not.toBe(mac);
});

test('a key of another length is refused', () => {
  for (const length of [0, 15, 17]) {
    expect(() => sipHash24(new Uint8Array(length), key)).toThrow(expect.objectContaining({ code: 'LINK_BAD_KEY' }));
  }
});

test('comparing finds every difference, wherever it is', () => {
  const a = counting(8);
  expect(equalInConstantTime(a, a.slice())).toBe(true);
  for (let at = 0; at < 8; at++)
    expect(
      equalInConstantTime(
        a,
        a.map((byte, i) => (i === at ? byte ^ 0x80 : byte)),
      ),
    ).toBe(false);
  expect(equalInConstantTime(a, a.subarray(0, 7))).toBe(false);
});
