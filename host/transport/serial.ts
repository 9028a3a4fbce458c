/**
 * `serial:PATH[?baud=N]`: a probe on a serial port, 8N1, 9600 baud unless told otherwise.
 *
 * The serialport package and its native binding are loaded at the first connection. Errors of the system become
 * sentences: who holds a busy port, which group or udev rule opens a forbidden one.
 */

import { readFile, stat } from 'node:fs/promises';
import type { SerialPort } from 'serialport';
import { EarlError, errorMessage } from '../../errors/index.ts';
import { describePort, listSerialPorts, type PortLister } from './list.ts';
import { portHolders } from './port-holder.ts';
import { type OpenStream, StreamTransport } from './stream-transport.ts';
import type { Transport } from './transport.ts';

/** What the LaunchPad's USB side passes at most, and so the default. */
export const DEFAULT_BAUD = 9600;
const LOWEST_BAUD = 300;
const HIGHEST_BAUD = 4_000_000;
const ALIVE_CHECK_MS = 500;

/** A binding of the serialport package: the machine's, or its mock. */
export interface SerialBinding extends PortLister {
  open(options: { path: string; baudRate: number }): Promise<unknown>;
}

export interface SerialAddress {
  readonly path: string;
  readonly baud: number;
}

/** Reads `serial:PATH[?baud=N]`. Throws `USAGE`. */
export function parseSerialUrl(url: string): SerialAddress {
  const [path = '', query = ''] = url.slice('serial:'.length).split('?', 2);
  const parameters = new URLSearchParams(query);
  const baud = Number(parameters.get('baud') ?? DEFAULT_BAUD);
  const unknown = [...parameters.keys()].find((name) => name !== 'baud');
  if (path === '') throw usage(url, 'the path is missing');
  if (unknown !== undefined) throw usage(url, `there is no parameter "${unknown}"`);
  if (!Number.isInteger(baud) || baud < LOWEST_BAUD || baud > HIGHEST_BAUD) {
    throw usage(url, `baud must be a whole number from ${LOWEST_BAUD} to ${HIGHEST_BAUD}`);
  }
  return { path, baud };
}

function usage(url: string, what: string): EarlError {
  return new EarlError('USAGE', `"${url}": ${what}; write serial:PATH or serial:PATH?baud=9600`);
}

/**
 * @param binding for tests; the machine's when absent
 * Throws `USAGE` when the URL cannot be read.
 */
export function serialTransport(url: string, binding?: SerialBinding): Transport {
  const address = parseSerialUrl(url);
  return new StreamTransport(url, (signal) => open(address, binding, signal), address.baud);
}

async function open(
  address: SerialAddress,
  given: SerialBinding | undefined,
  signal: AbortSignal,
): Promise<OpenStream> {
  const { path, baud } = address;
  const { SerialPort: Port } = await import('serialport');
  const binding = given ?? Port.binding;
  await refuseBaudThatBoardCannot(address, binding);
  // The class takes a binding among its options, its type does not say so.
  const options = { path, baudRate: baud, autoOpen: false, binding } as ConstructorParameters<typeof SerialPort>[0];
  const port = new Port(options);
  try {
    await new Promise<void>((resolve, reject) => port.open((error) => (error ? reject(error) : resolve())));
  } catch (error) {
    throw await explainOpenError(error, path);
  }
  const close = () => port.close(() => {});
  if (signal.aborted) {
    await new Promise<void>((resolve) => port.close(() => resolve()));
    throw new EarlError('TRANSPORT_FAILED', `${path} was closed while it was being opened`);
  }
  watch(port);
  return { stream: port, close };
}

/**
 * Asks the system now and then whether the device is still there. A port that is hung up reads as empty instead of
 * failing; when that happens between two polls the binding (@serialport/bindings-cpp 13) reads for ever, and never tells.
 */
function watch(port: SerialPort): void {
  const timer = setInterval(() => {
    port.port?.getBaudRate().catch((error: unknown) => {
      if (!port.isOpen) return;
      port.emit('error', new Error(`the device is gone (${errorMessage(error)})`));
      port.close(() => {});
    });
  }, ALIVE_CHECK_MS);
  timer.unref();
  port.once('close', () => clearInterval(timer));
}

/** At a rate that the USB side does not pass nothing but noise would come, and nobody would know why. */
async function refuseBaudThatBoardCannot({ path, baud }: SerialAddress, binding: PortLister): Promise<void> {
  if (baud <= DEFAULT_BAUD) return;
  const port = (await listSerialPorts(binding).catch(() => [])).find((entry) => entry.path === path);
  if (port?.board?.maxBaud === undefined || baud <= port.board.maxBaud) return;
  throw new EarlError(
    'USAGE',
    `${describePort(port)} passes at most ${port.board.maxBaud} baud, not ${baud}: use serial:${path}, or an FTDI or ` +
      'CP210x adapter on the UART pins',
  );
}

/** Messages of the binding on Linux, macOS and Windows, and of its mock. */
const kinds: readonly (readonly [RegExp, (path: string, cause: unknown) => Promise<EarlError>])[] = [
  [/no such file|file not found|does not exist|no such device/i, notFound],
  [/cannot lock|is locked|resource busy|temporarily unavailable|access denied/i, busy],
  [/permission denied|operation not permitted/i, permission],
];

export async function explainOpenError(error: unknown, path: string): Promise<EarlError> {
  const message = errorMessage(error);
  const kind = kinds.find(([pattern]) => pattern.test(message));
  if (kind) return kind[1](path, error);
  return new EarlError('TRANSPORT_FAILED', `cannot open ${path}: ${message}`, { cause: error });
}

async function notFound(path: string, cause: unknown): Promise<EarlError> {
  const ports = await listSerialPorts().catch(() => []);
  const there =
    ports.length === 0 ? 'there is none on this machine' : `there are ${ports.map(describePort).join(', ')}`;
  return new EarlError('TRANSPORT_NOT_FOUND', `no serial port ${path}: ${there}`, { cause });
}

async function busy(path: string, cause: unknown): Promise<EarlError> {
  const holders = await portHolders(path);
  const others = holders.map(
    ({ pid, program }) => `${program} (process ${pid}${pid === process.pid ? ', this one' : ''})`,
  );
  const who =
    others.length === 0 ? 'another program, perhaps of another user, has it' : `it is held by ${others.join(', ')}`;
  return new EarlError('TRANSPORT_BUSY', `${path} is in use: ${who}; close that and try again`, { cause });
}

async function permission(path: string, cause: unknown): Promise<EarlError> {
  const group = await groupOf(path);
  const remedy =
    group === undefined || group === 'root'
      ? 'add a udev rule for it, e.g. SUBSYSTEM=="tty", ATTRS{idVendor}=="0451", ATTRS{idProduct}=="f432", MODE="0666"'
      : `join its group with: sudo usermod -aG ${group} $USER, then log in again`;
  return new EarlError('TRANSPORT_PERMISSION', `you may not open ${path}: ${remedy}`, { cause });
}

/** The group that owns a file, on systems that have /etc/group. */
async function groupOf(path: string): Promise<string | undefined> {
  try {
    const { gid } = await stat(path);
    const lines = (await readFile('/etc/group', 'utf8')).split('\n').map((line) => line.split(':'));
    return lines.find((fields) => fields[2] === String(gid))?.[0];
  } catch {
    return undefined;
  }
}
