/**
 * Where `mspdebug sim` 0.22 does not do what the manual says (docs/emulator-accuracy.md): each with the smallest program
 * that shows it. They also show that the comparison finds differences, and that shrinking keeps them.
 */

import { describe, expect, it } from 'vitest';
import { loadImage } from '../../host/emulator/image/load.ts';
import { imageFromWords } from '../../host/emulator/image/words.ts';
import { Mcu } from '../../host/emulator/mcu.ts';
import { Lockstep } from './lockstep.ts';
import { mspdebugMissing } from './mspdebug-sim.ts';
import { shrink } from './shrink.ts';

const MOV_TO_SP = 0x4031;
const MOV_TO_SR = 0x4032;
const MOV_TO_R4 = 0x4034;

/** Runs `words` on both; the number of steps is the number of instructions. */
function compare(steps: number, ...words: number[]) {
  return new Lockstep(new Mcu({ image: imageFromWords(words) }), { steps, window: 0x200 }).compare();
}

describe.skipIf(mspdebugMissing() !== undefined)('mspdebug sim deviates', () => {
  it('in a byte @SP+, which must leave SP even', async () => {
    const difference = await compare(2, MOV_TO_SP, 0x0300, 0x4174);
    expect(difference).toMatchObject({ index: 1, message: 'R1: Earl 0x0302, mspdebug 0x0301' });
  });

  it('in a word read at an odd address, of which the bus ignores bit 0', async () => {
    const difference = await compare(4, 0x40b2, 0x1234, 0x0300, 0x40b2, 0x5678, 0x0302, MOV_TO_R4, 0x0301, 0x4425);
    expect(difference).toMatchObject({ index: 3, message: 'R5: Earl 0x1234, mspdebug 0x7812' });
  });

  it('in bits 9 to 15 of SR, which do not exist', async () => {
    const difference = await compare(1, MOV_TO_SR, 0xfe00);
    expect(difference).toMatchObject({ index: 0, message: 'R2: Earl 0x0000, mspdebug 0xfe00' });
  });

  it('in V after DADD, which the manual leaves undefined', async () => {
    const difference = await compare(3, MOV_TO_R4, 0x5999, MOV_TO_SR, 0x0100, 0xa034, 0x3001);
    expect(difference?.message).toMatch(/^R2: /);
  });

  it('in the high byte of the word that PUSH.B leaves', async () => {
    const lockstep = new Lockstep(
      new Mcu({ image: imageFromWords([0x40b2, 0x1234, 0x02fe, MOV_TO_SP, 0x0300, 0x1253]) }),
      {
        steps: 3,
        window: 0x200,
      },
    );
    const pushed = lockstep.steps[2]!;
    expect(pushed.unknownByte).toBe(0x02ff);
    expect(pushed.ramAfter.subarray(0xfe, 0x100)).toEqual(Uint8Array.of(0x01, 0x12));
    lockstep.steps[2] = { ...pushed, unknownByte: -1 };
    expect(await lockstep.compare()).toMatchObject({ index: 2, message: 'RAM 0x02ff: Earl 0x0012, mspdebug 0x0000' });
  });

  it('and shrinking leaves the instruction and what it needs', async () => {
    const difference = await compare(5, MOV_TO_R4, 0x0777, 0x4345, 0x4356, MOV_TO_SP, 0x0300, 0x4174);
    const lengths = loadImage(Buffer.from(await shrink(difference!.step))).segments.map(({ data }) => data.length);
    // The instruction with the two words after it; what loads SP and jumps there; the reset vector.
    expect(lengths).toEqual([6, 8, 2]);
  });
});
