/** What a probe may be behind on this machine: LaunchPads, adapters and other serial ports, and emulated boards. */

import type { SerialPortEntry } from '../transport/list.ts';
import { type PortHolder, portHolders } from '../transport/port-holder.ts';
import type { RunningBoard } from './running-boards.ts';
import type { UsbDevice } from './usb.ts';

export interface Port {
  readonly path: string;
  /** For openTransport. */
  readonly url: string;
  /** Processes that have it open, as far as this user may see. */
  readonly heldBy: readonly PortHolder[];
}

export interface AttachedDevice {
  /** Name of the board or adapter, else what the maker calls itself. */
  readonly name?: string;
  /** `VVVV:PPPP`; absent for a port that is not on USB. */
  readonly usbId?: string;
  readonly serialNumber?: string;
  /** An eZ-FET has two; empty for a device without driver. */
  readonly ports: readonly Port[];
}

export interface Inventory {
  readonly launchPads: readonly AttachedDevice[];
  readonly adapters: readonly AttachedDevice[];
  /** Ports of nothing that Earl knows. */
  readonly otherPorts: readonly AttachedDevice[];
  /** Emulated boards that other processes serve. */
  readonly running: readonly RunningBoard[];
  /** Kinds of probes that can be emulated: their images are there. */
  readonly kinds: readonly string[];
}

export interface InventorySources {
  readonly ports: readonly SerialPortEntry[];
  readonly usb: readonly UsbDevice[];
  readonly running: readonly RunningBoard[];
  readonly kinds: readonly string[];
  readonly holdersOf?: (path: string) => Promise<PortHolder[]>;
}

export async function takeInventory(sources: InventorySources): Promise<Inventory> {
  const { ports, usb, running, kinds, holdersOf = portHolders } = sources;
  const devices = new Map<string, { entry: SerialPortEntry; ports: Port[] }>();
  for (const entry of ports) {
    const { path, url, usbId, serialNumber } = entry;
    const port: Port = { path, url, heldBy: await holdersOf(path) };
    // Without a serial number two ports may be of two boards: they are not put together.
    const key = usbId && serialNumber ? `${usbId} ${serialNumber}` : path;
    const device = devices.get(key);
    if (device) device.ports.push(port);
    else devices.set(key, { entry, ports: [port] });
  }
  const isLaunchPad = (name: string | undefined) => name?.includes('LaunchPad') ?? false;
  const all = [...devices.values()];
  const described = (wanted: (entry: SerialPortEntry) => boolean) =>
    all.filter(({ entry }) => wanted(entry)).map(({ entry, ports: own }) => describe(entry, own));
  const withoutPort = usb.filter(({ ttys }) => ttys.length === 0);
  const mute = (launchPad: boolean): AttachedDevice[] =>
    withoutPort
      .filter(({ board }) => isLaunchPad(board.name) === launchPad)
      .map(({ board, usbId, serialNumber }) => ({
        name: board.name,
        usbId,
        ...(serialNumber === undefined ? {} : { serialNumber }),
        ports: [],
      }));
  return {
    launchPads: [...described(({ board }) => isLaunchPad(board?.name)), ...mute(true)],
    adapters: [...described(({ board }) => board !== undefined && !isLaunchPad(board.name)), ...mute(false)],
    otherPorts: described(({ board }) => board === undefined),
    running,
    kinds,
  };
}

function describe({ board, manufacturer, usbId, serialNumber }: SerialPortEntry, ports: Port[]): AttachedDevice {
  const name = board?.name ?? manufacturer;
  return {
    ...(name === undefined ? {} : { name }),
    ...(usbId === undefined ? {} : { usbId }),
    ...(serialNumber === undefined ? {} : { serialNumber }),
    ports,
  };
}

/** What to do next, best first: whole sentences with commands that can be copied. Never empty. */
export function nextSteps({ launchPads, adapters, otherPorts, running, kinds }: Inventory): string[] {
  const steps: string[] = [];
  const withPort = [...launchPads, ...adapters].filter(({ ports }) => ports.length > 0);
  const [first] = withPort;
  for (const { name, usbId, ports } of [...launchPads, ...adapters]) {
    if (ports.length === 0) steps.push(`${name} (${usbId}) has no serial port; find out why: earl doctor --for serial`);
    for (const { path, heldBy } of ports) {
      const [holder] = heldBy;
      if (holder) steps.push(`${path} is in use: end ${holder.program} first (kill ${holder.pid})`);
    }
  }
  if (first) {
    const { path } = first.ports.at(-1)!;
    steps.push(`see what the probe says: earl monitor ${path}`);
    steps.push(`relay it to the dashboard: earl up --no-probes --serial ${path}`);
    if (withPort.length > 1) steps.push('with more than one attached, commands ask for a port: name it by its path');
  }
  for (const { name, url } of running) steps.push(`listen to the emulated ${name}: earl monitor ${url}`);
  if (steps.length > 0) return steps;
  const [kind] = kinds;
  steps.push('no board is attached: plug a LaunchPad in; if it does not appear: earl doctor --for serial');
  if (otherPorts[0]?.ports[0]) {
    steps.push(`if a probe is wired to another port, name it: earl monitor ${otherPorts[0].ports[0].path}`);
  }
  if (kind) steps.push(`without hardware: earl monitor emu:${kind}, or earl emulate ${kind} --pty /tmp/ttyEarl`);
  return steps;
}
