/**
 * A gateway that is killed cannot say that its probes are gone: the cloud says it, by the gateway's will, and the
 * gateway that comes after it says that they are back.
 */

import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { startCloud } from '../../cloud/server/index.ts';
import { bundleEarl, EarlProcess } from './earl-process.ts';
import { boardUrl } from './images.ts';
import { Watcher } from './watcher.ts';

vi.setConfig({ testTimeout: 60_000 });

const kinds = ['ball', 'light'] as const;
const closers: (() => Promise<unknown>)[] = [];
let bundle: Awaited<ReturnType<typeof bundleEarl>>;

beforeAll(async () => {
  bundle = await bundleEarl();
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
afterAll(() => bundle.remove());

test('after kill -9 of the gateway its probes are offline, for newcomers too, and online when it is back', async () => {
  const cloud = await startCloud({ port: 0 });
  closers.push(() => cloud.close());
  const url = cloud.url.replace(/^http/, 'ws');
  const startGateway = () => {
    const probes = kinds.flatMap((kind) => ['--probe', boardUrl(kind)]);
    const gateway = new EarlProcess(bundle.file, ['gateway', '--cloud', url, '--site', 'e2e', '--json', ...probes]);
    closers.push(() => gateway.stop('SIGKILL'));
    return gateway;
  };
  const watcher = await Watcher.open(url, 'e2e');
  closers.push(() => watcher.close());
  const everyStatus = (online: boolean, from: number) =>
    Promise.all(kinds.map((kind) => watcher.status(kind, (status) => status.online === online, from)));

  const killed = startGateway();
  const births = await everyStatus(true, 0);
  const before = watcher.seen.length;
  expect(await killed.stop('SIGKILL')).toBe('SIGKILL');
  const deaths = await everyStatus(false, before);
  for (const [index, death] of deaths.entries()) {
    expect(death).toEqual({ ...births[index], online: false, reason: 'the gateway is gone' });
  }
  const newcomer = await Watcher.open(url, 'e2e');
  closers.push(() => newcomer.close());
  for (const { id } of births) {
    const kept = await newcomer.next(({ topic }) => topic === `e2e/${id}/status`, 0);
    expect(kept).toMatchObject({ retained: true, data: { online: false } });
  }

  const after = watcher.seen.length;
  const second = startGateway();
  const again = await everyStatus(true, after);
  expect(again.map(({ id }) => id)).toEqual(births.map(({ id }) => id));
  const ended = watcher.seen.length;
  expect(await second.stop('SIGTERM')).toBe(0);
  for (const { reason } of await everyStatus(false, ended)) expect(reason).toBe('the gateway was stopped');
});
