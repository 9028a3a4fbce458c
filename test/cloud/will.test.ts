/** Wills over real sockets: what is published for a client that ends without a goodbye, and when it is not. */
import { afterAll, afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { type Broker, LocalBroker } from '../../cloud/broker/index.ts';
import { RedisBroker } from '../../cloud/broker/redis.ts';
import { connect } from '../../cloud/client/index.node.ts';
import { type Json, limits } from '../../cloud/protocol/index.ts';
import type { Cloud } from '../../cloud/server/index.ts';
import { Engine } from '../contract/engines.ts';
import { KeyFolder } from '../security/cloud-keys.ts';
import { cloudsForTests, health, RawClient } from './raw-client.ts';

const start = cloudsForTests();
const soon = { willDelayMs: 5 };

let redis: Engine | undefined;
let starting: Promise<Engine> | undefined;
const opened: Broker[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((broker) => broker.close()));
});
afterAll(() => redis?.remove());

async function overRedis(): Promise<Broker> {
  starting ??= Engine.redis('--appendfsync', 'no');
  redis = await starting;
  const broker = await RedisBroker.connect({ url: redis.url, prefix: 'wills' });
  opened.push(broker);
  return broker;
}

/** What is published below `a`, in order. */
async function listen(broker: Broker): Promise<Json[]> {
  const heard: Json[] = [];
  await broker.subscribe('a/#', ({ topic, data, retained }) => {
    if (!retained) heard.push([topic, data ?? null]);
  });
  return heard;
}

async function withWill(cloud: Cloud, publisher: string, ...messages: Json[]): Promise<RawClient> {
  const client = await RawClient.join(cloud, { publisher });
  expect(await client.ask({ op: 'will', id: 1, messages })).toEqual({ op: 'ok', id: 1 });
  return client;
}

/** Publishes as another client, which proves that all that was published before has been heard. */
async function settled(cloud: Cloud, heard: Json[]): Promise<Json[]> {
  const client = await RawClient.join(cloud);
  await client.ask({ op: 'publish', topic: 'a/end', data: 'end', id: 1 });
  await expect.poll(() => heard.some((message) => (message as Json[])[0] === 'a/end')).toBe(true);
  return heard.filter((message) => (message as Json[])[0] !== 'a/end');
}

describe('a will', () => {
  it('is published when the connection breaks, in its order, with last values', async () => {
    const broker = new LocalBroker();
    const heard = await listen(broker);
    const cloud = await start({ broker, limits: soon });
    const dead = { topic: 'a/status', data: { online: false }, retain: true };
    const client = await withWill(cloud, 'p', dead, { topic: 'a/event', data: 'gone' });
    client.socket.terminate();
    await expect
      .poll(() => heard)
      .toEqual([
        ['a/status', { online: false }],
        ['a/event', 'gone'],
      ]);
    const late = await RawClient.join(cloud);
    expect(await late.ask({ op: 'subscribe', id: 1, filter: 'a/#' })).toMatchObject({
      topic: 'a/status',
      retained: true,
      data: { online: false },
    });
  });

  it.each<[string, (client: RawClient) => void]>([
    ['close 1000', (client) => client.socket.close(1000)],
    ['close 1001', (client) => client.socket.close(1001)],
    ['bye', (client) => client.say({ op: 'bye' })],
  ])('is forgotten after a goodbye: %s', async (_, leave) => {
    const broker = new LocalBroker();
    const heard = await listen(broker);
    const cloud = await start({ broker, limits: { willDelayMs: 0 } });
    const client = await withWill(cloud, 'p', { topic: 'a/status', data: 1 });
    leave(client);
    expect((await client.closed).code).toBeLessThan(1002);
    await expect.poll(async () => (await health(cloud)).connectionsNow).toBe(0);
    await cloud.close();
    expect(heard).toEqual([]);
  });

  it.each<[string, (client: RawClient) => void]>([
    ['no code', (client) => client.socket.close()],
    ['another code', (client) => client.socket.close(3000)],
    ['bad messages', (client) => Array.from({ length: 10 }, () => client.say('x'))],
  ])('is published after %s', async (_, leave) => {
    const broker = new LocalBroker();
    const heard = await listen(broker);
    const client = await withWill(await start({ broker, limits: soon }), 'p', { topic: 'a/status', data: 1 });
    leave(client);
    await expect.poll(() => heard).toEqual([['a/status', 1]]);
  });

  it('is published for a client that does not answer pings', async () => {
    const broker = new LocalBroker();
    const heard = await listen(broker);
    const cloud = await start({ broker, limits: { ...soon, keepaliveMs: 50, closeGraceMs: 50 } });
    const client = await RawClient.open(cloud, { autoPong: false });
    client.say({ op: 'hello' });
    client.say({ op: 'will', id: 1, messages: [{ topic: 'a/status', data: 1 }] });
    await expect.poll(() => heard).toEqual([['a/status', 1]]);
  });

  it('is replaced by the next one, or with "add" topic by topic', async () => {
    const broker = new LocalBroker();
    const heard = await listen(broker);
    const client = await withWill(await start({ broker, limits: soon }), 'p', { topic: 'a/0', data: 0 });
    await client.ask({
      op: 'will',
      id: 2,
      messages: [
        { topic: 'a/1', data: 1 },
        { topic: 'a/2', data: 2 },
      ],
    });
    await client.ask({
      op: 'will',
      id: 3,
      add: true,
      messages: [
        { topic: 'a/2', data: 22 },
        { topic: 'a/3', data: 3 },
      ],
    });
    client.socket.terminate();
    await expect
      .poll(() => heard)
      .toEqual([
        ['a/1', 1],
        ['a/2', 22],
        ['a/3', 3],
      ]);
  });

  it.each<[string, () => Promise<[Broker, Broker]>]>([
    ['one broker', () => Promise.resolve(new LocalBroker()).then((broker) => [broker, broker])],
    ['Redis', () => Promise.all([overRedis(), overRedis()])],
  ])('is dropped when its client is back in time, at another server over %s', async (_, open) => {
    const brokers = await open();
    const heard = await listen(brokers[1]);
    const [one, two] = [await start({ broker: brokers[0] }), await start({ broker: brokers[1] })];
    const first = await withWill(one, 'p', { topic: 'a/status', data: 'old' });
    first.socket.terminate();
    await first.closed;
    await withWill(two, 'p', { topic: 'a/status', data: 'new' });
    const echo = await RawClient.join(one);
    await echo.ask({ op: 'subscribe', id: 1, filter: 'echo' });
    (await RawClient.join(two)).say({ op: 'publish', topic: 'echo', data: 1 });
    expect(await echo.next()).toMatchObject({ topic: 'echo' }); // so the first server has heard what came before
    await one.close(); // which would publish what still waits, had it not heard of the client
    expect(await settled(two, heard)).toEqual([]);
  });

  it('of an old connection that is found dead late is dropped, the one of the new connection holds', async () => {
    const broker = new LocalBroker();
    const heard = await listen(broker);
    const cloud = await start({ broker, limits: soon });
    const old = await withWill(cloud, 'p', { topic: 'a/status', data: 'old' });
    const back = await withWill(cloud, 'p', { topic: 'a/status', data: 'new' });
    old.socket.terminate();
    await old.closed;
    back.socket.terminate();
    await expect.poll(() => heard).toEqual([['a/status', 'new']]);
  });

  it('is not published when the cloud closes, but one that waits then is', async () => {
    const broker = new LocalBroker();
    const heard = await listen(broker);
    const cloud = await start({ broker, limits: { willDelayMs: 60_000 } });
    const gone = await withWill(cloud, 'p', { topic: 'a/gone', data: 1 });
    await withWill(cloud, 'q', { topic: 'a/here', data: 1 });
    const left = gone.closed;
    gone.socket.terminate();
    await left;
    await expect.poll(async () => (await health(cloud)).connectionsNow).toBe(1);
    await cloud.close();
    expect(heard).toEqual([['a/gone', 1]]);
  });

  it('of a client that was sent away by a server that goes on is published when it comes back to none', async () => {
    const broker = new LocalBroker();
    const heard = await listen(broker);
    const cloud = await start({ broker, limits: { willDelayMs: 1, serverBeatMs: 250 } });
    const [gone, back] = [
      await withWill(cloud, 'gone', { topic: 'a/gone', data: 1 }),
      await withWill(cloud, 'back', { topic: 'a/back', data: 1 }),
    ];
    await cloud.shed(1, 1);
    for (const { closed } of [gone, back]) expect((await closed).code).toBe(4101);
    await withWill(cloud, 'back', { topic: 'a/back', data: 1 });
    await expect.poll(() => heard, { timeout: 5_000 }).toEqual([['a/gone', 1]]);
  });

  it('has limits: messages, bytes, topics of the cloud', async () => {
    const client = await withWill(await start({ limits: { willBytes: 1000 } }), 'p');
    const many = Array.from({ length: limits.willMessages }, (_, index) => ({ topic: `a/${index}`, data: 1 }));
    const refused = { op: 'error', code: 104, message: expect.stringContaining('a will may have') as unknown };
    expect(await client.ask({ op: 'will', id: 1, messages: many })).toMatchObject(refused);
    expect(await client.ask({ op: 'will', id: 1, messages: [...many, { topic: 'b', data: 1 }] })).toMatchObject({
      code: 104,
    });
    const large = { topic: 'a', data: 'x'.repeat(600) };
    expect(await client.ask({ op: 'will', id: 2, messages: [large] })).toEqual({ op: 'ok', id: 2 });
    const second = { ...large, topic: 'b' };
    expect(await client.ask({ op: 'will', id: 3, add: true, messages: [second] })).toMatchObject({ id: 3, ...refused });
    const reserved = [{ topic: '$call/x', data: 1 }];
    expect(await client.ask({ op: 'will', id: 4, messages: reserved })).toMatchObject({ id: 4, code: 101 });
  });
});

describe('with signed tokens a will', () => {
  const keys = new KeyFolder();
  keys.put('a');
  afterAll(() => keys.remove());

  it('is for topics that the token allows, also after it was exchanged for a narrower one', async () => {
    const broker = new LocalBroker();
    const heard = await listen(broker);
    const cloud = await start({ broker, keys: keys.path, limits: soon });
    const token = await keys.token({ publish: ['a/#'] });
    const client = await RawClient.join(cloud, { publisher: 'p', token });
    const will = (...topics: string[]) => ({
      op: 'will',
      id: 1,
      messages: topics.map((topic) => ({ topic, data: 1 })),
    });
    expect(await client.ask(will('a/1', 'b'))).toMatchObject({ op: 'error', id: 1, code: 111 });
    expect(await client.ask(will('a/1', 'a/2'))).toEqual({ op: 'ok', id: 1 });
    const narrower = await keys.token({ publish: ['a/2'] });
    expect(await client.ask({ op: 'refresh', id: 2, token: narrower })).toEqual({ op: 'ok', id: 2 });
    client.socket.terminate();
    await expect.poll(() => heard).toEqual([['a/2', 1]]);
  });

  it('is not dropped by another subject that uses the same publisher name', async () => {
    const broker = new LocalBroker();
    const heard = await listen(broker);
    const cloud = await start({ broker, keys: keys.path, limits: soon });
    const join = async (subject: string) =>
      RawClient.join(cloud, { publisher: 'p', token: await keys.token({ publish: ['a/#'] }, { subject }) });
    const [victim, attacker] = [await join('victim'), await join('attacker')];
    await victim.ask({ op: 'will', id: 1, messages: [{ topic: 'a/status', data: 1 }] });
    await attacker.ask({ op: 'will', id: 1, messages: [] });
    victim.socket.terminate();
    await expect.poll(() => heard).toEqual([['a/status', 1]]);
  });
});

describe('setWill of the client', () => {
  it('is said again after a reconnect, before anything is published, and forgotten by close', async () => {
    const broker = new LocalBroker();
    const heard = await listen(broker);
    const cloud = await start({ broker, limits: soon });
    const client = connect({ url: `ws://127.0.0.1:${cloud.port}`, backoffMs: { first: 5, longest: 10 } });
    onTestFinished(() => client.close());
    await client.setWill([{ topic: 'a/status', data: 'dead', retain: true }]);
    client.onState((connected) => {
      if (connected) client.publish('a/status', 'alive', { retain: true });
    });
    await cloud.close();
    const again = await start({ broker, limits: soon, port: cloud.port });
    await expect.poll(() => heard).toEqual([['a/status', 'alive']]);
    await client.close();
    await again.close();
    expect(heard).toEqual([['a/status', 'alive']]);
  });

  it('tells changes only, and more than one message holds in parts', async () => {
    const cloud = await start();
    const said: number[] = [];
    const client = connect({ url: `ws://127.0.0.1:${cloud.port}`, WebSocket: countingSocket(said) });
    onTestFinished(() => client.close());
    const connected = new Promise<void>((resolve) => client.onState((up) => up && resolve()));
    await connected;
    const will = Array.from({ length: 250 }, (_, index) => ({ topic: `a/${index}`, data: 'x'.repeat(400) }));
    await client.setWill(will);
    expect(said.slice(1).length).toBe(2);
    await client.setWill(will.map((message, index) => (index === 7 ? { ...message, data: 'y' } : message)));
    expect(said.slice(3)).toEqual([expect.toSatisfy((bytes: number) => bytes < 150)]);
    await client.setWill([]);
    expect(said.slice(4)).toEqual([expect.toSatisfy((bytes: number) => bytes < 100)]);
    await expect(client.setWill([...will, ...will])).rejects.toMatchObject({ code: 'CLOUD_TOO_LARGE' });
    await expect(client.setWill([{ topic: 'a/#', data: 1 }])).rejects.toMatchObject({ code: 'CLOUD_BAD_TOPIC' });
  });
});

/** The platform's WebSocket class that notes how long its messages are. */
function countingSocket(said: number[]): unknown {
  return class extends WebSocket {
    override send(text: string): void {
      said.push(text.length);
      super.send(text);
    }
  };
}
