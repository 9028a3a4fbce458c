/** What a program in Node needs to use a Bluetooth adapter by raw HCI, as the BLE transport does on Linux. */

import { type Check, type Finding, missing, ok, onLinux, warning } from '../check.ts';
import { runningPrograms } from '../processes.ts';
import type { System } from '../system.ts';

/** Bit of CAP_NET_RAW, capabilities(7). */
const CAP_NET_RAW = 13n;

export const bluetoothChecks: readonly Check[] = [
  { id: 'bluetooth-adapter', title: 'Bluetooth adapter', neededFor: ['ble'], run: onLinux(checkAdapter) },
  { id: 'cap-net-raw', title: 'Node may use raw HCI', neededFor: ['ble'], run: onLinux(checkCapability) },
  { id: 'bluetoothd', title: 'Adapter shared with bluetoothd', neededFor: ['ble'], run: onLinux(checkDaemon) },
];

async function checkAdapter(system: System): Promise<Finding> {
  const adapters = (await system.list('/sys/class/bluetooth')).filter((name) => /^hci\d+$/.test(name));
  const [first] = adapters;
  if (first === undefined) {
    return missing('none: plug one in, or load the driver of the one in the machine', 'sudo modprobe btusb');
  }
  const blocked = await blockOf(system);
  if (blocked === 'hard') {
    return missing(`${first} is switched off by a switch of the machine: switch it on, then`, 'rfkill list bluetooth');
  }
  if (blocked === 'soft') return missing(`${first} is switched off`, 'sudo rfkill unblock bluetooth');
  return ok(adapters.join(', '));
}

async function blockOf(system: System): Promise<'hard' | 'soft' | undefined> {
  for (const name of await system.list('/sys/class/rfkill')) {
    const read = async (file: string) => (await system.readText(`/sys/class/rfkill/${name}/${file}`))?.trim();
    if ((await read('type')) !== 'bluetooth') continue;
    if ((await read('hard')) === '1') return 'hard';
    if ((await read('soft')) === '1') return 'soft';
  }
  return undefined;
}

async function checkCapability(system: System): Promise<Finding> {
  const status = (await system.readText('/proc/self/status')) ?? '';
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
  if ((effective >> CAP_NET_RAW) & 1n)
    return ok(system.uid === 0 ? 'you are root' : `${system.nodePath} has cap_net_raw`);
  if (system.uid === 0) {
    return missing(
      'you are root in a container that took cap_net_raw away',
      'docker run --cap-add=NET_RAW --net=host …',
    );
  }
  return missing(
    `${system.nodePath} lacks cap_net_raw: scanning would need root`,
    `sudo setcap cap_net_raw+eip ${system.nodePath}`,
  );
}

async function checkDaemon(system: System): Promise<Finding> {
  const pid = (await runningPrograms(system)).get('bluetoothd');
  if (pid === undefined) return ok('bluetoothd does not run');
  return warning(
    `bluetoothd (process ${pid}) uses the adapter too, and may connect to a probe that it knows before Earl does; to ` +
      'have the adapter alone',
    'sudo systemctl stop bluetooth',
  );
}
