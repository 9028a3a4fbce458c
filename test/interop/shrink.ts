/**
 * The smallest program that shows a difference: instructions that restore the state before the failing instruction, and
 * that instruction at its own address. Those that are not needed to show the difference are left out one by one.
 */

import type { ImageSegment } from '../../host/emulator/image/image.ts';
import { makeImage } from '../../host/emulator/image/load.ts';
import { Mcu } from '../../host/emulator/mcu.ts';
import { Lockstep, type RecordedStep, ramStart } from './lockstep.ts';
import { tiTxt } from './mspdebug-sim.ts';

/** Where the restoring instructions stand: out of the way of what failed. */
const lowPlace = 0xc000;
const highPlace = 0xe000;

/** TI-TXT of the reduced program; of the whole state when the difference needs more than the one instruction. */
export async function shrink(step: RecordedStep): Promise<string> {
  let parts = restoringParts(step);
  if (!(await fails(step, parts))) return `${tiTxt(segments(step, parts))}(does not show the difference by itself)\n`;
  // In halves, quarters and so on down to single instructions.
  for (let size = parts.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at < parts.length; ) {
      const rest = [...parts.slice(0, at), ...parts.slice(at + size)];
      if (await fails(step, rest)) parts = rest;
      else at += size;
    }
  }
  return tiTxt(segments(step, parts));
}

/** RAM, then registers; status comes last of all. */
function restoringParts(step: RecordedStep): number[][] {
  const parts: number[][] = [];
  for (let offset = 0; offset < step.ramBefore.length; offset += 2) {
    const value = step.ramBefore[offset]! | (step.ramBefore[offset + 1]! << 8);
    if (value !== 0) parts.push([0x40b2, value, ramStart + offset]);
  }
  for (const register of [1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]) {
    parts.push([0x4030 | register, step.before[register]!]);
  }
  parts.push([0x4032, step.before[2]!]);
  return parts;
}

function segments(step: RecordedStep, parts: readonly number[][]): ImageSegment[] {
  const start = step.pc >= 0xd800 ? lowPlace : highPlace;
  const setup = [...parts.flat(), 0x4030, step.pc];
  return [
    { address: start, data: bytes(setup) },
    { address: step.pc, data: bytes(step.words) },
    { address: 0xfffe, data: bytes([start]) },
  ];
}

async function fails(step: RecordedStep, parts: readonly number[][]): Promise<boolean> {
  const image = makeImage('ti-txt', segments(step, parts));
  const lockstep = new Lockstep(new Mcu({ image }), { steps: parts.length + 2, window: 0x200 });
  const difference = await lockstep.compare();
  return difference !== undefined && difference.index === parts.length + 1;
}

function bytes(words: readonly number[]): Uint8Array {
  return Uint8Array.from(words.flatMap((word) => [word & 0xff, word >> 8]));
}
