/**
 * The CPU against `mspdebug sim`: random programs, every register after every instruction, RAM at the end.
 *
 * EARL_SEED repeats a run, EARL_PROGRAMS makes a longer one.
 */

import { describe, expect, it } from 'vitest';
import { imageFromWords } from '../../host/emulator/image/words.ts';
import { Mcu } from '../../host/emulator/mcu.ts';
import { mspdebugMissing, runInMspdebug } from './mspdebug-sim.ts';
import { randomProgram } from './random-program.ts';

const missing = mspdebugMissing();
const seed = Number(process.env.EARL_SEED ?? Date.now() & 0x7fffffff);
const programs = Number(process.env.EARL_PROGRAMS ?? 2);
const overflow = 0x100;

if (missing !== undefined) console.warn(`skipped: comparison with mspdebug sim: ${missing}`);

describe.skipIf(missing !== undefined)(`against mspdebug sim, EARL_SEED=${seed}`, () => {
  it.each(Array.from({ length: programs }, (_, index) => seed + index))('random program %i', (programSeed) => {
    const program = randomProgram(programSeed, 2000);
    const image = imageFromWords(program.words);
    const reference = runInMspdebug(image, program.steps);
    expect(reference.states).toHaveLength(program.steps);

    const mcu = new Mcu({ image });
    mcu.poke(0x200, new Uint8Array(512));
    for (let step = 0; step < program.steps; step++) {
      const before = mcu.registers[0]!;
      mcu.step();
      const mask = program.vUnknown.has(step) ? ~overflow : ~0;
      const ours = Array.from(mcu.registers);
      const theirs = [...reference.states[step]!];
      ours[2]! &= mask;
      theirs[2]! &= mask;
      if (ours.join() !== theirs.join()) {
        const words = [0, 2, 4].map((offset) => mcu.peekWord(before + offset).toString(16)).join(' ');
        expect(hex(ours), `step ${step} at 0x${before.toString(16)}: ${words}`).toEqual(hex(theirs));
      }
    }
    const ram = Uint8Array.from({ length: 512 }, (_, index) => mcu.peek(0x200 + index));
    expect([...ram]).toEqual([...reference.ram]);
  });
});

function hex(registers: readonly number[]): string[] {
  return registers.map((value, index) => `R${index} ${value.toString(16)}`);
}
