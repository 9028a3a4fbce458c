/**
 * The CPU against `mspdebug sim`: random programs and every released image, all registers and RAM after every instruction,
 * and compiled code, in strides, against what was compared so.
 *
 * EARL_SEED repeats a run, EARL_DIFF_INSTRUCTIONS makes a longer one; `npm run diff:cpu` is the same as a command.
 */

import { describe, expect, it } from 'vitest';
import { imageFromWords } from '../../host/emulator/image/words.ts';
import { Mcu } from '../../host/emulator/mcu.ts';
import { runCompiled } from './compiled-run.ts';
import { runCampaign } from './diff-campaign.ts';
import { Lockstep, type RecordedStep } from './lockstep.ts';
import { mspdebugMissing } from './mspdebug-sim.ts';

const missing = mspdebugMissing();
const seed = Number(process.env.EARL_SEED ?? Date.now() & 0x7fffffff);
const instructions = Number(process.env.EARL_DIFF_INSTRUCTIONS ?? 20_000);

if (missing !== undefined) console.warn(`skipped: comparison with mspdebug sim: ${missing}`);

describe.skipIf(missing !== undefined)('against mspdebug sim', () => {
  it(`does the same, EARL_SEED=${seed}`, { timeout: 3_000_000 }, async () => {
    const result = await runCampaign({ instructions, seed });
    expect(result.failures.map(({ message, program }) => `${message}\n${program}`)).toEqual([]);
    expect(result.instructions).toBeGreaterThanOrEqual(instructions);
    expect(result.compiledInstructions).toBeGreaterThanOrEqual(result.instructions);
  });
});

describe('the comparison of compiled code with a stepped run', () => {
  /** MOV #0x5A80, &WDTCTL; MOV #0x200, R5; MOV R6, 0(R5); INCD R5; ADD #3, R6; CMP #0x380, R5; JNE; JMP $ */
  const words = [
    0x40b2, 0x5a80, 0x0120, 0x4035, 0x0200, 0x4685, 0x0000, 0x5325, 0x5036, 0x0003, 0x9035, 0x0380, 0x23f8, 0x3fff,
  ];
  const image = imageFromWords(words);
  const compiled = (steps: readonly RecordedStep[]) => runCompiled(new Mcu({ image, execution: 'compiled' }), steps, 5);
  const { steps } = new Lockstep(new Mcu({ image, execution: 'interpreted' }), { steps: 900, window: 0x80 });

  it('finds none where both do the same', () => {
    expect(compiled(steps)).toEqual({ instructions: 900, difference: undefined });
  });

  it.each<[what: string, change: (step: RecordedStep) => RecordedStep]>([
    ['R6', (step) => ({ ...step, after: step.after.map((value, index) => (index === 6 ? value ^ 1 : value)) })],
    ['RAM 0x0210', (step) => ({ ...step, ramAfter: step.ramAfter.map((byte, at) => (at === 16 ? byte + 1 : byte)) })],
    ['instructions', (step) => ({ ...step, instructions: step.instructions + 1 })],
  ])('finds a difference in %s', (what, change) => {
    const { difference } = compiled(steps.map((step, index) => (index < 600 ? step : change(step))));
    expect(difference?.index).toBeGreaterThanOrEqual(600);
    expect(difference?.message).toContain(what);
  });
});
