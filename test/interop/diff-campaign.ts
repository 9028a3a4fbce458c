/**
 * A campaign of comparisons with `mspdebug sim`: all released images, then random programs until enough instructions
 * were compared. Two instances of mspdebug run side by side.
 *
 * A difference is reduced to the smallest program that still shows it (shrink.ts).
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../host/cli/package-root.ts';
import { Board } from '../../host/emulator/board.ts';
import { loadImage } from '../../host/emulator/image/load.ts';
import { imageFromWords } from '../../host/emulator/image/words.ts';
import { Mcu } from '../../host/emulator/mcu.ts';
import { type Difference, hex, Lockstep } from './lockstep.ts';
import { randomProgram } from './random-program.ts';
import { shrink } from './shrink.ts';

export interface CampaignOptions {
  /** Stop when at least so many were compared. */
  readonly instructions: number;
  readonly seed: number;
  /** Folder with released images; default firmware/dist. */
  readonly images?: string;
  /** Gives up after so many differences. Default 5. */
  readonly maximumFailures?: number;
  /** Told now and then. */
  progress?(instructions: number): void;
}

export interface CampaignFailure {
  /** Which program, which instruction, what differs. */
  readonly message: string;
  /** The smallest program that shows it, as TI-TXT. */
  readonly program: string;
}

export interface CampaignResult {
  readonly instructions: number;
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
  record(): Lockstep;
}

export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const failures: CampaignFailure[] = [];
  const jobs = campaignJobs(options);
  let instructions = 0;
  const work = async () => {
    while (instructions < options.instructions && failures.length < (options.maximumFailures ?? 5)) {
      const job: Job = jobs.next().value;
      const lockstep = job.record();
      const difference = await lockstep.compare();
      instructions += difference === undefined ? lockstep.compared : difference.index + 1;
      if (difference !== undefined) failures.push(await failure(job.name, difference));
      options.progress?.(instructions);
    }
  };
  await Promise.all(Array.from({ length: instances }, work));
  return { instructions, failures };
}

/** Images first, then programs without end. */
function* campaignJobs(options: CampaignOptions): Generator<Job, never> {
  const folder = options.images ?? join(packageRoot(), 'firmware/dist');
  const files = readdirSync(folder).filter((name) => name.endsWith('.hex'));
  const steps = Math.ceil((imageShare * options.instructions) / Math.max(1, files.length));
  for (const file of files) yield { name: file, record: () => imageRun(join(folder, file), steps, options.seed) };
  for (let seed = options.seed; ; seed++) {
    yield { name: `random program ${seed}`, record: () => randomRun(seed) };
  }
}

function randomRun(seed: number): Lockstep {
  const program = randomProgram(seed, programCases);
  const mcu = new Mcu({ image: imageFromWords(program.words) });
  return new Lockstep(mcu, { steps: program.steps, window, overflowUnknown: program.vUnknown });
}

/** A released image on a whole board, so that its peripherals answer and its interrupts come. */
function imageRun(file: string, steps: number, seed: number): Lockstep {
  const board = new Board({ image: loadImage(readFileSync(file)), seed });
  return new Lockstep(board.mcu, { steps, window: 0x200 });
}

async function failure(name: string, difference: Difference): Promise<CampaignFailure> {
  const { step, index, message } = difference;
  const words = step.words.map((word) => word.toString(16).padStart(4, '0')).join(' ');
  const program = await shrink(step);
  return { message: `${name}, step ${index}, PC ${hex(step.pc)} (${words}): ${message}`, program };
}
