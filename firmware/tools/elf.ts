/**
 * Reads the ELF files that GCC and clang produce for the MSP430: sections, symbols and loadable segments.
 * 32-bit little-endian only (System V ABI, "Object Files"; machine 105). Not a general ELF library.
 */

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

const MACHINE_MSP430 = 105;
const PT_LOAD = 1;
const SHT_SYMTAB = 2;
const SHT_NOBITS = 8;
const SHF_ALLOC = 2;
const STT_FUNC = 2;

function text(bytes: Uint8Array, offset: number): string {
  const end = bytes.indexOf(0, offset);
  return new TextDecoder().decode(bytes.subarray(offset, end));
}

export function readElf(bytes: Uint8Array): ElfImage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 52 || view.getUint32(0, false) !== 0x7f454c46) throw new Error('not an ELF file');
  if (view.getUint16(18, true) !== MACHINE_MSP430) throw new Error('not an ELF file for the MSP430');
  const headers = sectionHeaders(view);
  const names = headers[view.getUint16(50, true)];
  const sections = headers.map((header) => ({
    name: text(bytes, (names?.offset ?? 0) + header.name),
    address: header.address,
    size: header.size,
    allocated: (header.flags & SHF_ALLOC) !== 0,
    empty: header.type === SHT_NOBITS,
  }));
  return {
    entry: view.getUint32(24, true),
    sections,
    segments: readSegments(bytes, view),
    symbols: readSymbols(bytes, view, headers),
  };
}

interface SectionHeader {
  readonly name: number;
  readonly type: number;
  readonly flags: number;
  readonly address: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
}

function sectionHeaders(view: DataView): SectionHeader[] {
  const start = view.getUint32(32, true);
  const size = view.getUint16(46, true);
  return Array.from({ length: view.getUint16(48, true) }, (_, i) => {
    const word = (n: number) => view.getUint32(start + i * size + n * 4, true);
    return {
      name: word(0),
      type: word(1),
      flags: word(2),
      address: word(3),
      offset: word(4),
      size: word(5),
      link: word(6),
    };
  });
}

function readSegments(bytes: Uint8Array, view: DataView): Segment[] {
  const start = view.getUint32(28, true);
  const size = view.getUint16(42, true);
  const segments: Segment[] = [];
  for (let i = 0; i < view.getUint16(44, true); i++) {
    const word = (n: number) => view.getUint32(start + i * size + n * 4, true);
    if (word(0) !== PT_LOAD || word(4) === 0) continue;
    segments.push({ address: word(3), bytes: bytes.subarray(word(1), word(1) + word(4)) });
  }
  return segments.sort((a, b) => a.address - b.address);
}

function readSymbols(bytes: Uint8Array, view: DataView, headers: SectionHeader[]): ElfSymbol[] {
  const table = headers.find((header) => header.type === SHT_SYMTAB);
  if (!table) return [];
  const names = headers[table.link]?.offset ?? 0;
  const symbols: ElfSymbol[] = [];
  for (let at = table.offset; at < table.offset + table.size; at += 16) {
    const name = text(bytes, names + view.getUint32(at, true));
    const isFunction = (view.getUint8(at + 12) & 15) === STT_FUNC;
    if (name !== '') symbols.push({ name, address: view.getUint32(at + 4, true), isFunction });
  }
  return symbols;
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
