/**
 * An image as GCC and clang link it, for the tools that measure and check it: sections by name, loadable segments, symbols.
 * The emulator's reader (host/emulator/image/elf.ts) reads the tables.
 */
import { readElfFile } from '../../host/emulator/image/elf.ts';

const SHT_NOBITS = 8;
const SHF_ALLOC = 2;

export interface Section {
  readonly name: string;
  readonly address: number;
  readonly size: number;
  /** Has a place in memory (SHF_ALLOC). */
  readonly allocated: boolean;
  /** Takes no bytes in the file (SHT_NOBITS). */
  readonly empty: boolean;
}

export interface Segment {
  /** Where the loader puts the bytes: the load address, not the address at run time. */
  readonly address: number;
  readonly bytes: Uint8Array;
}

export interface ElfSymbol {
  readonly name: string;
  readonly address: number;
  readonly isFunction: boolean;
}

export interface ElfImage {
  readonly entry: number;
  readonly sections: readonly Section[];
  readonly segments: readonly Segment[];
  readonly symbols: readonly ElfSymbol[];
}

export function readElf(bytes: Uint8Array): ElfImage {
  const file = readElfFile(bytes);
  return {
    entry: file.entry,
    sections: file.sections.map(({ nameAt, address, size, flags, type }) => ({
      name: file.reader.text(nameAt),
      address,
      size,
      allocated: (flags & SHF_ALLOC) !== 0,
      empty: type === SHT_NOBITS,
    })),
    segments: file.segments
      .map(({ address, offset, size }) => ({ address, bytes: file.reader.slice(offset, size) }))
      .sort((a, b) => a.address - b.address),
    symbols: file.symbols.map(({ name, address, isTyped }) => ({ name, address, isFunction: isTyped })),
  };
}

/** The 64 KB that the segments fill; bytes that none fills are `fill`. */
export function memoryOf(image: ElfImage, fill = 0xff): Uint8Array {
  const memory = new Uint8Array(0x10000).fill(fill);
  for (const segment of image.segments) memory.set(segment.bytes, segment.address);
  return memory;
}

export function symbolAddress(image: ElfImage, name: string): number {
  const symbol = image.symbols.find((candidate) => candidate.name === name);
  if (!symbol) throw new Error(`the image has no symbol ${name}`);
  return symbol.address;
}
