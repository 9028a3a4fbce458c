/**
 * What the broker over Redis does when Redis is killed, comes back with less than it had, or empties itself; and its
 * bounds in Redis.
 */
import { Redis } from 'ioredis';
import { afterEach, expect, it } from 'vitest';
import { publishJson } from '../../cloud/broker/index.ts';
import { RedisBroker, type RedisBrokerOptions } from '../../cloud/broker/redis.ts';
import { Engine } from './engines.ts';
import { expectAll, watch } from './watch.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function startRedis(...settings: string[]): Promise<Engine> {
  const engine = await Engine.redis(...settings);
  cleanups.push(() => engine.remove());
  return engine;
}

async function connect(engine: Engine, options: Partial<RedisBrokerOptions> = {}): Promise<RedisBroker> {
  const broker = await RedisBroker.connect({ url: engine.url, ...options });
  cleanups.push(() => broker.close());
  return broker;
}

async function redisOf(engine: Engine): Promise<Redis> {
  const redis = new Redis(engine.port, '127.0.0.1');
  redis.on('error', () => {});
  cleanups.push(async () => redis.disconnect());
  return redis;
}

it('loses, repeats and reorders nothing while Redis is killed again and again under load', async () => {
  const engine = await startRedis();
  // One server may be back while the other still waits to connect: the histories must last for so long.
  const options = { historyPerTopic: 10_000 };
  const [here, there] = [await connect(engine, options), await connect(engine, options)];
  const watched = [await watch(here, 'load/#'), await watch(there, '#'), await watch(there, 'load/+')];
  const each = 3_000;
  const window = 64;
  let acknowledged = 0;
  const topics = ['load/a', 'load/b', 'load/c', 'load/d'];

  async function publishAll(topic: string, index: number): Promise<void> {
    const broker = index % 2 ? here : there;
    const underWay: Promise<void>[] = [];
    for (let seq = 1; seq <= each; seq++) {
      // Half of the topics have no sequence numbers of their own.
      const dedupe = index < 2 ? { dedupe: { publisher: topic, seq } } : {};
      underWay.push(publishJson(broker, topic, seq, dedupe).then(() => void acknowledged++));
      if (underWay.length >= window) await underWay.shift();
    }
    await Promise.all(underWay);
  }

  const publishing = Promise.all(topics.map(publishAll));
  for (let kills = 1; kills <= 3; kills++) {
    while (acknowledged < (kills * topics.length * each) / 4) await new Promise((resolve) => setImmediate(resolve));
    await engine.kill();
    await engine.start();
  }
  await publishing;
  await expectAll(watched, topics, each);
  for (const { messages } of watched) {
    const offsets = messages.map(({ offset }) => offset);
    expect(offsets).toEqual([...new Set(offsets)].sort((one, other) => one - other));
  }
  expect(acknowledged).toBe(topics.length * each);
  const recent = { ...watched[0]!.position, offset: watched[0]!.messages.at(-1000)!.offset };
  const { messages, complete } = await there.read(['load/#'], recent, 1000);
  expect([complete, messages.length]).toEqual([true, 999]);
}, 60_000);

it('makes up for what one server missed while the other went on publishing', async () => {
  const engine = await startRedis('--appendfsync', 'no');
  const [cut, other] = [await connect(engine), await connect(engine)];
  const watched = await watch(cut, 'home/#');
  const own = await watch(cut, '$call/x');
  const redis = await redisOf(engine);
  await publishJson(other, 'home/a', 1);
  await watched.until(({ data }) => data === 1);
  const feeds = String(await redis.client('LIST'))
    .split('\n')
    .filter((line) => / (sub|psub)=[1-9]/.test(line));
  for (const line of feeds) await redis.call('CLIENT', 'KILL', 'ID', /id=(\d+)/.exec(line)![1]!);
  for (let count = 2; count <= 50; count++) await publishJson(other, 'home/a', count);
  await watched.until(({ data }) => data === 50);
  expect(watched.messages.map(({ data }) => data)).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
  expect(watched.gaps).toEqual([]);
  await own.gap;
});

it('says that there is a gap when the histories no longer have what was missed', async () => {
  const engine = await startRedis('--appendfsync', 'no');
  const broker = await connect(engine);
  const watched = await watch(broker, 'home/#');
  await publishJson(broker, 'home/a', 0);
  await watched.until(({ data }) => data === 0);
  const redis = await redisOf(engine);
  // In one step: the connections are cut, and a topic is forgotten that had messages since.
  await redis.multi().call('CLIENT', 'KILL', 'TYPE', 'pubsub').hset('earl:0:state', 'last', 10, 'lostTopics', 9).exec();
  await watched.gap;
  await publishJson(broker, 'home/a', 'on');
  await watched.until(({ data }) => data === 'on');
  expect(watched.gaps).toHaveLength(1);
  expect(watched.messages.map(({ data, offset }) => [data, offset])).toEqual([
    [0, 1],
    ['on', 11],
  ]);
});

it('begins a new epoch when Redis may have forgotten what it answered for', async () => {
  const engine = await startRedis('--appendonly', 'no');
  const lines: string[] = [];
  const broker = await connect(engine, { log: (line) => lines.push(line) });
  expect(lines.join()).toContain('appendfsync always');
  const watched = await watch(broker, '#');
  await publishJson(broker, 'a', 1, { retain: true });
  await engine.kill();
  await engine.start();
  await watched.gap;
  await publishJson(broker, 'a', 2);
  await watched.until(({ data }) => data === 2);
  const { position } = await broker.subscribe('a', () => {});
  expect(position.epoch).not.toBe(watched.position.epoch);
  expect(await broker.read(['a'], watched.position, 10)).toEqual({ messages: [], complete: false });
  expect((await broker.read(['a'], { ...position, offset: 0 }, 10)).messages.map(({ data }) => data)).toEqual([2]);
});

it('notices that the database was emptied under it', async () => {
  const engine = await startRedis('--appendfsync', 'no');
  const [one, two] = [await connect(engine), await connect(engine)];
  const [first, second] = [await watch(one, 'a'), await watch(two, 'a')];
  for (let count = 0; count < 5; count++) await publishJson(one, 'a', count);
  await second.until(({ data }) => data === 4);
  await (await redisOf(engine)).flushall();
  await publishJson(two, 'a', 'after');
  await Promise.all([first.gap, second.gap]);
  for (const { until } of [first, second]) await until(({ data }) => data === 'after');
  const { position } = await one.subscribe('a', () => {});
  expect(position.offset).toBe(1);
});

it('keeps to its bounds in Redis, and stays honest about what has gone', async () => {
  const engine = await startRedis('--appendfsync', 'no');
  const bounds = { historyPerTopic: 3, historyBytes: 50_000, retainedTopics: 20, retainedBytes: 4_000, publishers: 10 };
  const broker = await connect(engine, bounds);
  const { position } = await broker.subscribe('x', () => {});
  for (let count = 0; count < 2_000; count++) {
    void broker.publish(`site${count % 7}/probe${count % 150}`, Buffer.alloc(300), {
      retain: true,
      dedupe: { publisher: `p${count % 31}`, seq: count + 1 },
    });
  }
  await publishJson(broker, 'last/one', 1);
  const redis = await redisOf(engine);
  const state = await redis.hgetall('earl:0:state');
  expect(Number(state.historyBytes)).toBeLessThanOrEqual(50_000);
  expect(Number(state.historyBytes)).toBeGreaterThan(40_000);
  expect(Number(state.retainedBytes)).toBeLessThanOrEqual(4_000);
  expect(await redis.zcard('earl:0:seqs')).toBe(10);
  expect(await redis.zcard('earl:0:heard')).toBe(10);
  const topics = await redis.zcard('earl:0:renewed');
  expect(topics).toBeGreaterThan(5);
  const retained: string[] = [];
  await broker.subscribe('#', ({ topic }) => retained.push(topic));
  expect(retained).toHaveLength(topics);
  const histories = await redis.keys('earl:0:h:*');
  expect(histories.length).toBe(await redis.zcard('earl:0:oldest'));
  expect(await redis.hlen('earl:0:lost')).toBeLessThanOrEqual(histories.length);
  expect(await broker.read(['#'], position, 10_000)).toEqual({ messages: [], complete: false });
  const read = await broker.read(['#'], { ...position, offset: 1_990 }, 10_000);
  expect(read.complete).toBe(true);
  expect(read.messages.map(({ offset }) => offset)).toEqual([
    1991, 1992, 1993, 1994, 1995, 1996, 1997, 1998, 1999, 2000, 2001,
  ]);
});

it('refuses what does not fit while Redis is away, and takes more when it is back', async () => {
  const engine = await startRedis();
  const broker = await connect(engine, { waitingBytes: 10_000 });
  const watched = await watch(broker, 'a');
  await engine.kill();
  const publishing = Array.from({ length: 20 }, (_, index) =>
    broker.publish('a', Buffer.from(`"${index}${' '.repeat(1000)}"`)).then(
      () => 'accepted',
      (error: { code: string }) => error.code,
    ),
  );
  await engine.start();
  const outcomes = await Promise.all(publishing);
  const accepted = outcomes.filter((outcome) => outcome === 'accepted').length;
  expect(accepted).toBe(9);
  expect(outcomes.slice(accepted)).toEqual(Array.from({ length: 20 - accepted }, () => 'BROKER_OVERLOADED'));
  await publishJson(broker, 'a', 'again');
  await watched.until(({ data }) => data === 'again');
});

it('passes on what Redis says when it is full', async () => {
  const engine = await startRedis('--appendfsync', 'no');
  const broker = await connect(engine);
  const redis = await redisOf(engine);
  await redis.config('SET', 'maxmemory', '1');
  await expect(publishJson(broker, 'a', 1)).rejects.toMatchObject({ code: 'BROKER_REFUSED' });
  await redis.config('SET', 'maxmemory', '0');
  await publishJson(broker, 'a', 2);
});

it('says what is wrong with an address', async () => {
  const bad = { code: 'BACKPLANE_BAD_URL' };
  await expect(RedisBroker.connect({ url: 'http://127.0.0.1' })).rejects.toMatchObject(bad);
  await expect(RedisBroker.connect({ url: 'redis://127.0.0.1/x' })).rejects.toMatchObject(bad);
  const engine = await startRedis('--requirepass', 'secret');
  const unreachable = { code: 'BACKPLANE_UNREACHABLE' };
  await expect(RedisBroker.connect({ url: engine.url })).rejects.toMatchObject(unreachable);
  const wrong = engine.url.replace('//', '//:wrong@');
  const failure = await RedisBroker.connect({ url: wrong }).catch((error: Error) => error.message);
  expect(failure).toMatch(/WRONGPASS/);
  expect(failure).not.toMatch(/wrong@/);
  const right = await RedisBroker.connect({ url: engine.url.replace('//', '//:secret@') });
  await right.close();
  await engine.kill();
  await expect(RedisBroker.connect({ url: engine.url })).rejects.toMatchObject(unreachable);
});
