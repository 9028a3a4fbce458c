/**
 * Compiled code against the record of a stepped run that was compared with mspdebug (lockstep.ts).
 *
 * A second chip runs the same program from power-on, in strides of one to a hundred instructions, long enough that
 * whole blocks and loops run compiled, and short enough that wrong results are seen before they are overwritten. After each stride registers, RAM, time and the count of instructions have to be those of the
 * record. Strides come from the seed.
 */

import type { Mcu } from '../../host/emulator/mcu.ts';
import { type Difference, hex, type RecordedStep, ram, ramStart } from './lockstep.ts';
import { Random } from './random-program.ts';

const longestStride = 100;

export interface CompiledRun {
  /** Run, and compared at the strides' ends. */
  readonly instructions: number;
  readonly difference: Difference | undefined;
}

/** @param mcu the chip of the record once more, reset and not run yet, that compiles what it runs */
export function runCompiled(mcu: Mcu, steps: readonly RecordedStep[], seed: number): CompiledRun {
  const random = new Random(seed);
  let index = -1;
  while (index < steps.length - 1) {
    // One stride in four is short: ends within loops and in front of interrupts are where things go wrong.
    const stride = 1 + random.below(random.below(4) === 0 ? 4 : longestStride);
    index = Math.min(index + stride, steps.length - 1);
    const step = steps[index]!;
    mcu.runUntil(step.at);
    const message = differs(mcu, step);
    if (message !== undefined) {
      return {
        instructions: mcu.instructions,
        difference: { step, index, message: `after ${stride} compiled: ${message}` },
      };
    }
  }
  return { instructions: mcu.instructions, difference: undefined };
}

function differs(mcu: Mcu, step: RecordedStep): string | undefined {
  if (mcu.scheduler.now !== step.at) return `time: compiled ${mcu.scheduler.now}, stepped ${step.at}`;
  if (mcu.instructions !== step.instructions) {
    return `instructions: compiled ${mcu.instructions}, stepped ${step.instructions}`;
  }
  for (let register = 0; register < 16; register++) {
    const [ours, stepped] = [mcu.registers[register]!, step.after[register]!];
    if (ours !== stepped) return `R${register}: compiled ${hex(ours)}, stepped ${hex(stepped)}`;
  }
  const offset = ram(mcu).findIndex((byte, at) => byte !== step.ramAfter[at]);
  return offset < 0 ? undefined : `RAM ${hex(ramStart + offset)} differs between compiled and stepped`;
}
