/**
 * Commands through the cloud: to exactly one gateway, at most once, with an honest answer; over the in-process broker
 * over one that answers later, and over
 * the engines that servers share.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, LocalBroker } from '../../cloud/broker/index.ts';
import { NatsBroker } from '../../cloud/broker/nats.ts';
import { RedisBroker } from '../../cloud/broker/redis.ts';
import { Engine } from '../contract/engines.ts';
import { LateBroker } from '../contract/late-broker.ts';
import { cloudsForTests, RawClient } from './raw-client.ts';

const startCloud = cloudsForTests();
const ping = { name: 'ping' };
const ok = { status: 'ok', data: [1, 2], linkMs: 12.5 };

async function serving(cloud: Parameters<typeof RawClient.join>[0], ...probes: string[]): Promise<RawClient> {
  const gateway = await RawClient.join(cloud);
  expect(await gateway.ask({ op: 'serve', id: 1, probes })).toEqual({ op: 'ok', id: 1 });
  return gateway;
}

let redis: Engine;
let nats: Engine;
beforeAll(async () => {
  [redis, nats] = await Promise.all([Engine.redis('--appendfsync', 'no'), Engine.nats()]);
});
afterAll(() => Promise.all([redis.remove(), nats.remove()]));

const opened: Broker[] = [];
let clouds = 0;
async function over(connecting: Promise<Broker>): Promise<Broker> {
  const broker = await connecting;
  opened.push(broker);
  return broker;
}

const brokers: [name: string, create: () => Broker | Promise<Broker>][] = [
  ['the in-process broker', () => new LocalBroker()],
  ['a late broker', () => new LateBroker()],
  ['Redis', () => over(RedisBroker.connect({ url: redis.url, prefix: `commands${++clouds}` }))],
  ['NATS', () => over(NatsBroker.connect({ url: nats.url, prefix: `commands${++clouds}` }))],
];

describe.each(brokers)('command over %s', (_, createBroker) => {
  const start = async (options: Parameters<typeof startCloud>[0] = {}) =>
    startCloud({ broker: await createBroker(), ...options });
  afterEach(async () => {
    for (const broker of opened.splice(0)) await broker.close();
  });

  it('reaches the gateway and its result the sender, bytes as they were', async () => {
    const cloud = await start();
    const gateway = await serving(cloud, 'home/ball', 'home/arm');
    const client = await RawClient.join(cloud);
    const command = { name: 'write_registers', address: 69, register: 16, values: [0, 255] };
    client.say({ op: 'command', id: 7, probe: 'home/ball', command, timeoutMs: 1234 });
    const passed = await gateway.next();
    expect(passed).toEqual({ op: 'command', call: expect.any(String), probe: 'home/ball', command, timeoutMs: 1234 });
    gateway.say({ op: 'reply', call: passed.call!, result: ok });
    expect(await client.next()).toEqual({ op: 'reply', id: 7, result: ok });
  });

  it('goes to the newest gateway only, and back to the older one when that leaves', async () => {
    const cloud = await start();
    const older = await serving(cloud, 'home/ball');
    const newer = await serving(cloud, 'home/ball');
    const client = await RawClient.join(cloud);
    client.say({ op: 'command', id: 1, probe: 'home/ball', command: ping });
    newer.say({ op: 'reply', call: (await newer.next()).call!, result: ok });
    expect(await client.next()).toMatchObject({ op: 'reply', id: 1 });
    expect(await older.received()).toEqual([]);
    expect(await newer.ask({ op: 'serve', id: 2, probes: [] })).toEqual({ op: 'ok', id: 2 });
    client.say({ op: 'command', id: 2, probe: 'home/ball', command: ping });
    older.say({ op: 'reply', call: (await older.next()).call!, result: ok });
    expect(await client.next()).toMatchObject({ op: 'reply', id: 2 });
    expect(await newer.received()).toEqual([]);
    expect(await older.ask({ op: 'serve', id: 3, probes: ['home/ball'] })).toEqual({ op: 'ok', id: 3 });
    client.say({ op: 'command', id: 3, probe: 'home/ball', command: ping });
    expect(await older.next()).toMatchObject({ op: 'command' });
  });

  it('to a probe that nobody serves is refused with 200', async () => {
    const cloud = await start();
    const gateway = await serving(cloud, 'home/ball');
    const client = await RawClient.join(cloud);
    const request = { op: 'command', id: 1, probe: 'home/ball', command: ping };
    expect(await client.ask({ ...request, probe: 'home/arm' })).toMatchObject({ op: 'error', id: 1, code: 200 });
    await gateway.ask({ op: 'serve', id: 2, probes: ['home/arm'] });
    expect(await client.ask(request)).toMatchObject({ op: 'error', id: 1, code: 200 });
    expect(await gateway.received()).toEqual([]);
  });

  it('without an answer ends with 201, and a late answer is ignored', async () => {
    const cloud = await start();
    const gateway = await serving(cloud, 'home/ball');
    const client = await RawClient.join(cloud);
    client.say({ op: 'command', id: 1, probe: 'home/ball', command: ping, timeoutMs: 20 });
    const passed = await gateway.next();
    expect(await client.next()).toMatchObject({ op: 'error', id: 1, code: 201 });
    gateway.say({ op: 'reply', call: passed.call!, result: ok });
    expect(await gateway.received()).toEqual([]);
    expect(await client.received()).toEqual([]);
  });

  it('is unknown, not repeated, when the gateway disconnects while it holds it', async () => {
    const cloud = await start();
    const older = await serving(cloud, 'home/ball');
    const newer = await serving(cloud, 'home/ball');
    const client = await RawClient.join(cloud);
    client.say({ op: 'command', id: 1, probe: 'home/ball', command: ping });
    expect(await newer.next()).toMatchObject({ op: 'command' });
    newer.socket.terminate();
    expect(await client.next()).toEqual({
      op: 'reply',
      id: 1,
      result: { status: 'unknown', data: [], message: expect.stringContaining('may have been executed') },
    });
    expect(await older.received()).toEqual([]);
  });

  it('is answered only by the gateway that holds it, and only once', async () => {
    const cloud = await start();
    const gateway = await serving(cloud, 'home/ball');
    const stranger = await serving(cloud, 'home/arm');
    const client = await RawClient.join(cloud);
    client.say({ op: 'command', id: 1, probe: 'home/ball', command: ping });
    const { call } = await gateway.next();
    stranger.say({ op: 'reply', call: call!, result: { status: 'forged', data: [] } });
    expect(await stranger.received()).toEqual([]);
    expect(await client.received()).toEqual([]);
    gateway.say({ op: 'reply', call: call!, result: ok });
    gateway.say({ op: 'reply', call: call!, result: { status: 'second', data: [] } });
    expect(await client.next()).toEqual({ op: 'reply', id: 1, result: ok });
    await gateway.received();
    expect(await client.received()).toEqual([]);
  });

  it('beyond the limits is refused, not queued', async () => {
    const cloud = await start({ limits: { servedCommands: 2, pendingCommands: 3 } });
    const gateway = await serving(cloud, 'home/ball');
    const client = await RawClient.join(cloud);
    const request = { op: 'command', probe: 'home/ball', command: ping };
    for (const id of [1, 2, 3]) client.say({ ...request, id });
    expect(await client.next()).toMatchObject({ op: 'error', id: 3, code: 202 });
    const other = await RawClient.join(cloud);
    for (const id of [4, 5]) client.say({ ...request, id });
    const refused = [await client.next(), await client.next()];
    expect(refused).toContainEqual({ op: 'error', id: 4, code: 202, message: expect.any(String) });
    expect(refused).toContainEqual({ op: 'error', id: 5, code: 104, message: expect.any(String) });
    expect(await other.ask({ ...request, id: 6 })).toMatchObject({ op: 'error', id: 6, code: 202 });
    expect((await gateway.received()).map(({ op }) => op)).toEqual(['command', 'command']);
  });

  it('crosses servers that share a broker', async () => {
    const broker = await createBroker();
    const [one, two] = [await start({ broker }), await start({ broker })];
    const gateway = await serving(one, 'home/ball');
    const client = await RawClient.join(two);
    client.say({ op: 'command', id: 1, probe: 'home/ball', command: ping });
    gateway.say({ op: 'reply', call: (await gateway.next()).call!, result: ok });
    expect(await client.next()).toEqual({ op: 'reply', id: 1, result: ok });
    client.say({ op: 'command', id: 2, probe: 'home/ball', command: ping });
    await gateway.next();
    await one.close();
    expect(await client.next()).toMatchObject({ op: 'reply', id: 2, result: { status: 'unknown' } });
    expect(await client.ask({ op: 'command', id: 3, probe: 'home/ball', command: ping })).toMatchObject({ code: 200 });
  });

  it('that waits when the cloud closes is refused', async () => {
    const cloud = await start();
    await serving(cloud, 'home/ball');
    const client = await RawClient.join(cloud);
    client.say({ op: 'command', id: 1, probe: 'home/ball', command: ping });
    await cloud.close();
    expect((await client.closed).code).toBe(4101);
  });
});
