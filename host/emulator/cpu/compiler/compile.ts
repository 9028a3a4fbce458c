/**
 * Compiles a region of flash into a JavaScript function, where that is allowed: a page's Content-Security-Policy or
 * Node's --disallow-code-generation-from-strings may forbid it, and then everything is interpreted.
 */

import type { Memory } from '../../memory.ts';
import type { decimalAdd } from '../arithmetic.ts';
import type { Cpu } from '../cpu.ts';
import { instructionOf } from './instruction.ts';
import { findRegion } from './region.ts';
import { parameters, writeRegion } from './write.ts';

/** Runs from the region's entry; returns how many instructions it executed, 0 when the interpreter has to do the next. */
export type Region = (
  cpu: Cpu,
  registers: Uint16Array,
  ram: Uint8Array,
  ramWords: Uint16Array,
  flash: Uint8Array,
  flashWords: Uint16Array,
  memory: Memory,
  dadd: typeof decimalAdd,
) => number;

/** Flash with its decoded instructions. */
export interface Code {
  readonly bytes: Uint8Array;
  readonly operands: Int32Array;
  /** The packed instruction at a word index. */
  operationAt(index: number): number;
}

const flashStart = 0xc000;

/** The words of memory are read as the host reads them. */
const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
let allowed: boolean | undefined;

/** Whether this host lets programs make functions. */
export function canCompile(): boolean {
  if (allowed === undefined) {
    try {
      allowed = isLittleEndian && new Function('return 1')() === 1;
    } catch {
      allowed = false;
    }
  }
  return allowed;
}

/** The function for the region that begins at `pc`, or undefined when the interpreter has to execute it. */
export function compileRegion(pc: number, code: Code): Region | undefined {
  const text = regionText(pc, code);
  return text === undefined ? undefined : (new Function(...parameters, text) as Region);
}

/** What `compileRegion` compiles, for tests and for those who wonder. */
export function regionText(pc: number, code: Code): string | undefined {
  const blocks = findRegion(pc, (at) => {
    const index = (at - flashStart) >> 1;
    const packed = code.operationAt(index);
    return instructionOf(at, packed, code.operands[index]!);
  });
  return blocks.length === 0 ? undefined : writeRegion(blocks, (address) => code.bytes[address - flashStart]!);
}
