/** Wills of clients whose server is killed: other servers publish them, once, unless the client is back. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Broker, LocalBroker, publishJson } from '../../cloud/broker/index.ts';
import { NatsBroker } from '../../cloud/broker/nats.ts';
import { RedisBroker } from '../../cloud/broker/redis.ts';
import type { Json } from '../../cloud/protocol/index.ts';
import type { Cloud } from '../../cloud/server/index.ts';
import { Engine } from '../contract/engines.ts';
import { spawnCloud } from './cloud-process.ts';
import { mqttJs } from './mqtt-peers.ts';
import { cloudsForTests, RawClient } from './raw-client.ts';
import { SeverableBroker } from './severable-broker.ts';

const start = cloudsForTests();

// Servers tell each other that they live when the test says so.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
});

let prefixes = 0;
let redis: Promise<Engine> | undefined;
let nats: Promise<Engine> | undefined;
afterAll(async () => {
  for (const engine of [await redis, await nats]) await engine?.remove();
});

/** Ways for so many servers to one broker. */
type Open = (servers: number) => Promise<Broker[]>;

const overMemory: Open = async (servers) => {
  const broker = new LocalBroker();
  return Array.from({ length: servers }, () => broker);
};

const overRedis: Open = async (servers) => {
  redis ??= Engine.redis('--appendfsync', 'no');
  const { url } = await redis;
  const prefix = `wills-${++prefixes}`;
  const brokers = await Promise.all(Array.from({ length: servers }, () => RedisBroker.connect({ url, prefix })));
  onTestFinished(async () => {
    await Promise.all(brokers.map((broker) => broker.close()));
  });
  return brokers;
};

const overNats: Open = async (servers) => {
  nats ??= Engine.nats();
  const { url } = await nats;
  const stream = `wills-${++prefixes}`;
  const connecting = Array.from({ length: servers }, () => NatsBroker.connect({ url, prefix: stream }));
  const brokers = await Promise.all(connecting);
  onTestFinished(async () => {
    await Promise.all(brokers.map((broker) => broker.close()));
  });
  return brokers;
};

/** What is published below `a`, in order, and the records of wills that are kept. */
async function listen(broker: Broker): Promise<{ heard: Json[]; wills: Set<string> }> {
  const heard: Json[] = [];
  const wills = new Set<string>();
  await broker.subscribe('a/#', ({ topic, data, retained }) => {
    if (!retained) heard.push([topic, data ?? null]);
  });
  await broker.subscribe('$will/#', ({ topic, data }) => {
    if (data === null) wills.delete(topic);
    else wills.add(topic);
  });
  return { heard, wills };
}

async function withWill(cloud: Cloud, publisher: string, ...messages: Json[]): Promise<RawClient> {
  const client = await RawClient.join(cloud, { publisher });
  expect(await client.ask({ op: 'will', id: 1, messages })).toEqual({ op: 'ok', id: 1 });
  return client;
}

/** Beats of servers at the usual distance, each heard by the others before the next. */
async function beats(count: number): Promise<void> {
  for (let beat = 0; beat < count; beat++) {
    vi.advanceTimersByTime(5_000);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe.each<[string, Open]>([
  ['memory', overMemory],
  ['Redis', overRedis],
  ['NATS', overNats],
])('when a server is killed, over %s,', (_, open) => {
  it('the others publish what its clients left, each message once', async () => {
    const [first, ...others] = await open(3);
    const severed = new SeverableBroker(first!);
    const cloud = await start({ broker: severed });
    for (const broker of others) await start({ broker });
    const { heard, wills } = await listen(others[0]!);
    const client = await withWill(
      cloud,
      'p',
      { topic: 'a/1', data: 1 },
      { topic: 'a/2', data: { x: 2 }, retain: true },
    );
    await client.ask({ op: 'will', id: 2, add: true, messages: [{ topic: 'a/3', data: 3 }] });
    await withWill(cloud, 'q', { topic: 'a/4', data: 4 });
    severed.sever();
    await beats(2);
    expect(heard).toEqual([]);
    await beats(4);
    await expect.poll(() => wills.size).toBe(0);
    expect(heard).toEqual([
      ['a/1', 1],
      ['a/2', { x: 2 }],
      ['a/3', 3],
      ['a/4', 4],
    ]);
    await beats(6);
    expect(heard).toHaveLength(4);
  });

  it('nothing is published for a client that is back elsewhere, nor when it has then left with a goodbye', async () => {
    const [first, other] = await open(2);
    const severed = new SeverableBroker(first!);
    const [one, two] = [await start({ broker: severed }), await start({ broker: other! })];
    const { heard, wills } = await listen(other!);
    for (const name of ['p', 'q']) await withWill(one, name, { topic: `a/${name}`, data: 'old' });
    await expect.poll(() => wills.size).toBe(2);
    severed.sever();
    await withWill(two, 'p', { topic: 'a/p', data: 'new' });
    const left = await withWill(two, 'q', { topic: 'a/q', data: 'new' });
    left.say({ op: 'bye' });
    await left.closed;
    await expect.poll(() => wills.size).toBe(1);
    await beats(8);
    expect(heard).toEqual([]);
    expect(wills.size).toBe(1);
  });
});

it('clients of MQTT have their wills published too, any bytes, but for those that are back', async () => {
  const [broker] = await overMemory(1);
  const severed = new SeverableBroker(broker!);
  const [one, two] = [await start({ broker: severed }), await start({ broker: broker! })];
  const bytes = Buffer.from([0, 255, 7]);
  const heard: [string, Buffer][] = [];
  await broker!.subscribe('a/#', ({ topic, payload }) => heard.push([topic, payload]));
  const { wills } = await listen(broker!);
  const will = (topic: string) => ({ will: { topic, payload: bytes, qos: 1 as const, retain: true } });
  const url = (cloud: Cloud) => `ws://127.0.0.1:${cloud.port}`;
  await mqttJs(url(one), { clientId: 'gone', ...will('a/gone') });
  await mqttJs(url(one), { clientId: 'back', ...will('a/back') });
  expect(wills.size).toBe(2);
  severed.sever();
  await mqttJs(url(two), { clientId: 'back', ...will('a/back') });
  await beats(8);
  expect(heard).toEqual([['a/gone', bytes]]);
  expect(wills.size).toBe(1);
});

it('a client that was sent away and does not come back is declared dead when its server has ended', async () => {
  const [broker] = await overMemory(1);
  const { heard, wills } = await listen(broker!);
  const [one] = [await start({ broker: broker! }), await start({ broker: broker! })];
  await withWill(one, 'p', { topic: 'a/p', data: 1 });
  const nameless = await RawClient.join(one);
  await nameless.ask({ op: 'will', id: 1, messages: [{ topic: 'a/nameless', data: 1 }] });
  await one.close();
  // Whether one without a name has come back nobody can tell.
  await expect.poll(() => wills.size).toBe(1);
  expect(heard).toEqual([]);
  await beats(8);
  await expect.poll(() => heard).toEqual([['a/p', 1]]);
});

it('a server that lives after all sends the clients away whose wills were published, so that they say anew', async () => {
  const [broker] = await overMemory(1);
  const { wills } = await listen(broker!);
  const cloud = await start({ broker: broker! });
  const client = await withWill(cloud, 'p', { topic: 'a/p', data: 1 });
  const unwilling = await withWill(cloud, 'q');
  await publishJson(broker!, [...wills][0]!, null, { retain: true });
  expect(await client.closed).toMatchObject({ code: 4103, reason: expect.stringContaining('took this one for dead') });
  await expect.poll(() => wills.size).toBe(1);
  expect(await unwilling.received()).toEqual([]);
});

it('refuses for now what does not fit into the room for all wills, and takes it when there is', async () => {
  const cloud = await start({ limits: { allWillsBytes: 200, willDelayMs: 0 } });
  const large = [{ topic: 'a', data: 'x'.repeat(100) }];
  const first = await withWill(cloud, 'p', ...large);
  const second = await RawClient.join(cloud, { publisher: 'q' });
  expect(await second.ask({ op: 'will', id: 1, messages: large })).toMatchObject({ op: 'error', id: 1, code: 202 });
  first.say({ op: 'bye' });
  await first.closed;
  expect(await second.ask({ op: 'will', id: 2, messages: large })).toEqual({ op: 'ok', id: 2 });
});

it('a server that is started again with --data publishes the wills of its former life', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'earl-wills-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const { cloud, child } = await spawnCloud('--data', folder);
  for (const name of ['gone', 'back']) {
    await withWill(cloud, name, { topic: `a/${name}`, data: `${name} is dead`, retain: true });
  }
  child.kill('SIGKILL');
  await once(child, 'exit');
  const again = await start({ journal: { folder } });
  const watching = await RawClient.join(again);
  await watching.ask({ op: 'subscribe', id: 1, filter: 'a/#' });
  await withWill(again, 'back', { topic: 'a/back', data: 'it died later' });
  await beats(8);
  expect(await watching.next()).toMatchObject({ topic: 'a/gone', data: 'gone is dead' });
  expect(await watching.received()).toEqual([]);
}, 30_000);
