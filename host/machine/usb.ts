/** What is on USB, from Linux' sysfs; empty elsewhere. Only devices that host/transport/boards.ts knows. */

import { type KnownBoard, knownBoard } from '../transport/boards.ts';
import type { System } from './system.ts';

export interface UsbDevice {
  readonly board: KnownBoard;
  /** `VVVV:PPPP` in lower case. */
  readonly usbId: string;
  readonly serialNumber?: string;
  /** Device node that programmers open, `/dev/bus/usb/001/004`. */
  readonly node: string;
  /** Names of its serial ports, `ttyACM0`. */
  readonly ttys: readonly string[];
  /** Since it was plugged in, where the kernel says so. */
  readonly connectedMs?: number;
}

const ROOT = '/sys/bus/usb/devices';

export async function knownUsbDevices(system: System): Promise<UsbDevice[]> {
  const names = (await system.list(ROOT)).filter((name) => !name.includes(':')).sort();
  const devices = await Promise.all(names.map((name) => readDevice(system, name)));
  return devices.filter((device) => device !== undefined);
}

async function readDevice(system: System, name: string): Promise<UsbDevice | undefined> {
  const read = async (file: string) => (await system.readText(`${ROOT}/${name}/${file}`))?.trim();
  const [vendorId, productId] = [await read('idVendor'), await read('idProduct')];
  const board = knownBoard(vendorId, productId);
  if (board === undefined) return undefined;
  const digits = async (file: string) => ((await read(file)) ?? '0').padStart(3, '0');
  const serialNumber = await read('serial');
  const connected = await read('power/connected_duration');
  return {
    board,
    usbId: `${vendorId}:${productId}`.toLowerCase(),
    ...(serialNumber ? { serialNumber } : {}),
    node: `/dev/bus/usb/${await digits('busnum')}/${await digits('devnum')}`,
    ttys: await ttysOf(system, name),
    ...(connected !== undefined && /^\d+$/.test(connected) ? { connectedMs: Number(connected) } : {}),
  };
}

/** CDC ACM devices have a folder `tty` in an interface, USB serial ones a folder `ttyUSB0`. */
async function ttysOf(system: System, name: string): Promise<string[]> {
  const interfaces = (await system.list(ROOT)).filter((entry) => entry.startsWith(`${name}:`));
  const found = await Promise.all(
    interfaces.map(async (entry) => [
      ...(await system.list(`${ROOT}/${entry}/tty`)),
      ...(await system.list(`${ROOT}/${entry}`)).filter((file) => /^ttyUSB\d+$/.test(file)),
    ]),
  );
  return found.flat().sort();
}
