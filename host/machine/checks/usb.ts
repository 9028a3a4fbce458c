/**
 * From the USB plug to the serial port: udev rules, groups, the kernel's driver, what a LaunchPad is known for, and
 * ModemManager. docs/troubleshooting.md says where each of these was seen.
 */

import { type Check, type Finding, missing, ok, onLinux, skipped, warning } from '../check.ts';
import { runningPrograms } from '../processes.ts';
import type { System } from '../system.ts';
import { applyRules, readRules, type UdevDevice, type UdevResult } from '../udev.ts';
import { knownUsbDevices, type UsbDevice } from '../usb.ts';

interface LaunchPad {
  readonly vendorId: string;
  readonly productId: string;
  readonly name: string;
}

const launchPad: LaunchPad = { vendorId: '0451', productId: 'f432', name: 'MSP-EXP430G2 LaunchPad' };
const ezFet: LaunchPad = { vendorId: '2047', productId: '0013', name: 'MSP-EXP430G2ET LaunchPad (eZ-FET)' };

/** Below 73, where logind turns the tag `uaccess` into access; ModemManager reads its property from the same rule. */
const RULES_FILE = '/etc/udev/rules.d/60-earl.rules';
const RELOAD = 'sudo udevadm control --reload && sudo udevadm trigger';
/** The kernel waits this long for the HID half of a 0451:f432, which does not answer. */
const SETTLING_MS = 12_000;

export const usbChecks: readonly Check[] = [
  {
    id: 'udev-0451-f432',
    title: 'udev rule for the MSP-EXP430G2 LaunchPad',
    neededFor: ['flash'],
    run: onLinux((system) => checkRule(system, launchPad)),
  },
  {
    id: 'udev-2047-0013',
    title: 'udev rule for the MSP-EXP430G2ET LaunchPad',
    neededFor: ['flash'],
    run: onLinux((system) => checkRule(system, ezFet)),
  },
  { id: 'serial-group', title: 'Group of serial ports', neededFor: ['serial'], run: onLinux(checkGroup) },
  { id: 'cdc-acm', title: 'Kernel driver cdc_acm', neededFor: ['serial'], run: onLinux(checkDriver) },
  { id: 'launchpad', title: 'LaunchPads on USB', neededFor: ['flash', 'serial'], run: onLinux(checkLaunchPads) },
  { id: 'modemmanager', title: 'ModemManager', neededFor: ['serial'], run: onLinux(checkModemManager) },
];

/** One line of udev rules that mends permissions and keeps ModemManager away. */
export function writeRules(): string[] {
  const lines = [launchPad, ezFet].map(
    ({ vendorId, productId }) =>
      `ATTRS{idVendor}=="${vendorId}", ATTRS{idProduct}=="${productId}", TAG+="uaccess", ENV{ID_MM_DEVICE_IGNORE}="1"`,
  );
  return [`printf '%s\\n' ${lines.map((line) => `'${line}'`).join(' ')} | sudo tee ${RULES_FILE}`, RELOAD];
}

const usbNode = ({ vendorId, productId }: LaunchPad): UdevDevice => ({
  subsystem: 'usb',
  kernel: '1-1',
  vendorId,
  productId,
});
const serialPort = ({ vendorId, productId }: LaunchPad): UdevDevice => ({
  subsystem: 'tty',
  kernel: 'ttyACM0',
  vendorId,
  productId,
});

async function checkRule(system: System, board: LaunchPad): Promise<Finding> {
  if (system.uid === 0) return ok('you are root, who needs none');
  const usbId = `${board.vendorId}:${board.productId}`;
  const result = applyRules(await readRules(system), usbNode(board));
  const groups = await groupsOf(system);
  const attached = (await knownUsbDevices(system)).filter((device) => device.usbId === usbId);
  const refused = await firstRefused(system, attached);
  const grant = grantOf(result, groups.now);
  if (refused !== undefined && grant !== undefined) {
    return missing(`there is a rule (${result.decidedBy}), but ${refused.node} does not follow it yet`, RELOAD);
  }
  if (grant !== undefined) return ok(`${usbId}: ${grant} (${result.decidedBy})`);
  if (attached.length > 0 && refused === undefined) return ok(`${usbId}: ${attached[0]!.node} is open to you`);
  if (groups.configured.includes(result.group) && (result.mode & 0o060) === 0o060) {
    return missing(`you joined ${result.group} after you logged in`, `newgrp ${result.group}`);
  }
  if (result.group !== 'root' && (result.mode & 0o060) === 0o060) {
    return missing(
      `${usbId} belongs to ${result.group} (${result.decidedBy}), which ${system.user} is not in`,
      ...joinGroups(system, [result.group]),
    );
  }
  const detail = `no rule lets ${system.user} use ${usbId}: mspdebug will say "Permission denied"`;
  const remedy = writeRules();
  // Few have the newer board, and no other needs its rule.
  const isNeeded = board === launchPad || attached.length > 0;
  return isNeeded ? missing(detail, ...remedy) : warning(detail, ...remedy);
}

/** The first command lasts, the second serves a terminal that is open already. */
function joinGroups({ user }: System, groups: readonly string[]): string[] {
  return [`sudo usermod -aG ${groups.join(',')} ${user}`, `newgrp ${groups[0]}`];
}

async function firstRefused(system: System, devices: readonly UsbDevice[]): Promise<UsbDevice | undefined> {
  for (const device of devices) {
    if ((await system.mayReadAndWrite(device.node)) === false) return device;
  }
  return undefined;
}

/** Why a user of these groups may use the device; `undefined` when not. */
function grantOf({ mode, group, uaccess }: UdevResult, groups: readonly string[]): string | undefined {
  if ((mode & 0o006) === 0o006) return 'open to everyone';
  if ((mode & 0o060) === 0o060 && groups.includes(group)) return `open to ${group}, which you are in`;
  return uaccess ? 'open to who is logged in at this machine' : undefined;
}

interface Groups {
  /** Of this process. */
  readonly now: readonly string[];
  /** Of the next login. */
  readonly configured: readonly string[];
}

async function groupsOf(system: System): Promise<Groups> {
  const names = async (...args: string[]) =>
    ((await system.run('id', ['-Gn', ...args]))?.stdout ?? '').split(/\s+/).filter((name) => name !== '');
  return { now: await names(), configured: await names(system.user) };
}

/** A rule that names the LaunchPad by ATTRS alone, as Debian's mspdebug brings one, takes its serial port out of dialout. */
async function checkGroup(system: System): Promise<Finding> {
  if (system.uid === 0) return ok('you are root, who needs none');
  const rules = await readRules(system);
  const groups = await groupsOf(system);
  const others = { vendorId: '0403', productId: '6001', name: 'any USB adapter' };
  const results = [launchPad, ezFet, others].map((board) => ({
    board,
    result: rules.length === 0 ? debianDefault : applyRules(rules, serialPort(board)),
  }));
  const closed = results.filter(({ result }) => grantOf(result, groups.now) === undefined);
  if (closed.length === 0) {
    return ok([...new Set(results.map(({ result }) => grantOf(result, groups.now)!))].join('; '));
  }
  const wanted = [...new Set(closed.map(({ result }) => result.group))].filter((group) => group !== 'root');
  const detail = closed
    .map(({ board, result }) => `the port of a ${board.name} belongs to ${result.group}`)
    .join('; ')
    .replace('of a any', 'of any');
  if (wanted.length === 0) return missing(`${detail}, and only root may open it`, ...writeRules());
  if (wanted.every((group) => groups.configured.includes(group))) {
    return missing(`${detail}; you joined it after you logged in`, `newgrp ${wanted[0]}`);
  }
  return missing(`${detail}, which ${system.user} is not in`, ...joinGroups(system, wanted));
}

const debianDefault: UdevResult = {
  group: 'dialout',
  mode: 0o660,
  uaccess: false,
  env: new Map(),
  decidedBy: undefined,
};

async function checkDriver(system: System): Promise<Finding> {
  const release = (await system.run('uname', ['-r']))?.stdout.trim() ?? '';
  if ((await system.list('/sys/module')).includes('cdc_acm')) return ok('loaded');
  if ((await system.list('/sys/bus/usb/drivers')).includes('cdc_acm')) return ok('built into the kernel');
  const blacklist = await blacklisting(system);
  if (blacklist !== undefined) {
    return missing(
      `${blacklist} keeps it from being loaded`,
      `sudo sed -i '/cdc_acm/s/^/#/' ${blacklist}`,
      'sudo modprobe cdc_acm',
    );
  }
  const known = [
    await system.readText(`/lib/modules/${release}/modules.dep`),
    await system.readText(`/lib/modules/${release}/modules.builtin`),
  ].some((text) => text?.includes('/cdc-acm.ko'));
  if (known) return ok('there; it is loaded when a LaunchPad is plugged in');
  return missing(
    `kernel ${release} has none, as those of clouds and virtual machines: a LaunchPad gets no serial port`,
    ...(await kernelWithDriver(system)),
  );
}

async function blacklisting(system: System): Promise<string | undefined> {
  for (const folder of ['/etc/modprobe.d', '/lib/modprobe.d']) {
    for (const name of await system.list(folder)) {
      const text = (await system.readText(`${folder}/${name}`)) ?? '';
      if (/^\s*(blacklist\s+cdc[_-]acm\b|install\s+cdc[_-]acm\s+\/bin\/(false|true))/m.test(text)) {
        return `${folder}/${name}`;
      }
    }
  }
  return undefined;
}

async function kernelWithDriver(system: System): Promise<string[]> {
  const release = (await system.readText('/etc/os-release')) ?? '';
  if (/^ID=ubuntu$/m.test(release)) return ['sudo apt-get install linux-modules-extra-$(uname -r)'];
  return ['sudo apt-get install linux-image-$(dpkg --print-architecture)', 'sudo reboot'];
}

async function checkLaunchPads(system: System): Promise<Finding> {
  const boards = (await knownUsbDevices(system)).filter(({ board }) => board.name.includes('LaunchPad'));
  if (boards.length === 0) return skipped('none is plugged in (lsusb would show 0451:f432 or 2047:0013)');
  const names = boards.map(({ usbId, serialNumber }) => `${usbId} ${serialNumber ?? 'without serial number'}`);
  const settling = boards.find(({ usbId, connectedMs }) => usbId === '0451:f432' && (connectedMs ?? 1e9) < SETTLING_MS);
  if (settling !== undefined) {
    return warning(
      `${settling.usbId} was plugged in a moment ago: it is ready when the kernel gave up its HID half, after 10 s`,
      'sleep 12; earl doctor --for flash',
    );
  }
  const mute = boards.find(({ ttys }) => ttys.length === 0);
  if (mute !== undefined) {
    return missing(`${mute.usbId} is on USB but has no serial port`, 'sudo modprobe cdc_acm', 'earl devices');
  }
  const trap = boards.some(({ usbId }) => usbId === '0451:f432')
    ? '; if its port gives I/O errors, plug it out and in: firmware that sends while nobody reads can hang its USB side'
    : '';
  return ok(`${names.join(', ')}${trap}`);
}

async function checkModemManager(system: System): Promise<Finding> {
  const pid = (await runningPrograms(system)).get('ModemManager');
  if (pid === undefined) return ok('not running');
  const rules = await readRules(system);
  const probed = [launchPad, ezFet].filter((board) => {
    const env = applyRules(rules, usbNode(board)).env;
    return env.get('ID_MM_DEVICE_IGNORE') !== '1';
  });
  if (probed.length === 0) return ok(`runs (process ${pid}), and is told to leave LaunchPads alone`);
  return warning(
    `runs (process ${pid}) and may open the port of a ${probed.map(({ name }) => name).join(' or ')} that was just ` +
      'plugged in, to look for a modem: the port is busy for some seconds, and the probe hears "AT"',
    ...writeRules(),
    'sudo systemctl restart ModemManager',
  );
}
