/** Reads Intel HEX files (Intel, "Hexadecimal Object File Format Specification", revision A) with nrf-intel-hex. */

import intelHex from 'nrf-intel-hex';
import { EarlError, errorMessage } from '../../../errors/index.ts';
import type { ImageSegment } from './image.ts';

/** The package is CommonJS with types of an ES module: what is imported is the class itself. */
const MemoryMap = intelHex as unknown as typeof intelHex.default;

export function isIntelHex(text: string): boolean {
  return /^\s*:[0-9a-fA-F]{10}/.test(text);
}

export function parseIntelHex(text: string): ImageSegment[] {
  if (!/^:00000001FF\s*$/im.test(text)) {
    throw new EarlError('IMAGE_DAMAGED', 'this Intel HEX file has no end record: it was cut off; copy it again');
  }
  try {
    return [...MemoryMap.fromHex(text)].map(([address, data]) => ({ address, data }));
  } catch (error) {
    throw new EarlError('IMAGE_DAMAGED', `this Intel HEX file is damaged: ${errorMessage(error)}`, { cause: error });
  }
}
