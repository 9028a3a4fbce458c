/**
 * `earl fleet`: many light probes, the released image on each, in real time; says how many this machine carries.
 *
 * Threads share the probes evenly. The measurement begins when all have booted. A realtime factor is fleet time by wall
 * time of the slowest thread; below 0.99 the fleet fell behind, which is said and makes the exit code 1. Memory is what
 * the process grew by, threads, garbage and compiled code included, divided by the probes.
 */

import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Command, InvalidArgumentError } from 'commander';
import { EarlError } from '../../errors/index.ts';
import type { Image } from '../emulator/index.ts';
import { readImage } from '../transport/firmware-image.ts';
import { machine } from './bench.ts';
import { parseDurationMs } from './duration.ts';
import { exitCodes } from './exit-codes.ts';
import { runFleetThread, type WorkerCounts, type WorkerReport, type WorkerTask } from './fleet-worker.ts';

interface FleetFlags {
  count: number;
  image: string;
  for: number;
  powerOn: number;
  warmUp: number;
  threads: number | 'auto';
  speed: number;
  seed: number;
  ble?: true;
  bridge?: string;
  adapter?: string;
  key?: string;
  json?: true;
}

/** Probes whose frames are decoded; of the others bytes are counted. */
const RECEIVED_PROBES = 200;
const KEPT_UP = 0.99;
/** Hardly anything is allocated while probes run, so that a thread does with little room for what is new. */
const NEW_SPACE_MB = 4;
/** Heap that a thread may need for a probe, generously. */
const HEAP_MB_PER_PROBE = 0.3;

const examples = `
Each probe has its own seed, VLO, RAM and id; they share the program and what was compiled of it. The fleet runs light
probes: programs that use other parts than the UART and the light sensor do not find them. Before the measurement they are
switched on one after another over 30 s, as fast as it goes: the firmware measures its clock every 30 s, and ten thousand
probes would do so at once.

Examples:
  $ earl fleet --count 1000 --image light --for 10s
  $ earl fleet --count 10000 --image light --for 30s --json
  $ earl fleet --count 2000 --image light --for 30s --speed max
      as fast as it goes: the realtime factor says how many times more this machine could carry
  $ earl fleet --ble --count 10 --image arm
      whole boards, each with a BLE module, on the virtual air of this machine, until Ctrl-C: elsewhere, earl gateway --ble`;

export function fleetCommand(): Command {
  return new Command('fleet')
    .description('Run many emulated light probes at once, in real time')
    .requiredOption('--count <number>', 'probes', parseCount)
    .option('--image <image>', 'kind of probe, or a program file', 'light')
    .option('--for <duration>', 'how long, e.g. 30s', parseSeconds, 10)
    .option('--power-on <duration>', 'time over which the probes are switched on', parseSpread, 30)
    .option('--warm-up <duration>', 'time of the probes before the measurement, in which they boot', parseSeconds, 2)
    .option('--threads <number>', 'worker threads; auto: one a core', parseThreads, 'auto')
    .option('--speed <factor>', '"max", or probe seconds per second', parseSpeed, 1)
    .option('--seed <number>', 'seed of the first probe', parseCount, 1)
    .option('--ble', 'whole boards with a BLE module each, on a virtual air; without --for until it is stopped')
    .option('--bridge <kind>', 'with --ble: which module, nus, rn487x or hm10; default nus')
    .option('--adapter <url>', 'with --ble: an air that is served elsewhere, air:HOST:PORT')
    .option('--key <hex>', 'with --ble: key to provision, 32 hex digits, random or none; default random')
    .option('--json', 'write the parameters and the result as JSON, the result on the last line')
    .addHelpText('after', examples)
    .action(runFleet);
}

async function runFleet(flags: FleetFlags, command: Command): Promise<void> {
  const { ble, bridge, adapter, key } = flags;
  if (ble) return onTheAir(flags, command);
  if ((bridge ?? adapter ?? key) !== undefined) {
    throw new EarlError('USAGE', '--bridge, --adapter and --key go with --ble');
  }
  const image = readImage(flags.image);
  const threads = Math.min(flags.count, flags.threads === 'auto' ? availableParallelism() : flags.threads);
  const rssBefore = process.memoryUsage().rss;
  console.error(`booting ${flags.count} probes on ${threads} ${threads === 1 ? 'thread' : 'threads'}`);
  const crew = tasks(flags, image, threads).map((task) => (threads === 1 ? new ThisThread(task) : new Thread(task)));
  const stop = () => {
    for (const member of crew) member.stop();
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  await Promise.all(crew.map((member) => member.ready));
  const progress = setInterval(() => report(crew.map(({ counts }) => counts)), 5000);
  const rssReady = process.memoryUsage().rss;
  const cpuBefore = process.cpuUsage();
  for (const member of crew) member.begin();
  try {
    await Promise.all(crew.map((member) => member.done));
  } finally {
    clearInterval(progress);
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  const rss = Math.max(process.memoryUsage().rss, rssReady);
  const counts = crew.map((member) => member.counts);
  stop();
  finish(flags, threads, counts, (user + system) / 1e6, (rss - rssBefore) / 1024 / flags.count);
}

/** Bluetooth stacks take their time to load: only when they are asked for. */
async function onTheAir({ for: seconds, json, ...flags }: FleetFlags, command: Command): Promise<void> {
  const given = (option: string) => command.getOptionValueSource(option) !== 'default';
  if (['speed', 'threads', 'warmUp'].some(given)) {
    throw new EarlError(
      'USAGE',
      'probes on an air run in real time on one thread: no --speed, --threads and --warm-up',
    );
  }
  const { runFleetBle } = await import('./fleet-ble.ts');
  await runFleetBle({ ...flags, json: json === true, seconds: given('for') ? seconds : Number.POSITIVE_INFINITY });
}

function tasks(flags: FleetFlags, image: Image, threads: number): WorkerTask[] {
  const receiveEvery = Math.max(1, Math.floor(flags.count / RECEIVED_PROBES));
  let seed = flags.seed;
  return Array.from({ length: threads }, (_, index) => {
    const count = Math.floor(((index + 1) * flags.count) / threads) - Math.floor((index * flags.count) / threads);
    const task: WorkerTask = {
      isFleet: true,
      kind: flags.image,
      image: { ...image, symbols: new Map() },
      count,
      seed,
      receiveEvery,
      powerOnSeconds: flags.powerOn,
      warmUpSeconds: flags.warmUp,
      seconds: flags.for,
      speed: flags.speed,
    };
    seed += count;
    return task;
  });
}

function report(all: readonly WorkerCounts[]): void {
  const slowest = Math.min(...all.map(({ seconds }) => seconds));
  const lag = Math.max(...all.map(({ lagSeconds }) => lagSeconds));
  const late = lag > 0.25 ? `, at worst ${lag.toFixed(2)} s behind the clock` : '';
  console.error(`${slowest.toFixed(1)} s, ${sum(all, 'bytes')} bytes from all probes${late}`);
}

function finish(
  flags: FleetFlags,
  threads: number,
  all: readonly WorkerCounts[],
  cpuSeconds: number,
  kbPerProbe: number,
): void {
  const wallSeconds = Math.max(...all.map((counts) => counts.wallSeconds));
  const seconds = Math.min(...all.map((counts) => counts.seconds));
  if (!(seconds > 0)) throw new EarlError('FLEET_STOPPED', 'stopped before anything was measured');
  const received = sum(all, 'received');
  const result = {
    count: flags.count,
    realtime_factor: round(seconds / wallSeconds, 3),
    mips: round(sum(all, 'instructions') / wallSeconds / 1e6, 2),
    kb_per_probe: round(kbPerProbe, 1),
  };
  const parameters = {
    ...machine(),
    image: flags.image,
    threads,
    seconds: round(seconds, 2),
    power_on_seconds: flags.powerOn,
    warm_up_seconds: flags.warmUp,
    speed: Number.isFinite(flags.speed) ? flags.speed : 'max',
    busy: all.map((counts) => round(counts.busySeconds / counts.wallSeconds, 3)),
    lag_seconds: round(Math.max(...all.map(({ lagSeconds }) => lagSeconds)), 3),
    // What a probe costs however busy the machine is with other things.
    cpu_us_per_probe_second: round((cpuSeconds * 1e6) / flags.count / seconds, 1),
    bytes_per_probe_second: round(sum(all, 'bytes') / flags.count / seconds, 2),
    received_probes: received,
    samples_per_probe_second: round(sum(all, 'samples') / received / seconds, 3),
    bad_frames: sum(all, 'badFrames'),
    instructions_per_probe_second: Math.round(sum(all, 'instructions') / flags.count / seconds),
  };
  print(flags, parameters, result);
  const target = Number.isFinite(flags.speed) ? flags.speed : 0;
  if (result.realtime_factor < KEPT_UP * target) {
    console.error(`earl: the fleet fell behind: realtime factor ${result.realtime_factor}, asked for ${target}`);
    process.exitCode = exitCodes.failure;
  }
  if (sum(all, 'samples') === 0 || parameters.bad_frames > 0) {
    console.error(
      `earl: ${sum(all, 'samples')} samples and ${parameters.bad_frames} bad frames: this is not the firmware`,
    );
    process.exitCode = exitCodes.failure;
  }
}

type Parameters = Readonly<Record<string, unknown>>;

function print(flags: FleetFlags, parameters: Parameters, result: Record<string, number>): void {
  if (flags.json) {
    console.log(JSON.stringify(parameters));
    console.log(JSON.stringify(result));
    return;
  }
  console.log(
    `${result.count} probes, realtime factor ${result.realtime_factor}, ${result.mips} million instructions/s`,
  );
  console.log(`${result.kb_per_probe} KB of memory each; threads busy ${(parameters.busy as number[]).join(', ')}`);
  console.log(
    `${parameters.samples_per_probe_second} samples/s from each of ${parameters.received_probes} probes that were received, ${parameters.bad_frames} bad frames`,
  );
}

// ---- threads

const nothing: WorkerCounts = {
  seconds: 0,
  wallSeconds: 0,
  busySeconds: 0,
  lagSeconds: 0,
  instructions: 0,
  bytes: 0,
  received: 0,
  samples: 0,
  badFrames: 0,
};

/** A part of the fleet. */
interface Member {
  readonly counts: WorkerCounts;
  readonly ready: Promise<void>;
  readonly done: Promise<void>;
  begin(): void;
  stop(): void;
}

class Thread implements Member {
  counts = nothing;
  readonly ready: Promise<void>;
  readonly done: Promise<void>;
  private readonly worker: Worker;

  constructor(task: WorkerTask) {
    const file = new URL(`./fleet-worker${extname(import.meta.url)}`, import.meta.url);
    const heapMb = Math.ceil(512 + task.count * HEAP_MB_PER_PROBE);
    this.worker = new Worker(file, {
      workerData: task,
      resourceLimits: { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: NEW_SPACE_MB },
    });
    const reached = (kind: WorkerReport['kind']) =>
      new Promise<void>((resolve, reject) => {
        this.worker.on('message', (message: WorkerReport) => {
          this.counts = message.counts;
          if (message.kind === kind) resolve();
        });
        this.worker.once('error', reject);
        this.worker.once('exit', () => resolve());
      });
    this.ready = reached('ready');
    this.done = reached('done');
  }

  begin(): void {
    this.worker.postMessage('begin');
  }

  stop(): void {
    void this.worker.terminate();
  }
}

/** No thread of its own: for one, and where there are none. */
class ThisThread implements Member {
  counts = nothing;
  readonly ready: Promise<void>;
  readonly done: Promise<void>;
  private resolveBegin: () => void = () => {};

  constructor(task: WorkerTask) {
    const begun = new Promise<void>((resolve) => {
      this.resolveBegin = resolve;
    });
    let booted = () => {};
    this.ready = new Promise((resolve) => {
      booted = resolve;
    });
    const take = ({ counts }: WorkerReport) => {
      this.counts = counts;
      booted();
    };
    this.done = runFleetThread(task, take, () => begun);
  }

  begin(): void {
    this.resolveBegin();
  }

  stop(): void {}
}

// ---- figures and arguments

function sum(all: readonly WorkerCounts[], key: keyof WorkerCounts): number {
  return all.reduce((total, counts) => total + counts[key], 0);
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function parseCount(text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= 1 && count <= 1_000_000) return count;
  throw new InvalidArgumentError('Give a whole number from 1 to 1000000.');
}

function parseSeconds(text: string): number {
  const seconds = parseDurationMs(text) / 1000;
  if (seconds > 0) return seconds;
  throw new InvalidArgumentError('Give a time above 0.');
}

/** 0: all at once. */
function parseSpread(text: string): number {
  return text === '0' ? 0 : parseSeconds(text);
}

function parseThreads(text: string): number | 'auto' {
  if (text === 'auto') return text;
  const threads = Number(text);
  if (Number.isInteger(threads) && threads >= 1 && threads <= 64) return threads;
  throw new InvalidArgumentError('Give "auto" or a number from 1 to 64.');
}

function parseSpeed(text: string): number {
  if (text === 'max') return Number.POSITIVE_INFINITY;
  const speed = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (speed >= 0.001 && speed <= 1000) return speed;
  throw new InvalidArgumentError('Give "max" or a number from 0.001 to 1000.');
}
