/**
 * Probes over the air, in processes of their own: `earl air`, `earl emulate --ble`, `earl gateway --ble`; the cloud, where
 * a dashboard would look, is in this one.
 */

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, onTestFailed, vi } from 'vitest';
import { startCloud } from '../../cloud/server/index.ts';
import { bundleEarl, EarlProcess } from './earl-process.ts';
import { boardImage } from './images.ts';
import { Watcher } from './watcher.ts';

vi.setConfig({ testTimeout: 60_000 });

let folder: string;
let earl: { file: string; remove: () => void };
const closers: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'earl-bridge-'));
  vi.stubEnv('EARL_STATE', folder);
  vi.stubEnv('XDG_RUNTIME_DIR', folder);
  earl = await bundleEarl();
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

afterAll(() => {
  vi.unstubAllEnvs();
  earl.remove();
  rmSync(folder, { recursive: true });
});

function run(...args: string[]): EarlProcess {
  const process = new EarlProcess(earl.file, args);
  closers.push(() => process.stop());
  onTestFailed(() => console.log(`earl ${args.join(' ')} said:\n${process.text}`));
  return process;
}

/** An air, a cloud with somebody who watches, and a gateway for whatever turns up on the air. */
async function startRoad() {
  const air = run('air', '--port', '0', '--json');
  const { url } = await air.line(({ event }) => event === 'listening');
  const cloud = await startCloud({ port: 0 });
  closers.push(() => cloud.close());
  const watcher = await Watcher.open(cloud.url.replace(/^http/, 'ws'), 'e2e');
  closers.push(() => watcher.close());
  const adapter = String(url);
  const gateway = run('gateway', '--ble', '--adapter', adapter, '--cloud', watcher.url, '--site', 'e2e', '--json');
  return { adapter, watcher, gateway };
}

function emulate(kind: string, id: string, ...args: string[]): EarlProcess {
  return run('emulate', boardImage(kind), '--ble', '--id', id, ...args);
}

it('brings an emulated probe over the air to the cloud and commands back, loses it and finds it again', async () => {
  const { adapter, watcher } = await startRoad();
  const id = '02c0ffee00000b1e';
  const board = emulate('arm', id, '--adapter', adapter);
  const online = await watcher.status('arm', (status) => status.online === true);
  expect(online).toMatchObject({ id, transport: expect.stringMatching(/^ble:/) });
  const samples = await watcher.samples(`e2e/${id}`, 4);
  expect(samples[0]!.map(({ n }) => n)).toEqual(['x', 'y', 'z']);
  expect((await watcher.client.command(`e2e/${id}`, { name: 'ping' })).status).toBe('ok');
  expect(readdirSync(join(folder, 'probes'))).toContain(`${id}.json`);

  const from = watcher.seen.length;
  expect(await board.stop()).toBe(0);
  expect(board.text).toMatch(/Earl00000b1e: 1 connections, \d{2,} bytes out/);
  await watcher.status('arm', (status) => status.online === false, from);
  emulate('arm', id, '--adapter', adapter);
  await watcher.status('arm', (status) => status.online === true, watcher.seen.length - 1);
  await watcher.samples(`e2e/${id}`, 2);
});

it('meets the other modules too', async () => {
  const { adapter, watcher } = await startRoad();
  emulate('light', '02c0ffee00000010', '--adapter', adapter, '--bridge', 'hm10');
  emulate('ball', '02c0ffee00004870', '--adapter', adapter, '--bridge', 'rn487x');
  await Promise.all([watcher.samples('e2e/02c0ffee00000010', 2, 0), watcher.samples('e2e/02c0ffee00004870', 2, 0)]);
  const command = { name: 'set_color', leds: 3, red: 255, green: 119, blue: 0, effect: 0 };
  const times = { fadeOnMs: 0, onMs: 0, fadeOffMs: 0, offMs: 0 };
  const result = await watcher.client.command('e2e/02c0ffee00004870', { ...command, ...times });
  expect([result.status, result.data.slice(0, 3)]).toEqual(['ok', [15, 7, 0]]);
});

it('carries a fleet, and says what limits it', async () => {
  const { adapter, watcher } = await startRoad();
  const image = boardImage('light');
  const fleet = run('fleet', '--ble', '--count', '3', '--image', image, '--adapter', adapter, '--json');
  const sampled = () => new Set(watcher.seen.map(({ topic }) => topic).filter((topic) => topic.endsWith('/samples')));
  await watcher.next(() => sampled().size === 3, 0, 30_000);
  expect(await fleet.stop('SIGINT')).toBe(0);
  expect(fleet.lines.at(-1)).toMatchObject({ count: 3, most_connected: 3, lost_to_air: 0, limit: expect.any(String) });
});

it('ends and says why when its air is gone', async () => {
  const air = run('air', '--port', '0', '--json');
  const { url } = await air.line(({ event }) => event === 'listening');
  const board = emulate('arm', '02c0ffee0000a112', '--adapter', String(url), '--json', '--trace', 'uart');
  await air.line(({ event }) => event === 'joined');
  await board.line(({ dir }) => dir === 'tx');
  await air.stop();
  expect(await board.exit()).toBe(1);
  expect(board.text).toMatch(/earl: .*air:127\.0\.0\.1/);
});

it.each([
  [['arm', '--ble', '--bridge', 'hc05'], /no module: nus, rn487x, hm10/],
  [['arm', '--bridge', 'nus'], /go with --ble/],
  [['arm', '--ble', '--tcp', '0'], /give one of/],
  [['arm', '--ble', '--speed', 'max'], /real time/],
  [['arm', '--ble', '--adapter', 'usb1'], /adapter/],
  [['arm', '--ble', '--key', 'secret'], /key/],
])('earl emulate %j says what is wrong', async (args, message) => {
  const process = run('emulate', ...args);
  expect(await process.exit()).toBe(2);
  expect(process.text).toMatch(message);
});
