/** `earl devices`: what a probe may be behind on this machine, and what to do next. The work is in host/machine. */

import { Command } from 'commander';
import { probeKinds } from '../link/index.ts';
import {
  type AttachedDevice,
  type Inventory,
  knownUsbDevices,
  nextSteps,
  realSystem,
  runningBoards,
  takeInventory,
} from '../machine/index.ts';
import { findImageFile } from '../transport/firmware-image.ts';
import { listSerialPorts } from '../transport/list.ts';
import { packageRoot } from './package-root.ts';

const examples = `
LaunchPads and adapters are known by their USB ids; any other serial port is listed, but never chosen by itself. Emulated
boards appear while earl emulate serves them (--pty, --tcp). The exit code is 0 also when nothing is attached.

Examples:
  $ earl devices
  $ earl devices --json | jq -r '.launchPads[].ports[].path'`;

export function devicesCommand(): Command {
  return new Command('devices')
    .description('List serial ports, LaunchPads, adapters and emulated boards')
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', examples)
    .action(run);
}

async function run({ json }: { json?: true }): Promise<void> {
  const inventory = await takeInventory({
    ports: await listSerialPorts(),
    usb: await knownUsbDevices(realSystem(packageRoot())),
    running: await runningBoards(),
    kinds: Object.keys(probeKinds).filter(hasImage),
  });
  if (json) console.log(JSON.stringify({ ...inventory, next: nextSteps(inventory) }));
  else console.log(inventoryText(inventory));
}

function hasImage(kind: string): boolean {
  try {
    findImageFile(kind);
    return true;
  } catch {
    return false;
  }
}

/** For people; ends without a newline. */
export function inventoryText(inventory: Inventory): string {
  const { launchPads, adapters, otherPorts, running, kinds } = inventory;
  const sections: (readonly [title: string, lines: readonly string[]])[] = [
    ['LaunchPads', launchPads.flatMap(deviceLines)],
    ['Adapters', adapters.flatMap(deviceLines)],
    ['Other serial ports', otherPorts.flatMap(deviceLines)],
    [
      'Emulated boards',
      running.map(({ name, url, id, pid }) => `${url}  ${name}${id ? `, id ${id}` : ''}, process ${pid}`),
    ],
    ['Kinds to emulate', kinds.length > 0 ? [kinds.map((kind) => `emu:${kind}`).join('  ')] : []],
    ['Next', nextSteps(inventory)],
  ];
  return sections
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) => `${title}\n${lines.map((line) => `  ${line}`).join('\n')}`)
    .join('\n\n');
}

function deviceLines({ name, usbId, serialNumber, ports }: AttachedDevice): string[] {
  const about = [name, usbId, serialNumber && `serial number ${serialNumber}`].filter((part) => part !== undefined);
  if (ports.length === 0) return [`(no port)  ${about.join(', ')}`];
  return ports.map(({ path, heldBy }) => {
    const holders = heldBy.map(({ program, pid }) => `${program} (process ${pid})`).join(', ');
    return [path, about.join(', '), holders && `in use by ${holders}`].filter((part) => part).join('  ');
  });
}
