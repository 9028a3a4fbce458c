import { describe, expect, it } from 'vitest';
import { toIntelHex, toTiText } from './hex.ts';

const segments = [
  { address: 0xc000, bytes: Uint8Array.from({ length: 18 }, (_, i) => i) },
  { address: 0xfffe, bytes: Uint8Array.of(0x00, 0xc0) },
];

describe('image files', () => {
  it('writes Intel HEX with checksums, start address and end', () => {
    expect(toIntelHex(segments, 0xc000).split('\n')).toEqual([
      ':10C00000000102030405060708090A0B0C0D0E0FB8',
      ':02C01000' + '1011' + '0D',
      ':02FFFE00' + '00C0' + '41',
      ':040000030000C00039',
      ':00000001FF',
      '',
    ]);
  });

  it('writes TI-TXT', () => {
    expect(toTiText(segments)).toBe('@C000\n00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F\n10 11\n@FFFE\n00 C0\nq\n');
  });
});
