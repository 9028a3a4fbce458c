/** What `earl devices` and `earl doctor` print, and their exit codes, as processes on this machine. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { announceBoard, type CheckResult, checks, purposes } from '../machine/index.ts';
import { inventoryText } from './devices.ts';
import { parsePurposes, reportText } from './doctor.ts';

const runtime = mkdtempSync(join(tmpdir(), 'earl-runtime-'));
afterAll(() => rmSync(runtime, { recursive: true }));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function earl(...args: string[]): Promise<Ended> {
  const env = { ...process.env, XDG_RUNTIME_DIR: runtime };
  return new Promise((resolve) => {
    const words = ['tools/run.mjs', 'host/cli/main.ts', ...args];
    execFile(process.execPath, words, { env }, (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}

describe('earl devices', () => {
  it('--json lists the boards that other processes run, and ends with 0', async () => {
    const withdraw = announceBoard({ name: 'ball', url: 'tcp:127.0.0.1:4000' }, join(runtime, 'earl'));
    const { code, stdout } = await earl('devices', '--json');
    withdraw();
    expect(code).toBe(0);
    const found = JSON.parse(stdout) as Record<string, unknown[]>;
    expect(found.running).toEqual([{ name: 'ball', url: 'tcp:127.0.0.1:4000', pid: process.pid }]);
    expect(found.kinds).toEqual(expect.arrayContaining(['ball', 'arm', 'light', 'led_test']));
    expect(found.next).toContainEqual('listen to the emulated ball: earl monitor tcp:127.0.0.1:4000');
  });

  it('is a list for people', () => {
    const port = { path: '/dev/ttyACM0', url: 'serial:/dev/ttyACM0', heldBy: [{ pid: 12, program: 'minicom' }] };
    const text = inventoryText({
      launchPads: [{ name: 'MSP-EXP430G2 LaunchPad', usbId: '0451:f432', serialNumber: 'CFFF', ports: [port] }],
      adapters: [],
      otherPorts: [],
      running: [{ name: 'arm', url: 'serial:/tmp/tty', id: '0200000100000000', pid: 7 }],
      kinds: ['arm', 'ball'],
    });
    expect(text.split('\n\n').slice(0, 3)).toEqual([
      'LaunchPads\n  /dev/ttyACM0  MSP-EXP430G2 LaunchPad, 0451:f432, serial number CFFF  in use by minicom (process 12)',
      'Emulated boards\n  serial:/tmp/tty  arm, id 0200000100000000, process 7',
      'Kinds to emulate\n  emu:arm  emu:ball',
    ]);
    expect(text).toContain('earl monitor /dev/ttyACM0');
  });
});

describe('earl doctor', () => {
  it('--json: every check; 0 exactly when emulation and what was asked for are ready', async () => {
    const plain = await earl('doctor', '--json');
    const report = JSON.parse(plain.stdout) as { ready: Record<string, boolean>; checks: CheckResult[] };
    expect(report.checks.map(({ id }) => id)).toEqual(checks.map(({ id }) => id));
    expect(Object.keys(report.ready)).toEqual([...purposes]);
    expect(plain.code).toBe(report.ready.emulation ? 0 : 1);
    const asked = await earl('doctor', '--for', 'ble,serial');
    expect(asked.code).toBe(report.ready.ble && report.ready.serial ? 0 : 1);
    expect(asked.stdout).toContain(`Node.js: ${process.versions.node}`);
  });

  it('refuses a purpose that is none, with exit code 2', async () => {
    const { code, stderr } = await earl('doctor', '--for', 'flying');
    expect(code).toBe(2);
    expect(stderr).toContain('emulation, flash, serial, ble, dev');
    expect(parsePurposes('ble, dev', ['flash'])).toEqual(['flash', 'ble', 'dev']);
  });

  it('prints the command that mends what is missing', () => {
    const results: CheckResult[] = [
      { id: 'a', title: 'Alpha', neededFor: ['emulation'], state: 'ok', detail: 'fine' },
      { id: 'b', title: 'Beta', neededFor: ['flash'], state: 'missing', detail: 'gone', remedy: ['sudo mend beta'] },
    ];
    expect(reportText(results).split('\n')).toEqual([
      'ok       Alpha: fine',
      'MISSING  Beta: gone  [flash]',
      '             sudo mend beta',
      '',
      'emulation ready; flash 1 missing; serial ready; ble ready; dev ready',
    ]);
  });
});
