/**
 * A stranger on the air, in processes of their own: `earl air`, `earl emulate --ble` with one user's keys, `earl gateway
 * --ble` of another who does not have them, and `earl probes` that lets it in. The cloud is in this process.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, onTestFailed, test, vi } from 'vitest';
import { startCloud } from '../../cloud/server/index.ts';
import { bundleEarl, EarlProcess } from '../e2e/earl-process.ts';
import { boardImage } from '../e2e/images.ts';
import { Watcher } from '../e2e/watcher.ts';

vi.setConfig({ testTimeout: 60_000 });

const id = '02c0ffee0000beef';
let folder: string;
let bundle: { file: string; remove: () => void };
const closers: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'earl-quarantine-'));
  vi.stubEnv('XDG_RUNTIME_DIR', folder);
  bundle = await bundleEarl();
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
afterAll(() => {
  vi.unstubAllEnvs();
  bundle.remove();
  rmSync(folder, { recursive: true });
});

/** `earl` as a user who has a state of his own. */
function as(user: string, ...args: string[]): EarlProcess {
  vi.stubEnv('EARL_STATE', join(folder, user));
  const child = new EarlProcess(bundle.file, args);
  closers.push(() => child.stop());
  onTestFailed(() => console.log(`${user}: earl ${args.join(' ')} said:\n${child.text}`));
  return child;
}

test('a stranger is seen and not heard; accepted with its key it is relayed at once; refused it is out', async () => {
  const air = as('maker', 'air', '--port', '0', '--json');
  const adapter = String((await air.line(({ event }) => event === 'listening')).url);
  const cloud = await startCloud({ port: 0 });
  closers.push(() => cloud.close());
  const watcher = await Watcher.open(cloud.url.replace(/^http/, 'ws'), 'e2e');
  closers.push(() => watcher.close());
  const cloudUrl = watcher.url;
  const gateway = as('owner', 'gateway', '--ble', '--adapter', adapter, '--cloud', cloudUrl, '--site', 'e2e', '--json');
  as('maker', 'emulate', boardImage('arm'), '--ble', '--id', id, '--adapter', adapter);

  const status = await watcher.status('arm', ({ quarantined }) => quarantined === true);
  expect(status).toMatchObject({ id, online: true, remedy: `earl probes accept ${id} --key HEX` });
  expect((await watcher.client.command(`e2e/${id}`, { name: 'ping' })).status).toBe('quarantined');

  const refusedAccept = as('owner', 'probes', 'accept', id);
  expect(await refusedAccept.exit()).not.toBe(0);
  expect(refusedAccept.text).toContain('--without-key');
  const file = join(folder, 'moved.json');
  expect(await as('maker', 'probes', 'export', id, '--keys', '--out', file).exit()).toBe(0);
  const { key } = JSON.parse(readFileSync(file, 'utf8')).probes[0];
  // Samples were sent all the while: not one was relayed.
  expect(watcher.seen.filter(({ topic }) => !topic.endsWith('/status'))).toEqual([]);

  let from = watcher.seen.length;
  expect(await as('owner', 'probes', 'accept', id, '--key', key).exit()).toBe(0);
  await watcher.status('arm', ({ online, quarantined }) => online === true && quarantined === undefined, from);
  await watcher.samples(`e2e/${id}`, 3, from);
  expect((await watcher.client.command(`e2e/${id}`, { name: 'ping' })).status).toBe('ok');
  expect(gateway.text).not.toContain(key);
  expect(gateway.text).not.toContain('probe-offline'); // on the same connection

  from = watcher.seen.length;
  expect(await as('owner', 'probes', 'refuse', id, '--reason', 'lost').exit()).toBe(0);
  await watcher.status('arm', ({ quarantined }) => quarantined === true, from);
  const after = watcher.seen.length;
  expect((await watcher.client.command(`e2e/${id}`, { name: 'ping' })).status).toBe('quarantined');
  expect(watcher.seen.slice(after).filter(({ topic }) => topic.endsWith('/samples'))).toEqual([]);
});
