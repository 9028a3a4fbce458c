/**
 * Which runner a flash takes: the one that is named, or the only LaunchPad that is connected. Never a guess: with several
 * boards, or only adapters that could be anything, it lists them and asks.
 */

import { existsSync } from 'node:fs';
import { EarlError } from '../../errors/index.ts';
import {
  type BslFlashOptions,
  bslRunner,
  emulatedRunner,
  type FlashRunner,
  mspdebugRunner,
  openFlashLine,
} from '../flash/index.ts';
import { listSerialPorts, type SerialPortEntry } from '../transport/list.ts';

/** mspdebug's driver by the USB id of a LaunchPad. */
const drivers: Readonly<Record<string, string>> = { '0451:f432': 'rf2500', '2047:0013': 'tilib' };

export interface TargetFlags {
  /** `mspdebug:DRIVER`, `bsl:PORT`, `emu:NAME`. */
  readonly runner?: string;
  /** A serial port or a board's serial number, to choose among several. */
  readonly port?: string;
}

export async function chooseRunner(
  flags: TargetFlags,
  bsl: BslFlashOptions,
  ports: () => Promise<SerialPortEntry[]> = listSerialPorts,
): Promise<FlashRunner> {
  const { runner, port } = flags;
  if (runner === undefined) return onlyLaunchPad(await ports(), port);
  const [, kind, rest] = /^([a-z]+):?(.*)$/.exec(runner) ?? [];
  if (kind === 'emu' && rest) return emulatedRunner(runner);
  if (kind === 'bsl') return bslOn(rest || port || '', bsl);
  if (kind === 'mspdebug') return byMspdebug(rest || 'rf2500', port, ports);
  throw new EarlError(
    'USAGE',
    `"${runner}" is no runner: mspdebug:rf2500, mspdebug:gdbc:HOST:PORT, bsl:PORT or emu:NAME`,
  );
}

function bslOn(port: string, options: BslFlashOptions): FlashRunner {
  if (port === '') {
    throw new EarlError('USAGE', 'bsl: needs a port, e.g. bsl:/dev/ttyUSB0 or bsl:rfc2217://127.0.0.1:4000');
  }
  return bslRunner(`bsl:${port}`, () => openFlashLine(port), options);
}

async function byMspdebug(
  driver: string,
  port: string | undefined,
  ports: () => Promise<SerialPortEntry[]>,
): Promise<FlashRunner> {
  if (!Object.values(drivers).includes(driver)) return mspdebugRunner(driver);
  const boards = (await ports()).filter(({ usbId }) => usbId !== undefined && drivers[usbId] === driver);
  // A LaunchPad shows no serial port where its driver is missing: mspdebug may find it all the same.
  if (boards.length === 0)
    return mspdebugRunner(driver, port !== undefined && !existsSync(port) ? { serialNumber: port } : {});
  return launchPad(chosen(boards, port), boards.length > 1);
}

function onlyLaunchPad(ports: readonly SerialPortEntry[], port: string | undefined): FlashRunner {
  const boards = ports.filter(({ usbId }) => usbId !== undefined && drivers[usbId] !== undefined);
  if (boards.length > 0) return launchPad(chosen(boards, port), boards.length > 1);
  const known = ports.filter(({ board }) => board !== undefined);
  const hint =
    known.length > 0
      ? `there is ${known.map(describe).join(', ')}: a boot loader behind it is --runner bsl:${known[0]!.path}`
      : 'plug one in (lsusb must show 0451:f432), or name the way: --runner bsl:PORT, --runner mspdebug:gdbc:HOST:PORT';
  throw new EarlError('TRANSPORT_NOT_FOUND', `no LaunchPad is connected; ${hint}`);
}

function chosen(boards: readonly SerialPortEntry[], port: string | undefined): SerialPortEntry {
  const wanted = port?.replace(/^serial:/, '');
  const matching = wanted === undefined ? boards : boards.filter((b) => b.path === wanted || b.serialNumber === wanted);
  if (matching.length === 1) return matching[0]!;
  const list = boards.map((board) => `  ${describe(board)}`).join('\n');
  if (matching.length > 1)
    throw new EarlError('USAGE', `several boards are connected: choose one with --port\n${list}`);
  throw new EarlError('TRANSPORT_NOT_FOUND', `no LaunchPad is at ${port}; connected are\n${list}`);
}

function launchPad(board: SerialPortEntry, several: boolean): FlashRunner {
  if (several && board.serialNumber === undefined) {
    throw new EarlError(
      'USAGE',
      `${describe(board)} has no serial number by which mspdebug could tell it from the others: unplug the others`,
    );
  }
  return mspdebugRunner(drivers[board.usbId!]!, several ? { serialNumber: board.serialNumber! } : {});
}

function describe({ path, usbId, serialNumber, board }: SerialPortEntry): string {
  return `${path} (${board?.name ?? 'serial port'}, ${usbId ?? 'not on USB'}, serial number ${serialNumber ?? 'none'})`;
}
