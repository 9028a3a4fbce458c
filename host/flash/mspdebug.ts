/**
 * Flashing by mspdebug (`prog`, `verify`): LaunchPads by `rf2500` and `tilib`, anything with a GDB stub by `gdbc`.
 *
 * mspdebug's `prog` erases main flash only; info segments that change are erased one by one, info A never unless the plan
 * says so. Its messages are turned into errors that say what to do. Written for 0.22, which Debian has.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import intelHex from 'nrf-intel-hex';
import { EarlError } from '../../errors/index.ts';
import { INFO_D_ADDRESS } from '../link/index.ts';
import { isDemanding } from './identity.ts';
import {
  type Block,
  type FlashPlan,
  infoLength,
  infoSegmentLength,
  infoStart,
  plannedInfo,
  programBlocks,
  recordIn,
  vectorBlock,
} from './plan.ts';
import type { FlashListener, FlashResult, FlashRunner } from './runner.ts';

/** The package is CommonJS with types of an ES module: what is imported is the class itself. */
const MemoryMap = intelHex as unknown as typeof intelHex.default;

const BLOCK = 512;

export interface MspdebugOptions {
  /** Serial number of the LaunchPad when several are connected. */
  readonly serialNumber?: string;
  /** For tests: the program to run. */
  readonly program?: string;
}

/** @param driver `rf2500`, `tilib`, `sim` or `gdbc:HOST:PORT`. Throws `USAGE`. */
export function mspdebugRunner(driver: string, options: MspdebugOptions = {}): FlashRunner {
  const args = driverArguments(driver, options.serialNumber);
  return {
    name: `mspdebug:${driver}`,
    flash: async (plan, listener, signal) => {
      const folder = mkdtempSync(join(tmpdir(), 'earl-flash-'));
      try {
        const run: Run = (commands, reader) =>
          runMspdebug(options.program ?? 'mspdebug', [...args, ...commands], driver, reader, signal);
        const before = await infoBefore(folder, plan, driver, run, listener);
        const decided = before === undefined ? { ...plan, identity: undefined } : withIdentity(plan, before);
        const { commands, bytes } = writeFiles(folder, decided);
        await run(commands, new MspdebugReader(bytes, listener));
        const record = before && recordIn(plannedInfo({ ...decided, identity: undefined }, before));
        return { bytes, target: `by mspdebug ${driver}`, ...(record && { record }) } satisfies FlashResult;
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

export function driverArguments(driver: string, serialNumber?: string): string[] {
  const serial = serialNumber === undefined ? [] : ['-s', serialNumber];
  const remote = /^gdbc:([^:]+|\[[^\]]+\]):(\d{1,5})$/.exec(driver);
  if (remote) return ['-n', 'gdbc', '-d', `${remote[1]}:${remote[2]}`];
  if (/^[a-z][a-z0-9-]*$/.test(driver) && driver !== 'gdbc') return ['-n', driver, ...serial];
  throw new EarlError('USAGE', `"${driver}" is no driver of mspdebug: rf2500, tilib or gdbc:HOST:PORT`);
}

type Run = (commands: readonly string[], reader: MspdebugReader) => Promise<void>;

/**
 * Info memory before the flash; `undefined` when it shall stay. By gdbc it can be written where it is empty and no more, and
 * a stub may take one connection only: there it is not read, and stays unless the user demands something.
 */
async function infoBefore(
  folder: string,
  plan: FlashPlan,
  driver: string,
  run: Run,
  listener: FlashListener,
): Promise<Uint8Array | undefined> {
  if (plan.identity === undefined) return undefined;
  if (!driver.startsWith('gdbc:')) return readInfo(folder, run, new MspdebugReader(0, listener));
  if (isDemanding(plan.identity)) return new Uint8Array(infoLength).fill(0xff);
  listener.onNotice(
    'by gdbc a board keeps the id and the key that it has, or has not: --id and --key write them if info D is empty',
  );
  return undefined;
}

/** Info memory as it is on the chip. */
async function readInfo(folder: string, run: Run, reader: MspdebugReader): Promise<Uint8Array> {
  const file = join(folder, 'info.hex');
  await run([`hexout 0x${infoStart.toString(16)} ${infoLength} ${file}`], reader);
  const info = new Uint8Array(infoLength).fill(0xff);
  try {
    for (const [address, data] of MemoryMap.fromHex(readFileSync(file, 'utf8'))) info.set(data, address - infoStart);
  } catch (error) {
    throw new EarlError('FLASH_FAILED', "mspdebug did not read the board's info memory: nothing was changed", {
      cause: error,
    });
  }
  return info;
}

/** The plan with id and key decided. */
function withIdentity(plan: FlashPlan, before: Uint8Array): FlashPlan {
  const at = INFO_D_ADDRESS - infoStart;
  const wanted = plannedInfo(plan, before).subarray(at, at + infoSegmentLength);
  if (wanted.every((byte, index) => byte === before[at + index])) return { ...plan, identity: undefined };
  const info = plan.info.slice();
  info.splice(at, infoSegmentLength, ...wanted);
  return { ...plan, info, identity: undefined };
}

/**
 * Intel HEX of parts that hold something, and the commands that bring them to the chip. Info memory goes first: the gdbc
 * driver knows one kind of erase only, that of main flash.
 */
function writeFiles(folder: string, plan: FlashPlan): { commands: string[]; bytes: number } {
  const commands: string[] = [];
  const files: string[] = [];
  let bytes = 0;
  const write = (name: string, parts: readonly Block[]): string => {
    const file = join(folder, name);
    writeFileSync(file, hexOf(parts));
    files.push(file);
    bytes += parts.reduce((sum, { data }) => sum + data.length, 0);
    return file;
  };
  for (let at = 0; at < plan.info.length; at += infoSegmentLength) {
    const segment = plan.info.slice(at, at + infoSegmentLength);
    if (segment.every((byte) => byte === undefined)) continue;
    const address = infoStart + at;
    const data = Uint8Array.from(segment, (byte) => byte ?? 0xff);
    commands.push(`erase segment 0x${address.toString(16)}`, `load ${write(`info-${at}.hex`, [{ address, data }])}`);
  }
  commands.push(`prog ${write('main.hex', [...programBlocks(plan, BLOCK), vectorBlock(plan)])}`);
  return { commands: [...commands, ...files.map((file) => `verify ${file}`), 'reset'], bytes };
}

function hexOf(parts: readonly Block[]): string {
  const map = new MemoryMap();
  for (const { address, data } of parts) map.set(address, data);
  return `${map.asHexString(16)}\n`;
}

function runMspdebug(
  program: string,
  args: readonly string[],
  driver: string,
  reader: MspdebugReader,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child: ChildProcess = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let errors = '';
    child.stdout!.setEncoding('utf8').on('data', (text: string) => reader.take(text));
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    const stop = () => child.kill('SIGINT');
    signal.addEventListener('abort', stop, { once: true });
    child.on('error', (error: NodeJS.ErrnoException) => reject(startError(error)));
    child.on('close', (code) => {
      signal.removeEventListener('abort', stop);
      if (signal.aborted) reject(new EarlError('FLASH_ABORTED', 'stopped: the chip may hold half a program'));
      else if (code === 0 && reader.verified) resolve();
      else reject(explainMspdebug(`${reader.text}\n${errors}`, driver));
    });
  });
}

function startError(error: NodeJS.ErrnoException): EarlError {
  if (error.code === 'ENOENT') {
    return new EarlError('FLASH_NO_MSPDEBUG', 'mspdebug is not installed: sudo apt-get install mspdebug', {
      cause: error,
    });
  }
  return new EarlError('FLASH_FAILED', `mspdebug cannot be started: ${error.message}`, { cause: error });
}

/** Follows its output: `Writing  512 bytes at c000...`, `Verifying …`, `Done, 6 bytes total`. */
export class MspdebugReader {
  text = '';
  /** Every part was compared. */
  get verified(): boolean {
    return this.done.verify >= this.total;
  }

  private readonly total: number;
  private readonly listener: FlashListener;
  private rest = '';
  private readonly done = { write: 0, verify: 0 };

  constructor(total: number, listener: FlashListener) {
    this.total = total;
    this.listener = listener;
  }

  take(text: string): void {
    this.text = (this.text + text).slice(-10_000);
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop()!;
    for (const line of lines) this.line(line);
  }

  private line(line: string): void {
    const match = /^(Writing|Verifying)\s+(\d+) bytes at/.exec(line);
    if (/^Erasing/.test(line)) this.listener.onProgress('erase', 0, 0);
    if (!match) return;
    const stage = match[1] === 'Writing' ? 'write' : 'verify';
    this.done[stage] += Number(match[2]);
    this.listener.onProgress(stage, Math.min(this.done[stage], this.total), this.total);
  }
}

const udevRule =
  'echo \'SUBSYSTEM=="usb", ATTRS{idVendor}=="0451", ATTRS{idProduct}=="f432", MODE="0666"\' | sudo tee ' +
  '/etc/udev/rules.d/60-launchpad.rules && sudo udevadm control --reload, then plug it in again';

const explanations: readonly (readonly [RegExp, string, string])[] = [
  [
    /unable to find a device matching [0-9a-f:]+/i,
    'TRANSPORT_NOT_FOUND',
    'no LaunchPad is connected (mspdebug: $0): plug it in, lsusb must show it; an MSP-EXP430G2ET needs --runner mspdebug:tilib, an emulated board mspdebug:gdbc:HOST:PORT',
  ],
  [
    /permission denied|operation not permitted|access denied|insufficient permissions/i,
    'TRANSPORT_PERMISSION',
    `you may not use the LaunchPad's USB device ($0): ${udevRule}`,
  ],
  [
    /resource (temporarily unavailable|busy)|device or resource busy/i,
    'TRANSPORT_BUSY',
    'the LaunchPad is in use ($0): close other debuggers (mspdebug, Code Composer Studio), or plug it in again',
  ],
  [
    /libmsp430\.so[^\n]*/i,
    'FLASH_NO_MSPDEBUG',
    "tilib needs TI's MSP Debug Stack ($0): install libmsp430.so, or use --runner mspdebug:rf2500 with an MSP-EXP430G2",
  ],
  [
    /(connection refused|no route to host|can't connect[^\n]*|can't resolve[^\n]*|unknown host)/i,
    'TRANSPORT_NOT_FOUND',
    'no GDB stub listens there ($0): start one with earl emulate IMAGE --gdb PORT',
  ],
  [
    /mismatch at ([0-9a-f]+)[^\n]*/i,
    'FLASH_VERIFY',
    'verification failed ($0): flash it again; if it stays, the chip may be worn out',
  ],
  [
    /(no such device|no device|device disconnected|input\/output error|connection (reset|closed)[^\n]*|unexpected (EOF|end)[^\n]*)/i,
    'FLASH_LOST',
    'the board was lost ($0): is the cable still plugged in? Run the same command again',
  ],
  [/unknown driver[^\n]*|no such driver[^\n]*|bad driver[^\n]*/i, 'USAGE', 'mspdebug does not know this driver ($0)'],
];

/** From what mspdebug wrote to an error that a user can act on. */
export function explainMspdebug(output: string, driver: string): EarlError {
  if (driver.startsWith('gdbc:') && /mismatch at 10[0-9a-f]{2} /i.test(output)) {
    return new EarlError(
      'FLASH_VERIFY',
      'the program was written, info memory not: by gdbc mspdebug can erase main flash only, so an id fits where info D is ' +
        'empty. For an emulated board give it with earl emulate --id, or flash by bsl:',
    );
  }
  for (const [pattern, code, message] of explanations) {
    const match = pattern.exec(output);
    if (match) return new EarlError(code, message.replace('$0', match[0].trim()));
  }
  const last = output.trim().split('\n').slice(-3).join('; ');
  return new EarlError('FLASH_FAILED', `mspdebug ${driver} failed: ${last || 'it said nothing'}`);
}
