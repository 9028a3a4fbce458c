/**
 * Watchpoints see what the CPU does: the accesses that the debugger foretells for each instruction of random programs are
 * those that reach memory. Another seed: EARL_SEED=n.
 */

import { expect, it } from 'vitest';
import { type MemoryAccess, nextAccesses } from '../../host/emulator/gdb-access.ts';
import { imageFromWords } from '../../host/emulator/image/words.ts';
import { Mcu } from '../../host/emulator/mcu.ts';
import type { Memory } from '../../host/emulator/memory.ts';
import { randomProgram } from '../interop/random-program.ts';

const seed = Number(process.env.EARL_SEED ?? 20261122);

/** Everything that reads or writes memory, as `r2 0210`. */
function spy(mcu: Mcu): string[] {
  const seen: string[] = [];
  const { memory } = mcu as unknown as { memory: Memory };
  let depth = 0;
  for (const [name, letter, bytes] of [
    ['readByte', 'r', 1],
    ['readWord', 'r', 2],
    ['writeByte', 'w', 1],
    ['writeWord', 'w', 2],
  ] as const) {
    const original = memory[name].bind(memory) as (address: number, value: number) => number;
    // An access that memory passes on to itself, aligned, is one access.
    const watched = (address: number, value: number) => {
      if (depth === 0) seen.push(describe(letter, address, bytes));
      depth++;
      try {
        return original(address, value);
      } finally {
        depth--;
      }
    };
    Object.assign(memory, { [name]: watched });
  }
  return seen;
}

function describe(letter: string, address: number, bytes: number): string {
  return `${letter}${bytes} ${(bytes === 2 ? address & 0xfffe : address).toString(16).padStart(4, '0')}`;
}

function foretold(accesses: readonly MemoryAccess[]): string[] {
  return accesses.flatMap(({ address, bytes, reads, writes }) => [
    ...(reads ? [describe('r', address, bytes)] : []),
    ...(writes ? [describe('w', address, bytes)] : []),
  ]);
}

it(`foretells every access (seed ${seed})`, () => {
  let accesses = 0;
  for (let round = 0; round < 8; round++) {
    const program = randomProgram(seed + round, 2000);
    const mcu = new Mcu({ image: imageFromWords(program.words), execution: 'interpreted' });
    const seen = spy(mcu);
    for (let step = 0; step < program.steps; step++) {
      const expected = foretold(nextAccesses(mcu));
      const pc = mcu.registers[0]!;
      seen.length = 0;
      mcu.step();
      expect(seen, `seed ${seed + round}, step ${step}, PC ${pc.toString(16)}`).toEqual(expected);
      accesses += seen.length;
    }
  }
  expect(accesses).toBeGreaterThan(8000);
});
