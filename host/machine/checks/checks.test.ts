/** Each check against machines made of literal files and program outputs, and all of them on this one. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Script, scriptedSystem, usbDevice } from '../../../test/machine/scripted-system.ts';
import { type CheckResult, isReady, purposes, runChecks } from '../check.ts';
import { realSystem } from '../system.ts';
import { checks } from './index.ts';

async function check(id: string, script: Script): Promise<CheckResult> {
  const found = checks.filter((candidate) => candidate.id === id);
  expect(found).toHaveLength(1);
  const [result] = await runChecks(found, scriptedSystem(script));
  return result!;
}

/** The rules of Debian 12 that matter here. */
const debianRules = `
SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device", MODE="0664"
KERNEL=="tty[A-Z]*[0-9]|ttymxc[0-9]*|pppox[0-9]*", GROUP="dialout"
`;
const debian = { '/lib/udev/rules.d/50-udev-default.rules': debianRules };
const mspdebugRules = {
  '/lib/udev/rules.d/92-mspdebug.rules':
    '# TI LaunchPad board\nATTRS{idVendor}=="0451", ATTRS{idProduct}=="f432", MODE="0660", GROUP="plugdev"\n',
};
const inGroups = (now: string, configured = now) => ({ 'id -Gn': `${now}\n`, 'id -Gn ada': `${configured}\n` });

describe('node', () => {
  const files = { '/earl/package.json': '{"engines":{"node":">=20.19 <26"}}' };
  it.each([
    ['20.19.0', 'ok'],
    ['25.9.1', 'ok'],
    ['20.18.9', 'missing'],
    ['18.20.0', 'missing'],
    ['26.3.0', 'missing'],
  ])('%s is %s', async (nodeVersion, state) => {
    const result = await check('node', { nodeVersion, files });
    expect(result.state).toBe(state);
    if (state === 'missing') expect(result.remedy).toEqual(['nvm install 24', 'nvm use 24']);
  });
});

describe('images', () => {
  const sha256 = createHash('sha256').update(':00000001FF\n').digest('hex');
  const manifest = JSON.stringify({ firmwareVersion: '0.1.0', images: { ball: { file: 'ball.hex', sha256 } } });
  const files = { '/earl/firmware/dist/manifest.json': manifest, '/earl/firmware/dist/ball.hex': ':00000001FF\n' };

  it('intact', async () => {
    expect(await check('images', { files })).toMatchObject({ state: 'ok', detail: 'ball, firmware 0.1.0' });
  });
  it('changed: restored from git in a clone', async () => {
    const damaged = { ...files, '/earl/firmware/dist/ball.hex': ':00000001FE\n', '/earl/.git/HEAD': '' };
    const result = await check('images', { files: damaged });
    expect(result).toMatchObject({ state: 'missing', remedy: ['git -C /earl checkout -- firmware/dist'] });
    expect(result.detail).toContain('ball.hex is not the file of the manifest');
  });
  it('gone, or without a readable manifest: installed again', async () => {
    for (const broken of [
      { '/earl/firmware/dist/manifest.json': manifest },
      {},
      { '/earl/firmware/dist/manifest.json': '{' },
    ] as Record<string, string>[]) {
      const result = await check('images', { files: broken });
      expect(result).toMatchObject({ state: 'missing', remedy: ['npm install earl-toolkit'] });
    }
  });
});

it('a busy port 8080 is named, and is no obstacle', async () => {
  const programs = { 'ss -Hltnp sport = :8080': 'LISTEN 0 511 *:8080 *:* users:(("tomcat",pid=4711,fd=18))\n' };
  expect(await check('port-8080', { busyPorts: [8080], programs })).toMatchObject({
    state: 'warning',
    detail: expect.stringContaining('tomcat (process 4711)'),
    remedy: ['earl up --port 8081'],
  });
  expect(await check('port-8080', {})).toMatchObject({ state: 'ok' });
});

describe('the udev rule of the LaunchPad', () => {
  it('missing: the remedy is a rule that this very check accepts', async () => {
    const programs = inGroups('ada dialout');
    const result = await check('udev-0451-f432', { files: debian, programs });
    expect(result.state).toBe('missing');
    const [write, reload] = result.remedy!;
    expect(reload).toContain('udevadm control --reload');
    const [, lines, path] = /^printf '%s\\n' (.*) \| sudo tee (.*)$/.exec(write!)!;
    const rules = [...lines!.matchAll(/'([^']*)'/g)].map((match) => match[1]).join('\n');
    const files = { ...debian, [path!]: rules };
    expect(await check('udev-0451-f432', { files, programs })).toMatchObject({
      state: 'ok',
      detail: expect.stringContaining('60-earl.rules'),
    });
    const daemon = { ...files, '/proc/9/comm': 'ModemManager\n' };
    expect((await check('modemmanager', { files: daemon, programs })).state).toBe('ok');
  });
  it("Debian's rule lets plugdev in, and nobody else", async () => {
    const files = { ...debian, ...mspdebugRules };
    expect((await check('udev-0451-f432', { files, programs: inGroups('ada plugdev') })).state).toBe('ok');
    expect(await check('udev-0451-f432', { files, programs: inGroups('ada') })).toMatchObject({
      state: 'missing',
      remedy: ['sudo usermod -aG plugdev ada', 'newgrp plugdev'],
    });
    const later = await check('udev-0451-f432', { files, programs: inGroups('ada', 'ada plugdev') });
    expect(later).toMatchObject({ state: 'missing', remedy: ['newgrp plugdev'] });
  });
  it('a rule that came after the board was plugged in', async () => {
    const files = { ...debian, ...mspdebugRules, ...usbDevice('1-2', '0451:f432', { tty: 'ttyACM0' }) };
    const programs = inGroups('ada plugdev');
    const refused = await check('udev-0451-f432', { files, programs, access: { '/dev/bus/usb/001/007': false } });
    expect(refused).toMatchObject({ state: 'missing', remedy: [expect.stringContaining('udevadm trigger')] });
    const open = await check('udev-0451-f432', { files, programs, access: { '/dev/bus/usb/001/007': true } });
    expect(open.state).toBe('ok');
  });
  it('for a board that few have it is a warning, until one is attached', async () => {
    const programs = inGroups('ada');
    expect((await check('udev-2047-0013', { files: debian, programs })).state).toBe('warning');
    const files = { ...debian, ...usbDevice('1-2', '2047:0013') };
    const access = { '/dev/bus/usb/001/007': false };
    expect((await check('udev-2047-0013', { files, programs, access })).state).toBe('missing');
  });
  it('root needs none, and elsewhere there is none', async () => {
    expect((await check('udev-0451-f432', { uid: 0 })).state).toBe('ok');
    expect((await check('udev-0451-f432', { platform: 'darwin' })).state).toBe('skipped');
  });
});

describe('the group of serial ports', () => {
  it('dialout', async () => {
    expect((await check('serial-group', { files: debian, programs: inGroups('ada dialout') })).state).toBe('ok');
    expect(await check('serial-group', { files: debian, programs: inGroups('ada') })).toMatchObject({
      state: 'missing',
      remedy: ['sudo usermod -aG dialout ada', 'newgrp dialout'],
    });
    const later = await check('serial-group', { files: debian, programs: inGroups('ada', 'ada dialout') });
    expect(later.remedy).toEqual(['newgrp dialout']);
  });
  it("Debian's rule for mspdebug takes the LaunchPad's port out of dialout", async () => {
    const files = { ...debian, ...mspdebugRules };
    const result = await check('serial-group', { files, programs: inGroups('ada dialout') });
    expect(result).toMatchObject({ state: 'missing', remedy: ['sudo usermod -aG plugdev ada', 'newgrp plugdev'] });
    expect((await check('serial-group', { files, programs: inGroups('ada dialout plugdev') })).state).toBe('ok');
  });
});

describe('cdc_acm', () => {
  const programs = { 'uname -r': '6.1.0-13-amd64\n' };
  it.each([
    ['loaded', { '/sys/module/cdc_acm/refcnt': '0' }, 'ok'],
    ['loadable', { '/lib/modules/6.1.0-13-amd64/modules.dep': 'kernel/drivers/usb/class/cdc-acm.ko:\n' }, 'ok'],
    ['of another kernel', { '/lib/modules/6.1.0-9-amd64/modules.dep': 'kernel/x/cdc-acm.ko:\n' }, 'missing'],
    ['nowhere', {}, 'missing'],
  ] as [string, Record<string, string>, string][])('%s', async (_, files, state) => {
    expect((await check('cdc-acm', { files, programs })).state).toBe(state);
  });
  it('blacklisted: says by which file', async () => {
    const files = { '/etc/modprobe.d/my.conf': '# modems\nblacklist cdc_acm\n' };
    const result = await check('cdc-acm', { files, programs });
    expect(result).toMatchObject({ state: 'missing', detail: expect.stringContaining('/etc/modprobe.d/my.conf') });
    expect(result.remedy).toContain('sudo modprobe cdc_acm');
  });
});

describe('LaunchPads on USB', () => {
  it.each([
    ['none', {}, 'skipped', 'none is plugged in'],
    ['with a port', usbDevice('1-2', '0451:f432', { tty: 'ttyACM0', connectedMs: 60_000 }), 'ok', 'hang its USB side'],
    ['just plugged in', usbDevice('1-2', '0451:f432', { tty: 'ttyACM0', connectedMs: 900 }), 'warning', '10 s'],
    ['without a port', usbDevice('1-2', '0451:f432', { connectedMs: 60_000 }), 'missing', 'no serial port'],
    ['an eZ-FET', usbDevice('1-2', '2047:0013', { tty: 'ttyACM0', connectedMs: 900 }), 'ok', '2047:0013'],
  ] as [string, Record<string, string>, string, string][])('%s', async (_, files, state, detail) => {
    expect(await check('launchpad', { files })).toMatchObject({ state, detail: expect.stringContaining(detail) });
  });
});

describe('ModemManager', () => {
  const daemon = { '/proc/812/comm': 'ModemManager\n' };
  it('warns while it may probe LaunchPads', async () => {
    expect((await check('modemmanager', { files: debian })).state).toBe('ok');
    expect(await check('modemmanager', { files: { ...debian, ...daemon } })).toMatchObject({
      state: 'warning',
      detail: expect.stringContaining('process 812'),
      remedy: expect.arrayContaining(['sudo systemctl restart ModemManager']),
    });
  });
  it('reads rules with GOTO as ModemManager writes them', async () => {
    const rules = `
ACTION!="add|change|move|bind", GOTO="mm_end"
SUBSYSTEM!="usb", GOTO="mm_end"
ENV{DEVTYPE}!="usb_device", GOTO="mm_end"
ATTRS{idVendor}=="0451", ATTRS{idProduct}=="f432", ENV{ID_MM_DEVICE_IGNORE}="1"
ATTRS{idVendor}=="2047", \\
  ATTRS{idProduct}=="0013", ENV{ID_MM_DEVICE_IGNORE}="1"
LABEL="mm_end"
`;
    const files = { ...daemon, '/lib/udev/rules.d/77-mm.rules': rules };
    expect((await check('modemmanager', { files })).state).toBe('ok');
    const hidden = { ...files, '/etc/udev/rules.d/77-mm.rules': '' };
    expect((await check('modemmanager', { files: hidden })).state).toBe('warning');
  });
});

describe('mspdebug', () => {
  const help = '    -q\n        Start quiet.\n    rf2500\n        eZ430.\n    sim\n    gdbc\n        GDB.\n    tilib\n';
  const banner = 'MSPDebug version 0.22 - debugging tool for MSP430 MCUs\n';
  it.each([
    [{ 'mspdebug --version': banner, 'mspdebug --help': help }, 'ok', '0.22, drivers rf2500, sim, gdbc, tilib'],
    [{ 'mspdebug --version': banner, 'mspdebug --help': '    rf2500\n    sim\n' }, 'missing', 'tilib, gdbc'],
    [{ 'mspdebug --version': '' }, 'missing', 'version'],
    [{}, 'missing', 'not on PATH'],
  ] as [Record<string, string>, string, string][])('%j', async (programs, state, detail) => {
    expect(await check('mspdebug', { programs })).toMatchObject({ state, detail: expect.stringContaining(detail) });
  });
});

describe('libmsp430', () => {
  const cached = '\tlibmsp430.so (libc6,x86-64) => /usr/local/lib/libmsp430.so\n';
  it('known to the loader, only copied, or absent', async () => {
    expect((await check('libmsp430', { programs: { '/sbin/ldconfig -p': cached } })).state).toBe('ok');
    const copied = await check('libmsp430', { files: { '/usr/local/lib/libmsp430.so': '' } });
    expect(copied).toMatchObject({ state: 'missing', remedy: ['sudo ldconfig'] });
    expect((await check('libmsp430', {})).state).toBe('warning');
    expect((await check('libmsp430', { files: usbDevice('1-2', '2047:0013') })).state).toBe('missing');
  });
});

describe("the firmware's compiler, in the order of its Makefile", () => {
  const gcc = 'msp430-elf-gcc (GCC) 12.2.0\nCopyright\n';
  const clang = {
    'clang --version': 'Debian clang version 14.0.6\n',
    'clang -print-targets': '  Registered Targets:\n    msp430     - MSP430 [experimental]\n',
  };
  const lld = { 'ld.lld-15 --version': 'Debian LLD 15.0.7 (compatible with GNU linkers)\n' };
  const cached = { '/home/ada/.cache/earl/msp430-elf-gcc/bin/msp430-elf-gcc --version': gcc };
  it.each([
    [{ 'msp430-elf-gcc --version': gcc, ...clang, ...lld }, 'ok', '(/usr/bin/msp430-elf-gcc)'],
    [{ ...cached, ...clang, ...lld }, 'ok', '/home/ada/.cache/earl'],
    [{ ...clang, ...lld }, 'ok', 'clang 14.0.6 with LLD 15.0.7'],
    [clang, 'missing', 'ld.lld is not'],
    [{ ...clang, 'clang -print-targets': '    x86-64\n', ...lld }, 'missing', 'clang is not'],
    [{ ...clang, 'clang --version': 'clang version 13.0.1\n', ...lld }, 'missing', 'clang is not'],
    [{}, 'missing', 'there is none'],
  ] as [Record<string, string>, string, string][])('%#', async (programs, state, detail) => {
    expect(await check('msp430-compiler', { programs })).toMatchObject({
      state,
      detail: expect.stringContaining(detail),
    });
  });
});

it('programs of the tests: any of their names will do', async () => {
  expect(await check('chromium', { programs: { 'google-chrome': '' } })).toMatchObject({ state: 'ok' });
  expect(await check('socat', {})).toMatchObject({ state: 'missing', remedy: ['sudo apt-get install socat'] });
});

describe('Bluetooth', () => {
  const adapter = { '/sys/class/bluetooth/hci0/address': '' };
  const rfkill = (file: string) => ({
    ...adapter,
    '/sys/class/rfkill/rfkill0/type': 'wlan\n',
    '/sys/class/rfkill/rfkill0/soft': '1\n',
    '/sys/class/rfkill/rfkill1/type': 'bluetooth\n',
    [`/sys/class/rfkill/rfkill1/${file}`]: '1\n',
  });
  it('adapter', async () => {
    expect(await check('bluetooth-adapter', {})).toMatchObject({ state: 'missing', remedy: ['sudo modprobe btusb'] });
    expect(await check('bluetooth-adapter', { files: adapter })).toMatchObject({ state: 'ok', detail: 'hci0' });
    expect((await check('bluetooth-adapter', { files: rfkill('soft') })).remedy).toEqual([
      'sudo rfkill unblock bluetooth',
    ]);
    expect((await check('bluetooth-adapter', { files: rfkill('hard') })).detail).toContain('switch of the machine');
  });
  it('capability of the node that runs', async () => {
    const status = (effective: string) => ({ '/proc/self/status': `Name:\tnode\nCapEff:\t${effective}\n` });
    expect((await check('cap-net-raw', { files: status('0000000000002000') })).state).toBe('ok');
    expect(await check('cap-net-raw', { files: status('0000000000001000') })).toMatchObject({
      state: 'missing',
      remedy: ['sudo setcap cap_net_raw+eip /usr/bin/node'],
    });
    expect((await check('cap-net-raw', { files: status('0000000000000000'), uid: 0 })).detail).toContain('container');
  });
  it('bluetoothd', async () => {
    expect((await check('bluetoothd', {})).state).toBe('ok');
    expect(await check('bluetoothd', { files: { '/proc/77/comm': 'bluetoothd\n' } })).toMatchObject({
      state: 'warning',
      remedy: ['sudo systemctl stop bluetooth'],
    });
  });
});

it('whatever is missing comes with a command, and every purpose has a check', async () => {
  const results = await runChecks(checks, scriptedSystem());
  for (const { state, remedy } of results) if (state === 'missing') expect(remedy).not.toHaveLength(0);
  for (const purpose of purposes) {
    expect(checks.some(({ neededFor }) => neededFor.includes(purpose))).toBe(true);
    expect(isReady(results, purpose)).toBe(false);
  }
});

it('a check that fails is a finding, not an end', async () => {
  const failing = { ...scriptedSystem(), find: () => Promise.reject(new Error('no PATH')) };
  const results = await runChecks(checks, failing);
  expect(results).toHaveLength(checks.length);
  expect(results.find(({ id }) => id === 'mspdebug')?.detail).toContain('no PATH');
});

it('all of them come to a finding on this machine', async () => {
  const results = await runChecks(checks, realSystem(process.cwd()));
  expect(results.map(({ id }) => id)).toEqual(checks.map(({ id }) => id));
  for (const { state, detail } of results) {
    expect(['ok', 'warning', 'missing', 'skipped']).toContain(state);
    expect(detail).not.toContain('could not be checked');
  }
  expect(results.find(({ id }) => id === 'node')).toMatchObject({ state: 'ok', detail: process.versions.node });
});
