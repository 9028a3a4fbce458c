/**
 * Image loaders: one small program (an LED that toggles every 100 ms from the VLO, in LPM3) in four formats, and files that
 * are wrong in every way that users meet.
 *
 * The ELF file was made with GNU as and ld from own assembly; the COFF file is put together here field by field (SPRAAO8).
 */

import { describe, expect, it } from 'vitest';
import { EarlError } from '../../../errors/index.ts';
import { Mcu } from '../mcu.ts';
import type { Image } from './image.ts';
import { loadImage } from './load.ts';

const elf = bytesOfHex(
  [
    '7f454c46010101ff0000000000000000020069000100000000c0000034000000940100000e0000003400200003002800070006000100000094000000',
    '00c0000000c000003200000032000000050000000100000001000000c6000000f2ff0000f2ff00000200000002000000040000000100000001000000',
    'c8000000feff0000feff000002000000020000000400000001000000b240805a200131400004f24020005300d2d32200b240af047201b24010006201',
    'b2401401600132d0d800ff3fd2e3210000132cc000c00000000000000000000000000000000000000000000000c00000000000000300010000000000',
    'f2ff0000000000000300020000000000feff000000000000030003000100000000000000000000000400f1ff050000002ac000000000000000000100',
    '090000002cc0000000000000100001001000000000c00000000000001000010000622e6f004c300100746f67676c6500737461727400002e73796d74',
    '6162002e737472746162002e7368737472746162002e74657874002e766563746f7273002e7265736574000000000000000000000000000000000000',
    '0000000000000000000000000000000000000000000000001b000000010000000600000000c000009400000032000000000000000000000001000000',
    '00000000210000000100000002000000f2ff0000c600000002000000000000000000000001000000000000002a0000000100000002000000feff0000',
    'c8000000020000000000000000000000010000000000000001000000020000000000000000000000cc00000080000000050000000600000004000000',
    '10000000090000000300000000000000000000004c010000160000000000000000000000010000000000000011000000030000000000000000000000',
    '620100003100000000000000000000000100000000000000',
  ].join(''),
);

const intelHex = `
:10C00000B240805A200131400004F2402000530029
:10C01000D2D32200B240AF047201B24010006201DC
:10C02000B2401401600132D0D800FF3FD2E32100BA
:02C030000013FB
:02FFF2002CC021
:02FFFE0000C041
:040000030000C00039
:00000001FF
`.trimStart();

const tiTxt = `@C000
B2 40 80 5A 20 01 31 40 00 04 F2 40 20 00 53 00
D2 D3 22 00 B2 40 AF 04 72 01 B2 40 10 00 62 01
B2 40 14 01 60 01 32 D0 D8 00 FF 3F D2 E3 21 00
00 13
@FFF2
2C C0
@FFFE
00 C0
q
`;

function bytesOfHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g)!, (pair) => Number.parseInt(pair, 16));
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function word(value: number): number[] {
  return [value & 0xff, (value >> 8) & 0xff];
}

function long(value: number): number[] {
  return [...word(value), ...word(value >>> 16)];
}

interface CoffOptions {
  readonly target?: number;
  readonly flags?: number;
}

/** A COFF file with the blink program's three sections, one section that is not to be loaded, and two symbols. */
function coff({ target = 0xa0, flags = 2 }: CoffOptions = {}): Uint8Array {
  const program = loadImage(ascii(tiTxt)).segments;
  const sections = [
    ...program.map((each) => ({ ...each, flags: 0x20 })),
    { address: 0x0200, data: Uint8Array.of(1, 2), flags: 0x80 },
  ];
  const dataStart = 22 + 28 + 48 * sections.length;
  let offset = dataStart;
  const headers = sections.flatMap(({ address, data, flags: sectionFlags }) => {
    const header = [
      ...ascii('.sect'),
      0,
      0,
      0,
      ...long(address),
      ...long(address),
      ...long(data.length),
      ...long(offset),
    ];
    offset += data.length;
    return [...header, ...new Array<number>(16).fill(0), ...long(sectionFlags), 0, 0, 0, 0];
  });
  const symbols = [
    [...ascii('start'), 0, 0, 0, ...long(0xc000), ...word(1), 0, 0, 2, 1],
    new Array<number>(18).fill(0xaa), // the auxiliary entry of the one before
    [...long(0), ...long(4), ...long(0xc02c), ...word(1), 0, 0, 2, 0],
  ].flat();
  const strings = [...long(18), ...ascii('toggle_the_led'), 0];
  const header = [
    ...word(0xc2),
    ...word(sections.length),
    ...long(0),
    ...long(offset),
    ...long(3),
    ...word(28),
    ...word(flags),
    ...word(target),
  ];
  const contents = sections.flatMap(({ data }) => [...data]);
  return Uint8Array.from([
    ...header,
    ...new Array<number>(28).fill(0),
    ...headers,
    ...contents,
    ...symbols,
    ...strings,
  ]);
}

/** Times, in milliseconds, at which P1.0 changes in half a second. */
function blinks(image: Image): number[] {
  const mcu = new Mcu({ image });
  const times: number[] = [];
  mcu.pin(1, 0).onChange(() => times.push(Math.round(mcu.scheduler.seconds() * 1000)));
  mcu.runFor(0.55);
  expect(mcu.sleeping).toBe(true);
  return times;
}

describe.each([
  ['elf', elf],
  ['intel-hex', ascii(intelHex)],
  ['ti-txt', ascii(tiTxt)],
  ['ti-coff', coff()],
] as const)('%s', (format, file) => {
  const image = loadImage(file);

  it('is recognised and read', () => {
    expect(image.format).toBe(format);
    expect(image.entry).toBe(0xc000);
    expect(image.segments.map(({ address, data }) => [address, data.length])).toEqual([
      [0xc000, 50],
      [0xfff2, 2],
      [0xfffe, 2],
    ]);
  });

  it('runs', () => {
    expect(blinks(image)).toEqual([100, 200, 300, 400, 500]);
  });

  it('is refused at every length that cuts something off', () => {
    for (let length = 0; length < file.length; length++) {
      try {
        loadImage(file.slice(0, length));
      } catch (error) {
        expect(error, `${length} bytes`).toBeInstanceOf(EarlError);
      }
    }
    expect(() => loadImage(file.slice(0, file.length / 3))).toThrow(EarlError);
  });
});

describe('symbols', () => {
  it('come from ELF', () => {
    expect(loadImage(elf).symbols.get('toggle')).toBe(0xc02c);
    // Sizes are unknown, as the assembler was not told; the local label L1 lies within a function and is none.
    expect(loadImage(elf).functions).toEqual([
      { name: 'start', address: 0xc000, size: 0 },
      { name: 'toggle', address: 0xc02c, size: 0 },
    ]);
  });

  it('come from COFF, long names too', () => {
    expect([...loadImage(coff()).symbols]).toEqual([
      ['start', 0xc000],
      ['toggle_the_led', 0xc02c],
    ]);
  });
});

describe('files that cannot run', () => {
  it('tells users of IAR which output to choose', () => {
    const ubrof = Uint8Array.of(0xa5, 0x36, 0x26, 0x0f, 6, 4, 0x7d, 0xbd, 0x0b, 1, 1);
    expect(() => loadImage(ubrof)).toThrow(/IAR.*TI-TXT/);
  });

  function changed(bytes: Uint8Array, offset: number, ...values: number[]): Uint8Array {
    const copy = bytes.slice();
    copy.set(values, offset);
    return copy;
  }

  it.each<[code: string, what: string, file: Uint8Array]>([
    ['IMAGE_FORMAT', 'an empty file', new Uint8Array()],
    ['IMAGE_FORMAT', 'a program for the PC', ascii('MZ this is something else')],
    ['IMAGE_FORMAT', 'a large file', new Uint8Array(2 << 20).fill(0x40)],
    ['IMAGE_MACHINE', 'ELF for another machine', changed(elf, 18, 0x3e)],
    ['IMAGE_NOT_LINKED', 'an ELF object file', changed(elf, 16, 1)],
    ['IMAGE_MACHINE', 'COFF for another machine', coff({ target: 0x98 })],
    ['IMAGE_NOT_LINKED', 'a COFF object file', coff({ flags: 0 })],
    ['IMAGE_DAMAGED', 'Intel HEX with a wrong checksum', ascii(intelHex.replace('D80', 'D90'))],
    ['IMAGE_DAMAGED', 'Intel HEX without its end', ascii(intelHex.replace(':00000001FF', ''))],
    ['IMAGE_DAMAGED', 'TI-TXT without its end', ascii(tiTxt.replace('q', ''))],
    ['IMAGE_DAMAGED', 'TI-TXT with a byte of three digits', ascii(tiTxt.replace('B2 40', 'B2F 40'))],
    ['IMAGE_ADDRESS', 'bytes in RAM', ascii(tiTxt.replace('@C000', '@0200'))],
    ['IMAGE_ADDRESS', 'a program for a larger chip', ascii(tiTxt.replace('@C000', '@8000'))],
    ['IMAGE_ADDRESS', 'bytes that run over the end of flash', ascii(tiTxt.replace('00 C0\n', '00 C0 00\n'))],
    ['IMAGE_OVERLAP', 'an address given twice', ascii(tiTxt.replace('@FFF2', '@C010'))],
    ['IMAGE_NO_RESET_VECTOR', 'no reset vector', ascii(tiTxt.replace('@FFFE\n00 C0\n', ''))],
    ['IMAGE_NO_RESET_VECTOR', 'a reset vector to nowhere', ascii(tiTxt.replace('@FFFE\n00 C0', '@FFFE\n00 10'))],
  ])('%s: %s', (code, _what, file) => {
    expect(() => loadImage(file)).toThrowError(expect.objectContaining({ code }));
  });
});
