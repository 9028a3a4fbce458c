/**
 * A program image in memory: what every file format is read into and what a chip is loaded with.
 *
 * It knows bytes at addresses, nothing of files. Formats are read in the neighbouring files; `loadImage` chooses one.
 */

export type ImageFormat = 'elf' | 'intel-hex' | 'ti-txt' | 'ti-coff';

/** Bytes at consecutive addresses. */
export interface ImageSegment {
  readonly address: number;
  readonly data: Uint8Array;
}

/** Code that a linker knows by name. */
export interface FunctionSymbol {
  readonly name: string;
  readonly address: number;
  /** In bytes; 0 when the file does not say, as for functions in assembly language. */
  readonly size: number;
}

export interface Image {
  readonly format: ImageFormat;
  /** Sorted by address, not overlapping; all inside info memory (0x1000-0x10FF) or flash (0xC000-0xFFFF). */
  readonly segments: readonly ImageSegment[];
  /** Where the reset vector points. */
  readonly entry: number;
  /** Symbols by name; empty unless the format carries them (ELF, COFF). */
  readonly symbols: ReadonlyMap<string, number>;
  /** Functions by address; empty unless the file is ELF. */
  readonly functions: readonly FunctionSymbol[];
}
