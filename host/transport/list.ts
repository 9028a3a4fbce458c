/**
 * The serial ports of this machine, and which of them has a probe behind it. Nothing is ever guessed: `auto` takes only
 * devices that boards.ts knows by vendor and product id.
 */

import { EarlError } from '../../errors/index.ts';
import { type KnownBoard, knownBoard } from './boards.ts';

/** What a binding of the serialport package says about a port. */
export interface PortInfo {
  readonly path: string;
  readonly vendorId?: string | undefined;
  readonly productId?: string | undefined;
  readonly serialNumber?: string | undefined;
  readonly manufacturer?: string | undefined;
}

export interface PortLister {
  list(): Promise<PortInfo[]>;
}

export interface SerialPortEntry {
  /** `serial:PATH`, for openTransport. */
  readonly url: string;
  readonly path: string;
  /** `VVVV:PPPP` in lower case; absent for a port that is not on USB. */
  readonly usbId?: string;
  readonly serialNumber?: string;
  readonly manufacturer?: string;
  /** Set when this is a device that a probe is likely to be behind. */
  readonly board?: KnownBoard;
}

/** @param lister a binding of the serialport package; the machine's own when absent */
export async function listSerialPorts(lister?: PortLister): Promise<SerialPortEntry[]> {
  const ports = await (lister ?? (await systemBinding())).list();
  return ports.map(entryOf).sort((a, b) => a.path.localeCompare(b.path, 'en', { numeric: true }));
}

async function systemBinding(): Promise<PortLister> {
  const { SerialPort } = await import('serialport');
  return SerialPort.binding;
}

function entryOf({ path, vendorId, productId, serialNumber, manufacturer }: PortInfo): SerialPortEntry {
  const board = knownBoard(vendorId, productId);
  return {
    url: `serial:${path}`,
    path,
    ...(vendorId && productId ? { usbId: `${vendorId}:${productId}`.toLowerCase() } : {}),
    ...(serialNumber ? { serialNumber } : {}),
    ...(manufacturer ? { manufacturer } : {}),
    ...(board ? { board } : {}),
  };
}

/**
 * What `auto` means: every port with a known board. Throws `TRANSPORT_NOT_FOUND` when there is none, and says what
 * there is instead.
 */
export function probePorts(ports: readonly SerialPortEntry[]): SerialPortEntry[] {
  const known = ports.filter(({ board }) => board !== undefined);
  if (known.length > 0) return known;
  const others = ports.map(describePort).join(', ');
  throw new EarlError(
    'TRANSPORT_NOT_FOUND',
    others === ''
      ? 'no serial port found: plug the LaunchPad in (lsusb should show 0451:f432), or use emu:ball without hardware'
      : `no LaunchPad or known USB adapter among the serial ports (${others}): name one, e.g. ${ports[0]!.url}`,
  );
}

/** The one port that `auto` means where only one will do. Throws `TRANSPORT_NOT_FOUND`, or `USAGE` when there are more. */
export function onlyProbePort(ports: readonly SerialPortEntry[]): SerialPortEntry {
  const [first, ...more] = probePorts(ports);
  if (more.length === 0) return first!;
  const all = [first!, ...more].map(describePort).join(', ');
  throw new EarlError('USAGE', `more than one probe may be connected: name the port (${all})`);
}

/** `/dev/ttyACM0 (MSP-EXP430G2 LaunchPad, 0451:f432)`. */
export function describePort({ path, usbId, board, manufacturer }: SerialPortEntry): string {
  const about = [board?.name ?? manufacturer, usbId].filter((part) => part !== undefined).join(', ');
  return about === '' ? path : `${path} (${about})`;
}
