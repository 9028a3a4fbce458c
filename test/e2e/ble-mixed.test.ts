/**
 * One gateway, probes on a wire and over the air: `earl gateway --ble --serial PTY`, with `earl emulate` on both, and
 * `earl monitor ble:NAME` once the gateway has let go. Each is a process of its own, as users run them.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { startCloud } from '../../cloud/server/index.ts';
import { bundleEarl, EarlProcess } from './earl-process.ts';
import { boardImage } from './images.ts';
import { Watcher } from './watcher.ts';

vi.setConfig({ testTimeout: 60_000 });

let folder: string;
let bundle: Awaited<ReturnType<typeof bundleEarl>>;
const closers: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'earl-mixed-'));
  vi.stubEnv('EARL_STATE', folder);
  vi.stubEnv('XDG_RUNTIME_DIR', folder);
  bundle = await bundleEarl();
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

afterAll(() => {
  vi.unstubAllEnvs();
  bundle.remove();
  rmSync(folder, { recursive: true, force: true });
});

function earl(...args: string[]): EarlProcess {
  const process = new EarlProcess(bundle.file, args);
  closers.push(() => process.stop('SIGKILL'));
  return process;
}

test('a gateway serves a wire and the air at once, and a monitor listens to the air', async () => {
  const air = earl('air', '--port', '0', '--json');
  const adapter = String((await air.line(({ event }) => event === 'listening')).url);
  const cloud = await startCloud({ port: 0 });
  closers.push(() => cloud.close());
  const watcher = await Watcher.open(cloud.url.replace(/^http/, 'ws'), 'e2e');
  closers.push(() => watcher.close());

  const pty = join(folder, 'light');
  earl('emulate', boardImage('light'), '--pty', pty);
  earl('emulate', boardImage('arm'), '--ble', '--adapter', adapter, '--id', '02c0ffee0000a12b');
  const places = ['--ble', '--adapter', adapter, '--serial', pty];
  const gateway = earl('gateway', ...places, '--cloud', watcher.url, '--site', 'e2e', '--counters', '300ms', '--json');

  const wired = await watcher.status('light', ({ online }) => online === true);
  const aired = await watcher.status('arm', ({ online }) => online === true);
  expect(wired.transport).toBe(`serial:${pty}`);
  expect(aired).toMatchObject({ id: '02c0ffee0000a12b', transport: expect.stringMatching(/^ble:(..:){5}..$/) });
  for (const { id } of [wired, aired]) {
    await watcher.samples(`e2e/${id}`, 3);
    expect(await watcher.client.command(`e2e/${id}`, { name: 'ping' })).toMatchObject({ status: 'ok' });
  }
  const counters = await watcher.next(({ topic }) => topic === `e2e/${aired.id}/counters`);
  expect(counters.data).toMatchObject({ link: { rssiDbm: -50, lost: 0 } });

  expect(await gateway.stop('SIGTERM')).toBe(0);
  const monitor = earl('monitor', `ble:Earl0000a12b?adapter=${adapter}`, '--json');
  const sample = await monitor.line(({ name }) => name === 'arm_sample');
  expect(sample.fields).toMatchObject({ x: expect.any(Number) });
  expect(await monitor.stop('SIGTERM')).toBe(0);
});
