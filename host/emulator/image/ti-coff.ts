/**
 * Reads TI COFF version 2 files for the MSP430 (SPRAAO8 "Common Object File Format"): sections with contents and
 * external symbols. Debug information and relocations are left out.
 */

import { EarlError } from '../../../errors/index.ts';
import type { ParsedFile } from './elf.ts';
import type { ImageSegment } from './image.ts';
import { Reader } from './reader.ts';

const versionId = 0x00c2;
const targetMsp430 = 0x00a0;
const fileHeaderSize = 22;
const sectionHeaderSize = 48;
const symbolSize = 18;
const flagExecutable = 0x0002;
/** Section flags: dummy, not loaded, copied at load time; code, initialised data. */
const section = { unloaded: 0x13, contents: 0x60 } as const;
const storageExternal = 2;

export function isTiCoff(bytes: Uint8Array): boolean {
  return bytes.length >= fileHeaderSize && bytes[0] === (versionId & 0xff) && bytes[1] === versionId >> 8;
}

export function parseTiCoff(bytes: Uint8Array): ParsedFile {
  const reader = new Reader(bytes);
  const target = reader.u16(20);
  if (target !== targetMsp430) {
    throw new EarlError(
      'IMAGE_MACHINE',
      `this COFF file is for target 0x${target.toString(16)}, not for the MSP430 (0xa0): choose an MSP430 project`,
    );
  }
  if ((reader.u16(18) & flagExecutable) === 0) {
    throw new EarlError('IMAGE_NOT_LINKED', 'this COFF file is an object file, not a program: link it first');
  }
  return { segments: readSections(reader), symbols: readSymbols(reader) };
}

function readSections(reader: Reader): ImageSegment[] {
  const start = fileHeaderSize + reader.u16(16);
  const segments: ImageSegment[] = [];
  for (let index = 0; index < reader.u16(2); index++) {
    const at = start + index * sectionHeaderSize;
    const flags = reader.u32(at + 40);
    const size = reader.u32(at + 16);
    const offset = reader.u32(at + 20);
    if ((flags & section.unloaded) !== 0 || (flags & section.contents) === 0 || size === 0 || offset === 0) continue;
    segments.push({ address: reader.u32(at + 8), data: reader.slice(offset, size) });
  }
  return segments;
}

function readSymbols(reader: Reader): Map<string, number> {
  const symbols = new Map<string, number>();
  const start = reader.u32(8);
  const count = reader.u32(12);
  const strings = start + count * symbolSize;
  for (let index = 0; start !== 0 && index < count; index++) {
    const at = start + index * symbolSize;
    const auxiliary = reader.u8(at + 17);
    if (reader.u8(at + 16) === storageExternal && reader.u16(at + 12) !== 0) {
      // A name of more than eight characters lies in the string table.
      const name = reader.u32(at) === 0 ? reader.text(strings + reader.u32(at + 4)) : reader.text(at, 8);
      symbols.set(name, reader.u32(at + 8));
    }
    index += auxiliary;
  }
  return symbols;
}
