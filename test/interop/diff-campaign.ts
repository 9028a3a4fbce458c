/**
 * A campaign of comparisons with `mspdebug sim`: all released images, then random programs until enough instructions
 * were compared. Two instances of mspdebug run side by side.
 *
 * mspdebug is compared with the interpreter, which steps. Compiled code then runs the same program from power-on and is
 * compared with the interpreter's record at random instructions (compiled-run.ts), so that both modes hang on mspdebug.
 *
 * A difference is reduced to the smallest program that still shows it (shrink.ts).
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../host/cli/package-root.ts';
import { Board, type BoardOptions } from '../../host/emulator/board.ts';
import { type Execution, executionDefault } from '../../host/emulator/cpu/cpu.ts';
import type { Image } from '../../host/emulator/image/image.ts';
import { loadImage } from '../../host/emulator/image/load.ts';
import { imageFromWords } from '../../host/emulator/image/words.ts';
import { Mcu } from '../../host/emulator/mcu.ts';
import { runCompiled } from './compiled-run.ts';
import { type Difference, hex, Lockstep, type LockstepOptions } from './lockstep.ts';
import { tiTxt } from './mspdebug-sim.ts';
import { randomProgram } from './random-program.ts';
import { shrink } from './shrink.ts';

export interface CampaignOptions {
  /** Stop when at least so many were compared. */
  readonly instructions: number;
  readonly seed: number;
  /** Folder with released images; default firmware/dist. */
  readonly images?: string;
  /** What is compared. Default `both`. */
  readonly execution?: 'interpreted' | 'both';
  /** Gives up after so many differences. Default 5. */
  readonly maximumFailures?: number;
  /** Told now and then. */
  progress?(instructions: number): void;
}

export interface CampaignFailure {
  /** Which program, which instruction, what differs. */
  readonly message: string;
  /** The smallest program that shows it, for compiled code the whole one, as TI-TXT. */
  readonly program: string;
}

export interface CampaignResult {
  /** Stepped, interpreted, and compared with mspdebug one by one. */
  readonly instructions: number;
  /** Of the same programs, instructions run by compiled code up to the points that were compared. */
  readonly compiledInstructions: number;
  readonly failures: readonly CampaignFailure[];
}

/** RAM that random programs use. */
const window = 0x80;
const programCases = 1600;
/** At most this part of a campaign goes to images. */
const imageShare = 0.2;
const instances = 2;

interface Job {
  readonly name: string;
  readonly image: Image;
  /** The same chip, reset and not run yet, as often as asked. */
  chip(execution: Execution): Mcu;
  readonly lockstep: LockstepOptions;
  readonly seed: number;
}

export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const failures: CampaignFailure[] = [];
  const jobs = campaignJobs(options);
  let instructions = 0;
  let compiledInstructions = 0;
  const work = async () => {
    while (instructions < options.instructions && failures.length < (options.maximumFailures ?? 5)) {
      const job: Job = jobs.next().value;
      const lockstep = new Lockstep(job.chip('interpreted'), job.lockstep);
      const difference = await lockstep.compare();
      instructions += difference === undefined ? lockstep.compared : difference.index + 1;
      if (difference !== undefined) failures.push(await failure(job.name, difference));
      else if (options.execution !== 'interpreted') {
        const compiled = runCompiled(job.chip('compiled'), lockstep.steps, job.seed);
        compiledInstructions += compiled.instructions;
        if (compiled.difference !== undefined) failures.push(compiledFailure(job, compiled.difference));
      }
      options.progress?.(instructions);
    }
  };
  await Promise.all(Array.from({ length: instances }, work));
  return { instructions, compiledInstructions, failures };
}

/** Images first, then programs without end. */
function* campaignJobs(options: CampaignOptions): Generator<Job, never> {
  const folder = options.images ?? join(packageRoot(), 'firmware/dist');
  const files = readdirSync(folder).filter((name) => name.endsWith('.hex'));
  const steps = Math.ceil((imageShare * options.instructions) / Math.max(1, files.length));
  for (const [index, file] of files.entries()) yield imageJob(file, join(folder, file), steps, options.seed + index);
  for (let seed = options.seed; ; seed++) yield randomJob(seed);
}

function randomJob(seed: number): Job {
  const program = randomProgram(seed, programCases);
  const image = imageFromWords(program.words);
  return {
    name: `random program ${seed}`,
    image,
    chip: (execution) => new Mcu({ image, execution }),
    lockstep: { steps: program.steps, window, overflowUnknown: program.vUnknown },
    seed,
  };
}

/** A released image on a whole board, so that its peripherals answer and its interrupts come. */
function imageJob(name: string, file: string, steps: number, seed: number): Job {
  const image = loadImage(readFileSync(file));
  return {
    name,
    image,
    chip: (execution) => boardChip({ image, seed }, execution),
    lockstep: { steps, window: 0x200 },
    seed,
  };
}

/** A board takes the mode of execution from the default. */
function boardChip(options: BoardOptions, execution: Execution): Mcu {
  const { mode } = executionDefault;
  executionDefault.mode = execution;
  try {
    return new Board(options).mcu;
  } finally {
    executionDefault.mode = mode;
  }
}

async function failure(name: string, difference: Difference): Promise<CampaignFailure> {
  return { message: describe(name, difference), program: await shrink(difference.step) };
}

/** Not reduced: which instructions make up a block is part of what fails. */
function compiledFailure({ name, image }: Job, difference: Difference): CampaignFailure {
  return { message: describe(`${name}, compiled`, difference), program: tiTxt(image.segments) };
}

function describe(name: string, { step, index, message }: Difference): string {
  const words = step.words.map((word) => word.toString(16).padStart(4, '0')).join(' ');
  return `${name}, step ${index}, PC ${hex(step.pc)} (${words}): ${message}`;
}
