/**
 * Reads executable ELF files for the MSP430 (System V ABI chapters 4 and 5, SLAA534 "MSP430 Embedded ABI").
 *
 * Bytes go where the program headers' physical addresses say, as a flash tool would write them. Where there are section
 * headers, only what a section holds is taken: linkers like to put the file's own headers into the first segment.
 */

import { EarlError } from '../../../errors/index.ts';
import type { FunctionSymbol, ImageSegment } from './image.ts';
import { Reader } from './reader.ts';

const machineMsp430 = 105;
const typeExecutable = 2;
const segmentLoad = 1;
const section = { progbits: 1, symbolTable: 2, noBits: 8, allocate: 2, executable: 4 } as const;
const sectionUndefined = 0;
const symbolTypeNone = 0;
const symbolTypeFunction = 2;
const bindingLocal = 0;
const symbolTypeFile = 4;
const symbolTypeSection = 3;

export interface ParsedFile {
  readonly segments: ImageSegment[];
  readonly symbols: Map<string, number>;
  readonly functions?: FunctionSymbol[];
}

export function isElf(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/** A file as its tables say. */
export interface ElfFile {
  readonly reader: Reader;
  readonly entry: number;
  readonly sections: readonly ElfSection[];
  readonly segments: readonly ElfSegment[];
  readonly symbols: readonly ElfSymbol[];
}

/** For tools that look at sections: `parseElf` is what a chip is loaded with. */
export function readElfFile(bytes: Uint8Array): ElfFile {
  const reader = new Reader(bytes);
  checkHeader(reader);
  const sections = readSections(reader);
  return {
    reader,
    entry: reader.u32(24),
    sections,
    segments: readProgramHeaders(reader),
    symbols: readSymbols(reader, sections),
  };
}

export function parseElf(bytes: Uint8Array): ParsedFile {
  const { reader, sections, segments, symbols } = readElfFile(bytes);
  return {
    segments: segments.flatMap((segment) => contents(reader, segment, sections)),
    symbols: new Map(symbols.map(({ name, address }) => [name, address])),
    functions: functionsOf(symbols),
  };
}

function checkHeader(reader: Reader): void {
  const machine = reader.u16(18);
  if (reader.u8(4) !== 1 || reader.u8(5) !== 1 || machine !== machineMsp430) {
    throw new EarlError(
      'IMAGE_MACHINE',
      `this ELF file is for machine ${machine}, not for the MSP430 (${machineMsp430}): compile it for -mmcu=msp430g2553`,
    );
  }
  if (reader.u16(16) !== typeExecutable) {
    throw new EarlError('IMAGE_NOT_LINKED', 'this ELF file is an object file, not a program: link it first');
  }
}

/** An entry of the program header table that is loaded. */
export interface ElfSegment {
  readonly offset: number;
  /** Physical: where a flash tool puts the bytes, not where they are at run time. */
  readonly address: number;
  /** In the file. */
  readonly size: number;
}

function readProgramHeaders(reader: Reader): ElfSegment[] {
  const start = reader.u32(28);
  const entrySize = reader.u16(42);
  const segments: ElfSegment[] = [];
  for (let index = 0; index < reader.u16(44); index++) {
    const at = start + index * entrySize;
    const size = reader.u32(at + 16);
    if (reader.u32(at) !== segmentLoad || size === 0) continue;
    segments.push({ offset: reader.u32(at + 4), address: reader.u32(at + 12), size });
  }
  return segments;
}

export interface ElfSection {
  /** Where its name stands in the file. */
  readonly nameAt: number;
  readonly type: number;
  readonly flags: number;
  readonly address: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
}

function readSections(reader: Reader): ElfSection[] {
  const start = reader.u32(32);
  if (start === 0) return [];
  const entrySize = reader.u16(46);
  const header = (index: number) => start + index * entrySize;
  const names = reader.u32(header(reader.u16(50)) + 16);
  return Array.from({ length: reader.u16(48) }, (_, index) => {
    const at = header(index);
    return {
      nameAt: names + reader.u32(at),
      type: reader.u32(at + 4),
      flags: reader.u32(at + 8),
      address: reader.u32(at + 12),
      offset: reader.u32(at + 16),
      size: reader.u32(at + 20),
      link: reader.u32(at + 24),
    };
  });
}

function contents(reader: Reader, segment: ElfSegment, sections: readonly ElfSection[]): ImageSegment[] {
  const inside = sections.filter(
    ({ type, flags, offset, size }) =>
      type !== section.noBits &&
      (flags & section.allocate) !== 0 &&
      size > 0 &&
      offset >= segment.offset &&
      offset + size <= segment.offset + segment.size,
  );
  const parts = sections.length === 0 ? [segment] : inside;
  return parts.map(({ offset, size }) => ({
    address: segment.address + offset - segment.offset,
    data: reader.slice(offset, size),
  }));
}

export interface ElfSymbol extends FunctionSymbol {
  readonly isFunction: boolean;
  /** The compiler says that it is a function; of labels in assembly language nobody says so. */
  readonly isTyped: boolean;
}

function readSymbols(reader: Reader, sections: readonly ElfSection[]): ElfSymbol[] {
  const symbols: ElfSymbol[] = [];
  for (const table of sections) {
    const strings = table.type === section.symbolTable ? sections[table.link] : undefined;
    if (strings === undefined) continue;
    for (let at = table.offset; at + 16 <= table.offset + table.size; at += 16) {
      const type = reader.u8(at + 12) & 15;
      const name = reader.text(strings.offset + reader.u32(at));
      if (name === '' || type === symbolTypeFile || type === symbolTypeSection) continue;
      const home = reader.u16(at + 14);
      if (home === sectionUndefined) continue;
      const executable = ((sections[home]?.flags ?? 0) & section.executable) !== 0;
      const label = type === symbolTypeNone && reader.u8(at + 12) >> 4 !== bindingLocal;
      const isFunction = executable && (type === symbolTypeFunction || label);
      const isTyped = type === symbolTypeFunction;
      symbols.push({ name, address: reader.u32(at + 4), size: reader.u32(at + 8), isFunction, isTyped });
    }
  }
  return symbols;
}

/** Sorted; of several names for one place the one with a size. Local labels are no functions: they lie within one. */
function functionsOf(symbols: readonly ElfSymbol[]): FunctionSymbol[] {
  const byAddress = new Map<number, FunctionSymbol>();
  for (const { name, address, size, isFunction } of symbols) {
    const known = byAddress.get(address);
    if (isFunction && (known === undefined || size > known.size)) byAddress.set(address, { name, address, size });
  }
  return [...byAddress.values()].sort((a, b) => a.address - b.address);
}
