/**
 * `earl bench emulator`: instructions per second of the emulator's CPU, against `mspdebug sim` and against 16 MHz.
 *
 * Both run the same compute loop for a number of rounds and have to end with the same digest and, on Earl, in the same
 * cycles in every mode, else there is no figure. Time is CPU time from the operating system; each figure is a median. For
 * mspdebug it is the difference of a long and a short run, so that its start does not count.
 */

import { type ExecFileSyncOptionsWithStringEncoding, execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, platform, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { EarlError } from '../../errors/index.ts';
import { type Image, Mcu, makeImage } from '../emulator/index.ts';
import { benchCloudCommand } from './bench-cloud.ts';
import { computeAddresses, computeWords } from './bench-program.ts';
import { packageRoot } from './package-root.ts';

interface BenchFlags {
  runs: number;
  json?: true;
}

type Mode = 'auto' | 'interpreted';

/** A finished run of the compute loop. */
interface Result {
  readonly instructions: number;
  readonly cycles: number;
  readonly digest: number;
  readonly cpuSeconds: number;
}

const CLOCK_HZ = 16e6;
/** Rounds on Earl by mode, and the long and the short run on mspdebug: a second or so each. */
const rounds = { auto: 60_000, interpreted: 3000, mspdebug: 2000, mspdebugShort: 100 } as const;
/** mspdebug's CPU time in the shell's `times` has two or three decimals. */
const timesPattern = /(\d+)m([\d.]+)s (\d+)m([\d.]+)s/g;

export function benchCommand(): Command {
  const emulator = new Command('emulator')
    .description('Instructions per second of the emulated CPU, against mspdebug sim and a real chip at 16 MHz')
    .option('--runs <number>', 'runs of which the median counts', parseRuns, 5)
    .option('--json', 'write the parameters and the result as JSON, the result on the last line')
    // A wrong option exits like those of all commands do: main.ts decides.
    .exitOverride()
    .action(benchEmulator);
  return new Command('bench')
    .description('Measure Earl on this machine')
    .addCommand(emulator)
    .addCommand(benchCloudCommand());
}

function parseRuns(text: string): number {
  const runs = Number(text);
  if (Number.isInteger(runs) && runs >= 1 && runs <= 99) return runs;
  throw new InvalidArgumentError('Give a number from 1 to 99.');
}

function benchEmulator(flags: BenchFlags): void {
  const image = computeImage();
  // Once unmeasured: compiling is part of the first second, not of a rate.
  runEarl(image, 'auto', rounds.auto / 4);
  const compiled = repeat(flags.runs, () => runEarl(image, 'auto', rounds.auto));
  const interpreted = repeat(flags.runs, () => runEarl(image, 'interpreted', rounds.interpreted));
  const reference = benchMspdebug(image, flags.runs);
  const mips = median(compiled.map(rate));
  const result = {
    mips: round(mips),
    mspdebug_mips: reference && round(reference.mips),
    ratio_mspdebug: reference && round(mips / reference.mips),
    realtime_factor: round(median(compiled.map(({ cycles, cpuSeconds }) => cycles / cpuSeconds / CLOCK_HZ))),
  };
  const { instructions, cycles } = compiled[0]!;
  const parameters = {
    ...machine(),
    runs: flags.runs,
    rounds,
    instructions,
    cycles,
    mips_each: compiled.map((run) => round(rate(run))),
    interpreted_mips: round(median(interpreted.map(rate))),
    mspdebug_mips_each: reference?.each.map(round),
    mspdebug: reference?.version ?? 'not installed (Debian: apt-get install mspdebug)',
  };
  print(flags.json === true, parameters, result);
}

function print(json: boolean, parameters: Parameters, result: Figures): void {
  if (json) {
    console.log(JSON.stringify(parameters));
    console.log(JSON.stringify(result));
    return;
  }
  console.log(`compiled     ${result.mips} million instructions/s, ${result.realtime_factor} times a chip at 16 MHz`);
  console.log(`interpreted  ${parameters.interpreted_mips} million instructions/s`);
  if (result.mspdebug_mips === undefined) console.log(`mspdebug     ${parameters.mspdebug}`);
  else
    console.log(`mspdebug     ${result.mspdebug_mips} million instructions/s: ${result.ratio_mspdebug} times slower`);
}

interface Parameters {
  readonly interpreted_mips: number;
  readonly mspdebug: string;
}

interface Figures {
  readonly mips: number;
  readonly mspdebug_mips: number | undefined;
  readonly ratio_mspdebug: number | undefined;
  readonly realtime_factor: number;
}

// ---- Earl

function computeImage(): Image {
  const bytes = (words: readonly number[]) => Uint8Array.from(words.flatMap((word) => [word & 0xff, word >> 8]));
  return makeImage('ti-txt', [
    { address: 0xc000, data: bytes(computeWords) },
    { address: 0xfffe, data: bytes([0xc000]) },
  ]);
}

function runEarl(image: Image, execution: Mode, limit: number): Result {
  const mcu = new Mcu({ image, execution });
  mcu.poke(computeAddresses.limit, Uint8Array.of(limit & 0xff, limit >> 8));
  const before = process.cpuUsage();
  while (!mcu.sleeping) mcu.runUntil(mcu.scheduler.now + CLOCK_HZ);
  const { user, system } = process.cpuUsage(before);
  if (mcu.peekWord(computeAddresses.rounds) !== limit)
    throw new EarlError('BENCH_WRONG', 'the compute loop went astray');
  return {
    instructions: mcu.instructions,
    cycles: mcu.activeCycles,
    digest: mcu.peekWord(computeAddresses.digest),
    cpuSeconds: (user + system) / 1e6,
  };
}

const rate = ({ instructions, cpuSeconds }: Result): number => instructions / cpuSeconds / 1e6;

// ---- mspdebug

function benchMspdebug(image: Image, runs: number): { mips: number; each: number[]; version: string } | undefined {
  const found = spawnSync('mspdebug', ['--version'], { encoding: 'utf8' });
  if (found.error !== undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'earl-bench-'));
  try {
    const long = expectSame(image, rounds.mspdebug);
    const short = expectSame(image, rounds.mspdebugShort);
    const each = repeat(runs, () => {
      const seconds = runMspdebug(folder, image, rounds.mspdebug, long.digest);
      const startSeconds = runMspdebug(folder, image, rounds.mspdebugShort, short.digest);
      return (long.instructions - short.instructions) / (seconds - startSeconds) / 1e6;
    });
    return { mips: median(each), each, version: /^\S*.*?\d[\d.]*/.exec(found.stdout)?.[0] ?? 'unknown' };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What both modes of Earl agree on for so many rounds. */
function expectSame(image: Image, limit: number): Result {
  const [a, b] = [runEarl(image, 'interpreted', limit), runEarl(image, 'auto', limit)];
  if (a.digest === b.digest && a.cycles === b.cycles && a.instructions === b.instructions) return a;
  throw new EarlError('BENCH_WRONG', 'compiled and interpreted code differ: no figure would mean anything');
}

/** CPU seconds of mspdebug for so many rounds. */
function runMspdebug(folder: string, image: Image, limit: number, digest: number): number {
  const hex = (value: number) => value.toString(16).padStart(2, '0');
  // A line takes 16 bytes.
  const rows = (data: Uint8Array) =>
    [...data].map((byte, index) => hex(byte) + (index % 16 === 15 ? '\n' : ' ')).join('');
  const segments = image.segments.map(({ address, data }) => `@${hex(address)}\n${rows(data).trim()}`);
  writeFileSync(join(folder, 'program.txt'), `${segments.join('\n')}\nq\n`);
  const { done, limit: limitAt, digest: digestAt } = computeAddresses;
  writeFileSync(
    join(folder, 'commands'),
    `prog program.txt\nreset\nmw ${limitAt} ${hex(limit & 0xff)} ${hex(limit >> 8)}\nsetbreak ${done}\nrun\nmd ${digestAt} 2\n`,
  );
  const output = execFileSync('sh', ['-c', 'mspdebug -q -n sim "read commands"; times'], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 1 << 24,
  });
  if (!output.includes(`00${hex(digestAt)}: ${hex(digest & 0xff)} ${hex(digest >> 8)}`)) {
    throw new EarlError('BENCH_WRONG', 'mspdebug computed something else than Earl: no figure would mean anything');
  }
  // The second line of `times` are the children.
  const [minutes, seconds, systemMinutes, systemSeconds] = [...output.matchAll(timesPattern)]
    .at(-1)!
    .slice(1)
    .map(Number);
  return (minutes! + systemMinutes!) * 60 + seconds! + systemSeconds!;
}

// ---- figures

/** Where and with what this was measured. */
export function machine() {
  const [processor] = cpus();
  let commit = 'unknown';
  try {
    const options = {
      cwd: packageRoot(),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    } satisfies ExecFileSyncOptionsWithStringEncoding;
    commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], options).trim();
  } catch {
    // An installed package has no repository.
  }
  return {
    machine: `${processor?.model.trim() ?? 'unknown'}, ${cpus().length} cores, ${platform()} ${release()}`,
    node: process.version,
    load_average: round(loadavg()[0]!),
    commit,
  };
}

function repeat<T>(count: number, run: () => T): T[] {
  return Array.from({ length: count }, run);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
