/**
 * Writes segments as Intel HEX and as TI-TXT (SLAU131 "Hex Conversion Utility"). Addresses below 64 KB only.
 */
import type { Segment } from './elf.ts';

const BYTES_PER_LINE = 16;

const hex = (value: number, digits: number) => value.toString(16).toUpperCase().padStart(digits, '0');

function intelHexRecord(address: number, type: number, data: Uint8Array): string {
  const bytes = [data.length, address >> 8, address & 0xff, type, ...data];
  const checksum = -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
  return `:${[...bytes, checksum].map((byte) => hex(byte, 2)).join('')}`;
}

function lines(segment: Segment): { address: number; data: Uint8Array }[] {
  const count = Math.ceil(segment.bytes.length / BYTES_PER_LINE);
  return Array.from({ length: count }, (_, i) => ({
    address: segment.address + i * BYTES_PER_LINE,
    data: segment.bytes.subarray(i * BYTES_PER_LINE, (i + 1) * BYTES_PER_LINE),
  }));
}

export function toIntelHex(segments: readonly Segment[], entry: number): string {
  const records = segments.flatMap(lines).map((line) => intelHexRecord(line.address, 0, line.data));
  const start = intelHexRecord(0, 3, Uint8Array.of(0, 0, entry >> 8, entry & 0xff));
  return [...records, start, intelHexRecord(0, 1, new Uint8Array()), ''].join('\n');
}

export function toTiText(segments: readonly Segment[]): string {
  const blocks = segments.map((segment) =>
    [
      `@${hex(segment.address, 4)}`,
      ...lines(segment).map((line) => [...line.data].map((b) => hex(b, 2)).join(' ')),
    ].join('\n'),
  );
  return [...blocks, 'q', ''].join('\n');
}
