/**
 * What goes wrong in the world: a probe is switched off, bytes are damaged, the cloud restarts. Everything runs as it
 * does for users, as processes of their own: `earl cloud`, `earl emulate` with the released firmware, `earl gateway`.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { freePort } from '../../cloud/workers/free-port.ts';
import { bundleEarl, EarlProcess } from './earl-process.ts';
import { boardImage } from './images.ts';
import { NoisyLine } from './noisy-line.ts';
import { type JsonObject, type Seen, Watcher } from './watcher.ts';

vi.setConfig({ testTimeout: 60_000 });

const SITE = 'e2e';

let bundle: Awaited<ReturnType<typeof bundleEarl>>;
let folder: string;
const closers: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  bundle = await bundleEarl();
  folder = mkdtempSync(join(tmpdir(), 'earl-e2e-'));
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

afterAll(() => {
  bundle.remove();
  rmSync(folder, { recursive: true, force: true });
});

function earl(...args: string[]): EarlProcess {
  const process = new EarlProcess(bundle.file, args);
  closers.push(() => process.stop('SIGKILL'));
  return process;
}

async function startCloudProcess(port: number): Promise<EarlProcess> {
  const cloud = earl('cloud', '--port', `${port}`, '--json');
  await cloud.line(({ event }) => event === 'listening');
  return cloud;
}

async function watch(port: number): Promise<Watcher> {
  const watcher = await Watcher.open(`ws://127.0.0.1:${port}`, SITE);
  closers.push(() => watcher.close());
  return watcher;
}

function gateway(port: number, ...args: string[]): EarlProcess {
  return earl('gateway', '--cloud', `ws://127.0.0.1:${port}`, '--site', SITE, '--counters', '1s', '--json', ...args);
}

const pathOf = (status: JsonObject) => `${SITE}/${status.id}`;

test('a probe on a pseudo-terminal is switched off, and comes back as itself', async () => {
  const port = await freePort();
  const pty = join(folder, 'light');
  await startCloudProcess(port);
  const watcher = await watch(port);
  const relay = gateway(port, '--serial', pty);
  const board = earl('emulate', boardImage('light'), '--pty', pty);
  const birth = await watcher.status('light', ({ online }) => online === true);
  await watcher.samples(pathOf(birth), 3);

  let from = watcher.seen.length;
  await board.stop('SIGKILL');
  const death = await watcher.status('light', ({ online }) => online === false, from);
  expect(death.reason).toEqual(expect.any(String));
  expect(await watcher.client.command(pathOf(birth), { name: 'ping' })).toMatchObject({ status: 'unreachable' });

  from = watcher.seen.length;
  earl('emulate', boardImage('light'), '--pty', pty);
  const rebirth = await watcher.status('light', ({ online }) => online === true, from);
  expect(rebirth.id).toBe(birth.id);
  await watcher.samples(pathOf(birth), 3);
  expect(await watcher.client.command(pathOf(birth), { name: 'ping' })).toMatchObject({ status: 'ok' });
  expect(relay.running).toBe(true);
  expect(await relay.stop('SIGTERM')).toBe(0);
});

test('with 1 % of the bytes damaged, losses are counted and no command is executed twice', async () => {
  const seed = Date.now() % 1_000_000;
  console.log(`noise seed ${seed}`);
  const [port, boardPort] = [await freePort(), await freePort()];
  await startCloudProcess(port);
  const watcher = await watch(port);
  earl('emulate', boardImage('ball'), '--tcp', `${boardPort}`);
  const line = await NoisyLine.open({ targetPort: boardPort, noise: 0.01, seed });
  closers.push(() => line.close());
  const relay = gateway(port, '--tcp', `127.0.0.1:${line.port}`);
  const path = pathOf(await watcher.status('ball', ({ online }) => online === true));

  const run = (command: JsonObject & { name: string }) => watcher.client.command(path, command, 20_000);
  expect(await run({ name: 'set_interval', intervalMs: 100 })).toMatchObject({ status: 'ok' });
  expect(await run({ name: 'set_brightness', source: 0, level: 0 })).toMatchObject({ status: 'ok' });
  const levels: number[][] = [];
  for (let step = 0; step < 12; step++) {
    const result = await run({ name: 'step_brightness', source: 0, step: 1 });
    expect(result.status).toBe('ok');
    levels.push(result.data);
  }
  // Each step raised the level by one: a command that ran twice, or a lost one called ok, would break the row.
  expect(levels).toEqual(Array.from({ length: 12 }, (_, step) => [step + 1]));

  const counted = await watcher.next(({ topic, data }: Seen) => {
    if (topic !== `${path}/counters`) return false;
    const { lost, crcErrors, frameErrors } = (data as JsonObject).link as { [name: string]: number };
    return lost! > 0 && crcErrors! + frameErrors! > 0;
  }, 0);
  expect(counted.data).toMatchObject({ link: { received: expect.any(Number) } });
  expect(line.damaged).toBeGreaterThan(0);
  line.cut();
  await watcher.status('ball', ({ online }) => online === true, watcher.seen.length);
  expect(relay.running).toBe(true);
});

test('the cloud is killed and restarted: the road comes back by itself', async () => {
  const port = await freePort();
  const pty = join(folder, 'arm');
  const cloud = await startCloudProcess(port);
  const watcher = await watch(port);
  const board = earl('emulate', boardImage('arm'), '--pty', pty);
  const relay = gateway(port, '--serial', pty);
  const path = pathOf(await watcher.status('arm', ({ online }) => online === true));
  await watcher.samples(path, 3);

  await cloud.stop('SIGKILL');
  await relay.line(({ event }) => event === 'cloud-disconnected');
  const from = watcher.seen.length;
  await startCloudProcess(port);
  await watcher.status('arm', ({ online }) => online === true, from); // published again: the new cloud knew nothing
  await watcher.samples(path, 5, from);
  const result = await watcher.client.command(path, { name: 'vibrate', duty: 50, durationMs: 100 });
  expect(result).toMatchObject({ status: 'ok' });
  expect([board.running, relay.running]).toEqual([true, true]);
});
