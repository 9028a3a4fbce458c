/**
 * Reads a program file of any supported format, found out from its first bytes, and checks that an MSP430G2553 can
 * hold and start it.
 */

import { EarlError } from '../../../errors/index.ts';
import { isElf, parseElf } from './elf.ts';
import type { FunctionSymbol, Image, ImageFormat, ImageSegment } from './image.ts';
import { isIntelHex, parseIntelHex } from './intel-hex.ts';
import { isTiCoff, parseTiCoff } from './ti-coff.ts';
import { isTiTxt, parseTiTxt } from './ti-txt.ts';

/** A text file for 16 KB of flash is far smaller. */
const maximumTextBytes = 1 << 20;
const resetVector = 0xfffe;

/**
 * @param bytes the file's contents
 * @throws EarlError `IMAGE_FORMAT`, `IMAGE_DAMAGED`, `IMAGE_MACHINE`, `IMAGE_NOT_LINKED`, `IMAGE_ADDRESS`, `IMAGE_OVERLAP`
 *   or `IMAGE_NO_RESET_VECTOR`
 */
export function loadImage(bytes: Uint8Array): Image {
  const { format, segments, symbols, functions } = parse(bytes);
  return makeImage(format, segments, symbols, functions);
}

/** Checks and sorts segments that do not come from a file. */
export function makeImage(
  format: ImageFormat,
  segments: readonly ImageSegment[],
  symbols: ReadonlyMap<string, number> = new Map(),
  functions: readonly FunctionSymbol[] = [],
): Image {
  const sorted = segments.filter(({ data }) => data.length > 0).sort((a, b) => a.address - b.address);
  sorted.forEach((segment, index) => {
    checkPlace(segment);
    const next = sorted[index + 1];
    if (next !== undefined && segment.address + segment.data.length > next.address) {
      throw new EarlError('IMAGE_OVERLAP', `two parts of this file claim the address ${hex(next.address)}`);
    }
  });
  return { format, segments: sorted, entry: findEntry(sorted), symbols, functions };
}

interface Parsed {
  readonly format: ImageFormat;
  readonly segments: ImageSegment[];
  readonly symbols?: Map<string, number>;
  readonly functions?: FunctionSymbol[];
}

function parse(bytes: Uint8Array): Parsed {
  if (isElf(bytes)) return { format: 'elf', ...parseElf(bytes) };
  if (isTiCoff(bytes)) return { format: 'ti-coff', ...parseTiCoff(bytes) };
  if (bytes.length <= maximumTextBytes) {
    const text = decodeAscii(bytes);
    if (isIntelHex(text)) return { format: 'intel-hex', segments: parseIntelHex(text) };
    if (isTiTxt(text)) return { format: 'ti-txt', segments: parseTiTxt(text) };
  }
  if (isUbrof(bytes)) {
    throw new EarlError(
      'IMAGE_FORMAT',
      "this seems to be an IAR debug file (UBROF, .d43), which only IAR's tools read: in the options of the linker " +
        'choose TI-TXT (msp430-txt) or Intel HEX (intel-extended) as its output',
    );
  }
  throw new EarlError('IMAGE_FORMAT', 'this file is none of ELF, Intel HEX, TI-TXT and TI COFF: give one of these');
}

/** How all of nine files of IAR's linker for the MSP430 begin, of versions years apart: no specification is public. */
function isUbrof(bytes: Uint8Array): boolean {
  return bytes[0] === 0xa5 && bytes[7] === 0xbd;
}

function decodeAscii(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let start = 0; start < bytes.length; start += 4096) {
    parts.push(String.fromCharCode(...bytes.subarray(start, start + 4096)));
  }
  return parts.join('');
}

function checkPlace({ address, data }: ImageSegment): void {
  const end = address + data.length;
  const inInfo = address >= 0x1000 && end <= 0x1100;
  const inFlash = address >= 0xc000 && end <= 0x10000;
  if (inInfo || inFlash) return;
  throw new EarlError(
    'IMAGE_ADDRESS',
    `this file has bytes at ${hex(address)}-${hex(end - 1)}, but an MSP430G2553 has flash at 0xc000-0xffff and info memory ` +
      'at 0x1000-0x10ff: link it for the msp430g2553',
  );
}

function findEntry(segments: readonly ImageSegment[]): number {
  const byte = (address: number) => {
    const segment = segments.find((each) => address >= each.address && address < each.address + each.data.length);
    return segment?.data[address - segment.address] ?? 0xff;
  };
  const entry = byte(resetVector) | (byte(resetVector + 1) << 8);
  if (entry >= 0xc000 && entry !== 0xffff && (entry & 1) === 0) return entry;
  throw new EarlError(
    'IMAGE_NO_RESET_VECTOR',
    `the reset vector at 0xfffe holds ${hex(entry)}, which is no place for a program to start: link it with its start-up code`,
  );
}

function hex(address: number): string {
  return `0x${address.toString(16).padStart(4, '0')}`;
}
