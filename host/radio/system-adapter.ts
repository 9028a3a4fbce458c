/**
 * The system's own Bluetooth adapter: is there one, may we use it, is it on?
 *
 * On Linux it is asked through sysfs and /proc before noble or bleno open an HCI socket, because what those say when it
 * fails does not help anybody. On macOS and Windows the packages' own bindings for the system's API are used.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EarlError } from '../../errors/index.ts';
import { bluetoothOff, noPermission } from './host-stack.ts';

/** Where a test puts its own. */
export interface SystemRoots {
  readonly sys: string;
  readonly proc: string;
  readonly platform: NodeJS.Platform;
}

export const systemRoots: SystemRoots = { sys: '/sys', proc: '/proc', platform: process.platform };
const CAP_NET_RAW = 13n;

/** Names such as `hci0`, lowest first; elsewhere than on Linux the one that the system may have. */
export function systemAdapters({ sys, platform }: SystemRoots = systemRoots): string[] {
  if (platform === 'darwin' || platform === 'win32') return ['hci0'];
  const folder = join(sys, 'class/bluetooth');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => /^hci\d+$/.test(name))
    .sort((a, b) => Number(a.slice(3)) - Number(b.slice(3)));
}

/** Throws `TRANSPORT_NOT_FOUND`, `BLUETOOTH_OFF` or `TRANSPORT_PERMISSION`. */
export function checkSystemAdapter(name: string, roots: SystemRoots = systemRoots): void {
  if (roots.platform !== 'linux') return;
  const known = systemAdapters(roots);
  if (!known.includes(name)) {
    const others = known.length === 0 ? 'this machine has no Bluetooth adapter' : `there is ${known.join(', ')}`;
    throw new EarlError(
      'TRANSPORT_NOT_FOUND',
      `no Bluetooth adapter ${name}: ${others}; plug one in, or run \`earl air\` and use --adapter air:`,
    );
  }
  if (isBlocked(name, roots)) throw bluetoothOff(name);
  if (!mayOpenRawSockets(roots)) throw noPermission(name);
}

/** rfkill's soft or hard switch is off. */
function isBlocked(name: string, { sys }: SystemRoots): boolean {
  const folder = join(sys, 'class/bluetooth', name);
  const switches = readdirSync(folder).filter((entry) => /^rfkill\d+$/.test(entry));
  return switches.some((entry) => ['soft', 'hard'].some((kind) => readFlag(join(folder, entry, kind))));
}

function readFlag(path: string): boolean {
  return existsSync(path) && readFileSync(path, 'utf8').trim() === '1';
}

function mayOpenRawSockets({ proc }: SystemRoots): boolean {
  const status = join(proc, 'self/status');
  if (!existsSync(status)) return true;
  const effective = /^CapEff:\s*([0-9a-f]+)$/im.exec(readFileSync(status, 'utf8'))?.[1];
  return effective === undefined || ((BigInt(`0x${effective}`) >> CAP_NET_RAW) & 1n) === 1n;
}

/** Which binding of noble and bleno, and with which options. */
export function systemBinding(name: string, stack: 'noble' | 'bleno', { platform }: SystemRoots = systemRoots) {
  if (platform === 'darwin') return { binding: 'mac', bindingOptions: {} };
  if (platform === 'win32' && stack === 'noble') return { binding: 'win', bindingOptions: {} };
  return { binding: 'hci', bindingOptions: { deviceId: Number(name.slice(3)) } };
}
