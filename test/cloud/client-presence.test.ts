/** Who is here, by the SDK: asked once, followed, and across a reconnect. */
import { afterEach, expect, it, vi } from 'vitest';
import { type CloudClient, type CloudClientOptions, connect, type Presence } from '../../cloud/client/index.node.ts';
import { cloudsForTests } from './raw-client.ts';

const start = cloudsForTests();
const clients: CloudClient[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});

async function join(url: string, options: Partial<CloudClientOptions> = {}): Promise<CloudClient> {
  const client = connect({ url, backoffMs: { first: 5, longest: 40 }, ...options });
  clients.push(client);
  await vi.waitFor(() => expect(client.connected).toBe(true));
  return client;
}

const names = ({ clients: present }: Presence) => present.map(({ name }) => name).sort();

it('tells who is at a place, and follows who comes, moves and goes', async () => {
  const { url } = await start();
  const watcher = await join(url);
  const seen: string[][] = [];
  const stop = await watcher.onPresence('home/#', (presence) => seen.push(names(presence)));
  expect(seen).toEqual([[]]);
  const page = await join(url, { client: { name: 'page', kind: 'page' } });
  await page.here(['home/ball'], { looksAt: 'ball' });
  const gateway = await join(url, { client: { name: 'gateway' } });
  await gateway.serve(['home/ball'], async () => ({ status: 'ok', data: [] }));
  await vi.waitFor(() => expect(seen.at(-1)).toEqual(['gateway', 'page']));
  const { clients: present, truncated } = await watcher.presence('home/+');
  expect(truncated).toBe(false);
  expect(present.find(({ name }) => name === 'page')).toMatchObject({ at: ['home/ball'], info: { looksAt: 'ball' } });
  await page.here(['work']);
  await vi.waitFor(() => expect(seen.at(-1)).toEqual(['gateway']));
  await gateway.close();
  await vi.waitFor(() => expect(seen.at(-1)).toEqual([]));
  stop();
  const count = seen.length;
  await page.here(['home']);
  await watcher.ping();
  expect(seen).toHaveLength(count);
});

it('after a reconnect says again where it is, and hears who is there', async () => {
  const first = await start();
  const watcher = await join(first.url);
  const seen: string[][] = [];
  await watcher.onPresence('home', (presence) => seen.push(names(presence)));
  const page = await join(first.url, { client: { name: 'page' } });
  await page.here(['home']);
  await vi.waitFor(() => expect(seen.at(-1)).toEqual(['page']));
  const count = seen.length;
  await first.close();
  await start({ port: first.port });
  await vi.waitFor(() => expect(seen.length).toBeGreaterThan(count));
  await vi.waitFor(() => expect(seen.at(-1)).toEqual(['page']));
});

it('needs a description of the client, and filters that can be', async () => {
  const { url } = await start();
  const nobody = await join(url);
  await expect(nobody.here(['home'])).rejects.toMatchObject({
    code: 'CLOUD_REFUSED',
    message: expect.stringMatching(/needs a "client"/),
  });
  await expect(nobody.presence('a//b')).rejects.toMatchObject({ code: 'CLOUD_BAD_FILTER' });
  await expect(nobody.onPresence('$x', () => {})).rejects.toMatchObject({ code: 'CLOUD_BAD_FILTER' });
});
