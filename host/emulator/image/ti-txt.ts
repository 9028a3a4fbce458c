/** Reads TI-TXT files (SLAU101, appendix "TI-TXT Format"): `@ADDRESS` lines, lines of hexadecimal bytes, `q` at the end. */

import { EarlError } from '../../../errors/index.ts';
import type { ImageSegment } from './image.ts';

export function isTiTxt(text: string): boolean {
  return /^\s*@[0-9a-fA-F]+\s/.test(text);
}

export function parseTiTxt(text: string): ImageSegment[] {
  const parts: { address: number; bytes: number[] }[] = [];
  let ended = false;
  text.split(/\r\n|\r|\n/).forEach((raw, index) => {
    const line = raw.trim();
    if (line === '' || ended) return;
    if (line === 'q' || line === 'Q') ended = true;
    else if (line.startsWith('@')) parts.push({ address: hexadecimal(line.slice(1), 8, index), bytes: [] });
    else {
      const part = parts.at(-1);
      if (part === undefined) throw damaged(index, 'bytes come before the first @ADDRESS');
      for (const byte of line.split(/\s+/)) part.bytes.push(hexadecimal(byte, 2, index));
    }
  });
  if (!ended)
    throw new EarlError('IMAGE_DAMAGED', 'this TI-TXT file does not end with q: it was cut off; copy it again');
  return parts.map(({ address, bytes }) => ({ address, data: Uint8Array.from(bytes) }));
}

function hexadecimal(text: string, maximumDigits: number, index: number): number {
  if (!/^[0-9a-fA-F]+$/.test(text) || text.length > maximumDigits)
    throw damaged(index, `"${text}" is no byte or address`);
  return Number.parseInt(text, 16);
}

function damaged(index: number, what: string): EarlError {
  return new EarlError('IMAGE_DAMAGED', `line ${index + 1} of this TI-TXT file is wrong: ${what}`);
}
