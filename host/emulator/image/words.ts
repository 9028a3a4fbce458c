/** Makes a program image from literal words: for tests, monitors and whatever assembles code in memory. */

import type { Image } from './image.ts';
import { makeImage } from './load.ts';

export interface WordsOptions {
  /** Address of the first word; the program starts there. Default 0xC000. */
  readonly address?: number;
  /** Handlers by vector number (see interrupts.ts). */
  readonly vectors?: Readonly<Record<number, number>>;
}

const vectorTable = 0xffe0;
const resetVector = 15;

export function imageFromWords(words: readonly number[], options: WordsOptions = {}): Image {
  const address = options.address ?? 0xc000;
  const handlers = { [resetVector]: address, ...options.vectors };
  return makeImage('ti-txt', [
    { address, data: littleEndian(words) },
    ...Object.entries(handlers).map(([vector, handler]) => ({
      address: vectorTable + 2 * Number(vector),
      data: littleEndian([handler]),
    })),
  ]);
}

function littleEndian(words: readonly number[]): Uint8Array {
  return Uint8Array.from(words.flatMap((word) => [word & 0xff, (word >> 8) & 0xff]));
}
