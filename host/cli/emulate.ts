/**
 * `earl emulate`: runs a program for the MSP430G2553 on an emulated Earl board.
 *
 * stdout: the UART and the traces. stderr: where the serial line is, warnings, and a summary at the end.
 */

import { resolve } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { EarlError, errorMessage } from '../../errors/index.ts';
import { Board, type Image, Pacer, type TraceKind, type TraceName, traceNames } from '../emulator/index.ts';
import { buildInfoSegment, formatId, parseId } from '../link/index.ts';
import { announceBoard } from '../machine/index.ts';
import { knownKey } from '../probes/index.ts';
import { defaultId } from '../transport/emulated.ts';
import { readImage } from '../transport/firmware-image.ts';
import { nodeTimers } from '../transport/node-timers.ts';
import { parseDurationMs } from './duration.ts';
import { GdbServer } from './emulate-gdb.ts';
import { type Line, openPty, openTcp } from './emulate-line.ts';
import { EmulateOutput } from './emulate-output.ts';
import { type ProfileRun, startProfile } from './emulate-profile.ts';
import { type RecordingFile, recordingHeader, startRecording } from './emulate-record.ts';
import { runReplay } from './emulate-replay.ts';
import { openRfc2217 } from './emulate-rfc2217.ts';
import { openVcd } from './emulate-vcd.ts';
import { readWorld, type WorldScript } from './emulate-world.ts';
import { exitCodes } from './exit-codes.ts';

interface EmulateFlags {
  pty?: string;
  tcp?: number;
  rfc2217?: number;
  ble?: true;
  bridge?: string;
  adapter?: string;
  key?: string;
  trace?: TraceKind[];
  for?: number;
  speed?: number;
  json?: true;
  id?: string;
  seed: number;
  baud: number;
  world?: WorldScript;
  profile?: string | true;
  gdb?: number;
  vcd?: string;
  record?: string;
  replay?: string;
}

/** Board time between two looks at signals and output. */
const SLICE_S = 0.05;
/** About a cycle of the board: less cannot be run. */
const SHORTEST_S = 1e-6;
const defaultJsonKinds: readonly TraceKind[] = ['uart', 'i2c', 'led', 'motor'];

const examples = `
IMAGE is a kind of probe (ball, arm, light, led_test) or a file: ELF, Intel HEX, TI-TXT or TI COFF, of any program for
the MSP430G2553. The board: TCA6507 at 0x45 and ADXL345 at 0x53 on I2C (P1.6, P1.7), UART on P1.1 and P1.2, button on
P1.3, light sensor on P1.4, motor on P2.1.

Examples:
  $ earl emulate ball --trace i2c,leds
  $ earl emulate firmware/dist/led_test.hex --trace i2c --json --for 2s
      two seconds as fast as they can be computed: one JSON object per I2C transaction
  $ earl emulate main.elf --pty /tmp/ttyEarl
      then, elsewhere: any terminal program, or earl gateway --serial /tmp/ttyEarl
  $ earl emulate light --tcp 4000 --id 02c0ffee00000001
  $ earl emulate arm --for 10s --world shake.json --trace uart,cpu --json
  $ earl emulate light --gdb 2000
      then, elsewhere: mspdebug gdbc -d 127.0.0.1:2000
  $ earl emulate light --for 10s --profile --vcd light.vcd
      cycles by function, charge by power mode, and wave forms for GTKWave or sigrok
  $ earl emulate light --tcp 4000 --record run.jsonl
  $ earl emulate ball --ble
      with a BLE module on a virtual air of this machine: elsewhere, earl gateway --ble
  $ earl emulate arm --ble --bridge hm10 --adapter hci0
      on the air of a real adapter: a phone can connect
  $ earl emulate --replay run.jsonl

A world file scripts what happens around the board:
  { "alive": false, "events": [ { "at": "500ms", "lux": 800 }, { "at": "1s", "button": "press" },
    { "at": "1.2s", "button": "release" }, { "at": "2s", "i2c": { "refuse": 0 } } ] }`;

export function emulateCommand(): Command {
  return new Command('emulate')
    .description('Run a program for the MSP430G2553 on an emulated board')
    .argument('[image]', 'kind of probe, or a program file; none with --replay')
    .option('--pty <path>', 'make a pseudo-terminal of the UART and link it at this path')
    .option('--tcp <port>', 'serve the UART on this port of 127.0.0.1; 0 takes a free one', parsePort)
    .option(
      '--rfc2217 <port>',
      'serve the UART with its modem lines and boot loader on this port of 127.0.0.1',
      parsePort,
    )
    .option('--ble', 'put a BLE module on the UART, by default on the virtual air of this machine')
    .option('--bridge <kind>', 'which module: nus, rn487x or hm10; default nus')
    .option('--adapter <url>', 'its Bluetooth adapter: hci0, uart:PORT, air:HOST:PORT or auto')
    .option('--key <hex>', 'key to provision with --ble: 32 hex digits, random or none; default random')
    .option('--trace <kinds>', `what to trace, separated by commas: ${Object.keys(traceNames).join(', ')}`, parseTrace)
    .option('--for <duration>', 'stop after this time of the board, e.g. 500ms, 2s, 1m', parseFor)
    .option('--speed <factor>', '"max", or board seconds per second; default 1, with --for alone max', parseSpeed)
    .option('--json', 'write events as JSON lines; without --trace: uart, i2c and leds')
    .option('--id <hex>', 'id to provision, 16 hex digits; a kind of probe has one of its own')
    .option('--seed <number>', 'makes boards differ: VLO, RAM at power-on, world', parseCount, 1)
    .option('--baud <rate>', 'rate of the other end of the UART', parseCount, 9600)
    .option('--world <file>', 'JSON file with what happens around the board', readWorld)
    .option('--profile [file]', 'cycles by function and energy by mode: tables on stderr, JSON to the file')
    .option('--gdb <port>', 'wait for a debugger on this port of 127.0.0.1; 0 takes a free one', parsePort)
    .option('--vcd <file>', 'dump wave forms of pins, buses, LEDs and sleep for GTKWave or sigrok')
    .option('--record <file>', 'record program, inputs and everything that the board does, for --replay')
    .option('--replay <file>', 'run a recording again, and compare')
    .addHelpText('after', examples)
    .action(run);
}

async function run(name: string | undefined, flags: EmulateFlags): Promise<void> {
  if (flags.replay !== undefined) await replayed(name, flags.replay, flags);
  else if (name === undefined) throw new EarlError('USAGE', 'which image? Give a kind of probe or a program file');
  else await emulate(name, flags);
}

function interruptible(): AbortController {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
  return interrupted;
}

/** Everything that makes a run is in the file. */
async function replayed(name: string | undefined, replay: string, flags: EmulateFlags): Promise<void> {
  const { pty, tcp, rfc2217, ble, gdb, world, record, id } = flags;
  if ([name, pty, tcp, rfc2217, ble, gdb, world, record, id, flags.for].some((value) => value !== undefined)) {
    throw new EarlError('USAGE', '--replay goes with --trace, --json, --vcd and --profile only');
  }
  const { json = false, vcd, profile } = flags;
  const kinds = flags.trace ?? (json ? defaultJsonKinds : []);
  await runReplay({ replay, kinds, json, vcd, profile, signal: interruptible().signal });
}

async function emulate(name: string, flags: EmulateFlags): Promise<void> {
  checkFlags(flags);
  const interrupted = interruptible();
  const image = readImage(name);
  const key = await provision(name, flags);
  const board = makeBoard(name, flags, key);
  const recording = beginRecording(name, flags, board, image);
  const line = await openLine(name, flags, board, recording, (error) => {
    console.error(`earl: ${error.message}`);
    process.exitCode = exitCodes.failure;
    interrupted.abort();
  });
  const gdb = flags.gdb === undefined ? undefined : await openGdb(flags.gdb);
  if (line) console.error(`UART of ${name}, ${flags.baud} baud: ${line.description}`);
  const withdraw = line && announceBoard(announcement(name, flags, line));
  const output = new EmulateOutput(process.stdout, flags.json === true);
  connect(board, flags, output, line);
  const profile = beginProfile(flags, board, name, image);
  const dump = flags.vcd === undefined ? undefined : openVcd(flags.vcd, board, name);
  board.load(image);
  flags.world?.apply(board);
  const meter = new Meter(board);
  const session: Session = {
    board,
    seconds: flags.for ?? Number.POSITIVE_INFINITY,
    signal: interrupted.signal,
    afterSlice: () => {
      meter.measure();
      dump?.flush();
      recording?.flush();
      output.flush(board.seconds);
      if (output.broken) interrupted.abort();
    },
    drained: () => output.drained(),
  };
  const speed = flags.speed ?? (flags.for !== undefined && line === undefined ? Number.POSITIVE_INFINITY : 1);
  try {
    if (gdb) await gdb.run({ ...session, speed: flags.speed ?? 1 });
    else await (speed === Number.POSITIVE_INFINITY ? runFast(session) : runPaced(session, speed));
    dump?.close();
    recording?.close();
    finishProfile(profile, output, flags.json === true);
  } finally {
    output.end();
    withdraw?.();
    await gdb?.close();
    await line?.close();
  }
  console.error(meter.summary(line));
  const early = interrupted.signal.aborted && !output.broken && flags.for !== undefined;
  if (early) process.exitCode ??= exitCodes.interrupted;
}

function checkFlags({ pty, tcp, rfc2217, ble, bridge, adapter, key, gdb, record, speed }: EmulateFlags): void {
  if ([pty, tcp, rfc2217, ble].filter((line) => line !== undefined).length > 1) {
    throw new EarlError('USAGE', 'give one of --pty, --tcp, --rfc2217 and --ble');
  }
  if (ble === undefined && (bridge ?? adapter ?? key) !== undefined) {
    throw new EarlError('USAGE', '--bridge, --adapter and --key go with --ble');
  }
  if (ble && speed === Number.POSITIVE_INFINITY) {
    throw new EarlError('USAGE', 'the air knows real time only: --ble goes without --speed max');
  }
  if (record !== undefined && (gdb ?? rfc2217 ?? ble) !== undefined) {
    throw new EarlError(
      'USAGE',
      'a recording knows no debugger, modem lines or module: --record goes without --gdb, --rfc2217 and --ble',
    );
  }
}

/** A board on the air gets a key, which the user's store of probes gets to know; another one the key that is known of its id. */
async function provision(name: string, flags: EmulateFlags): Promise<Uint8Array | undefined> {
  const id = idOf(name, flags);
  if (id === undefined) return undefined;
  // A recording can be replayed where no key is known.
  if (!flags.ble) return flags.record === undefined ? knownKey(id) : undefined;
  const { parseBridgeKind, parseKeyChoice, provisionKey } = await import('./emulate-ble.ts');
  if (flags.bridge !== undefined) parseBridgeKind(flags.bridge);
  return provisionKey(id, name, parseKeyChoice(flags.key ?? 'random'));
}

/** For `earl devices`. */
function announcement(name: string, flags: EmulateFlags, line: Line) {
  const id = idOf(name, flags);
  const url = flags.pty === undefined ? line.description.split(',')[0]! : `serial:${resolve(flags.pty)}`;
  return { name, url, ...(id ? { id: formatId(id) } : {}) };
}

/** The id to provision: a kind of probe has one of its own, a program file none unless it is given. */
function idOf(name: string, { id, seed }: EmulateFlags): Uint8Array | undefined {
  if (id !== undefined) return parseId(id);
  return /^[a-z][a-z0-9_]*$/.test(name) ? defaultId(name, seed) : undefined;
}

function makeBoard(name: string, flags: EmulateFlags, key: Uint8Array | undefined): Board {
  const id = idOf(name, flags);
  const board = new Board({
    info: id ? { D: buildInfoSegment(id, key) } : {},
    seed: flags.seed,
    baud: flags.baud,
    alive: flags.world?.alive ?? true,
  });
  board.onWarning = (message) => console.error(`warning: ${message}`);
  return board;
}

function beginProfile({ profile }: EmulateFlags, board: Board, name: string, image: Image): ProfileRun | undefined {
  if (profile === undefined) return undefined;
  return startProfile(board, name, image, profile === true ? undefined : profile);
}

function finishProfile(profile: ProfileRun | undefined, output: EmulateOutput, json: boolean): void {
  const result = profile?.finish();
  if (json && result) output.object(result);
}

async function openGdb(port: number): Promise<GdbServer> {
  const server = await GdbServer.listen(port);
  const at = `127.0.0.1:${server.port}`;
  console.error(`debugger: the program stands still; target remote ${at}, or mspdebug gdbc -d ${at}`);
  return server;
}

function beginRecording(name: string, flags: EmulateFlags, board: Board, image: Image): RecordingFile | undefined {
  if (flags.record === undefined) return undefined;
  const id = idOf(name, flags);
  const { seed, baud, world } = flags;
  const options = { id: id ? formatId(id) : null, seed, baud, alive: world?.alive ?? true };
  return startRecording(flags.record, board, recordingHeader(name, image, options, world?.content));
}

async function openLine(
  name: string,
  flags: EmulateFlags,
  board: Board,
  recording: RecordingFile | undefined,
  onGone: (error: EarlError) => void,
): Promise<Line | undefined> {
  let full = false;
  const toBoard = (bytes: Uint8Array) => {
    try {
      if (recording) recording.recorder.input({ uart: Buffer.from(bytes).toString('hex') });
      else board.uart.send(bytes);
    } catch (error) {
      if (!full) console.error(`warning: bytes for the board are dropped: ${errorMessage(error)}`);
      full = true;
    }
  };
  if (flags.ble) {
    const id = idOf(name, flags);
    return (await import('./emulate-ble.ts')).openBle(board, id ? formatId(id) : '', flags, onGone);
  }
  if (flags.rfc2217 !== undefined) return openRfc2217(flags.rfc2217, board);
  if (flags.pty !== undefined) return openPty(flags.pty, toBoard);
  return flags.tcp === undefined ? undefined : openTcp(flags.tcp, toBoard);
}

/** From the board to where its events and bytes go. */
function connect(board: Board, flags: EmulateFlags, output: EmulateOutput, line: Line | undefined): void {
  const kinds = flags.trace ?? (flags.json ? defaultJsonKinds : []);
  const end = flags.for ?? Number.POSITIVE_INFINITY;
  board.tracer.add((event) => {
    if (event.t <= end) output.event(event);
  }, kinds);
  if (flags.ble) return;
  if (line && flags.rfc2217 === undefined) board.uart.onByte = (byte) => line.write(Uint8Array.of(byte));
  else if (!line && !flags.json && !kinds.includes('uart'))
    board.uart.onByte = (byte) => output.byte(byte, board.seconds);
}

interface Session {
  readonly board: Board;
  /** Board time after which it ends. */
  readonly seconds: number;
  readonly signal: AbortSignal;
  afterSlice(): void;
  /** Resolves when stdout takes more. */
  drained(): Promise<void>;
}

/** As fast as it goes, in slices between which signals and output have their turn. */
async function runFast({ board, seconds, signal, afterSlice, drained }: Session): Promise<void> {
  while (seconds - board.seconds > SHORTEST_S && !signal.aborted) {
    board.runFor(Math.min(SLICE_S, seconds - board.seconds));
    afterSlice();
    await drained();
    await nextTurn();
  }
}

function runPaced({ board, seconds, signal, afterSlice }: Session, speed: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const pacer = new Pacer(board, nodeTimers, {
      speed,
      onSlice: () => {
        afterSlice();
        if (seconds - board.seconds < SHORTEST_S) finish();
      },
      onLag: (lagMs, givenUpMs) => {
        const lost = givenUpMs > 0 ? `, ${Math.round(givenUpMs)} ms were given up` : '';
        console.error(`warning: the board ran ${Math.round(lagMs)} ms behind the clock${lost}`);
      },
      onError: reject,
    });
    const finish = () => {
      pacer.stop();
      resolve();
    };
    const { scheduler } = board.mcu;
    if (Number.isFinite(seconds)) scheduler.after(scheduler.cycles(seconds - board.seconds), () => board.mcu.stop());
    if (signal.aborted) finish();
    else {
      signal.addEventListener('abort', finish, { once: true });
      board.uart.onQueued = () => pacer.kick();
      pacer.start();
    }
  });
}

/** Counts what the summary says. */
class Meter {
  private readonly board: Board;
  private readonly startedAt = performance.now();
  private cycles = 0;
  private awakeSeconds = 0;
  private sent = 0;
  private received = 0;

  constructor(board: Board) {
    this.board = board;
    board.tracer.add(
      (event) => {
        if (event.kind === 'uart') this[event.dir === 'tx' ? 'sent' : 'received']++;
      },
      ['uart'],
    );
  }

  /** After each slice: the CPU's cycles become time at the frequency of the moment. */
  measure(): void {
    const { activeCycles, clocks } = this.board.mcu;
    this.awakeSeconds += (activeCycles - this.cycles) / clocks.mclk.frequencyHz;
    this.cycles = activeCycles;
  }

  summary(line: Line | undefined): string {
    const { board } = this;
    const wallSeconds = (performance.now() - this.startedAt) / 1000;
    const asleep = board.seconds > 0 ? Math.max(0, 1 - this.awakeSeconds / board.seconds) : 0;
    const parts = [
      `${board.seconds.toFixed(3)} s simulated in ${wallSeconds.toFixed(2)} s`,
      `${board.mcu.instructions} instructions`,
      `CPU asleep ${(100 * asleep).toFixed(1)} %`,
      `UART ${this.sent} bytes sent, ${this.received} received`,
    ];
    if (board.uart.framingErrors > 0) parts.push(`${board.uart.framingErrors} not readable at ${board.uart.baud} baud`);
    if (line && line.lost > 0) parts.push(`${line.lost} bytes found no reader`);
    return parts.join('; ');
  }
}

function parsePort(text: string): number {
  const port = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65535) return port;
  throw new InvalidArgumentError('A port is a number from 0 to 65535.');
}

function parseCount(text: string): number {
  if (/^\d{1,7}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Give a whole number.');
}

function parseFor(text: string): number {
  return parseDurationMs(text) / 1000;
}

function parseSpeed(text: string): number {
  if (text === 'max') return Number.POSITIVE_INFINITY;
  const speed = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (speed >= 0.001 && speed <= 1000) return speed;
  throw new InvalidArgumentError('Give "max" or a number from 0.001 to 1000.');
}

function parseTrace(text: string): TraceKind[] {
  return text.split(',').flatMap((name) => {
    if (Object.hasOwn(traceNames, name)) return [...traceNames[name as TraceName]];
    throw new InvalidArgumentError(`"${name}" is none of ${Object.keys(traceNames).join(', ')}.`);
  });
}
