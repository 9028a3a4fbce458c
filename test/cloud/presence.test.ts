/** Who is here: over real sockets, both subprotocols, several servers, with tokens. */
import { afterAll, afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Broker, LocalBroker } from '../../cloud/broker/index.ts';
import { RedisBroker } from '../../cloud/broker/redis.ts';
import type { Json } from '../../cloud/protocol/index.ts';
import type { Cloud } from '../../cloud/server/index.ts';
import { Engine } from '../contract/engines.ts';
import { KeyFolder } from '../security/cloud-keys.ts';
import { cloudsForTests, RawClient } from './raw-client.ts';
import { SeverableBroker } from './severable-broker.ts';

const start = cloudsForTests();
const soon = { willDelayMs: 5, presenceDelayMs: 5 };

let starting: Promise<Engine> | undefined;
const opened: Broker[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((broker) => broker.close()));
});
afterAll(async () => (await starting)?.remove());

async function overRedis(): Promise<Broker> {
  starting ??= Engine.redis('--appendfsync', 'no');
  const broker = await RedisBroker.connect({ url: (await starting).url, prefix: 'presence' });
  opened.push(broker);
  return broker;
}

/** A client that says who it is and, if it likes, where. */
async function visitor(cloud: Cloud, name: string, at: string[] = [], hello: { [field: string]: Json } = {}) {
  const client = await RawClient.join(cloud, { client: { name }, ...hello });
  if (at.length > 0) expect(await client.ask({ op: 'here', id: 1, at })).toEqual({ op: 'ok', id: 1 });
  return client;
}

type Who = { name: string; at: string[]; [field: string]: Json };

/** Who is there, by name. */
async function whoIs(client: RawClient, filter: string): Promise<{ [name: string]: string[] }> {
  const answer = await client.ask({ op: 'presence', id: 7, filter });
  expect(answer).toMatchObject({ op: 'presence', id: 7 });
  return namesOf(answer.clients as Who[]);
}

function namesOf(clients: Who[]): { [name: string]: string[] } {
  return Object.fromEntries(clients.map(({ name, at }) => [name, at]));
}

/** The changes that come next, by name; `left` has ids. */
async function changed(client: RawClient): Promise<{ joined: object; updated: object; left: Json }> {
  const { op, joined, updated, left } = await client.next();
  expect(op).toBe('changed');
  return { joined: namesOf(joined as Who[]), updated: namesOf(updated as Who[]), left: left! };
}

const nobody = { joined: {}, updated: {}, left: [] };

describe.each(['earl.v1.json', 'earl.v1'])('presence on %s', (subprotocols) => {
  it('tells who a client is, where, since when and by which name and connection', async () => {
    const cloud = await start();
    const before = Date.now();
    const client = await RawClient.join(
      cloud,
      { publisher: 'p', client: { name: 'lab page', kind: 'page', info: { user: 'Anna' } } },
      { subprotocols },
    );
    expect(await client.ask({ op: 'here', id: 1, at: ['home/ball', 'work'] })).toEqual({ op: 'ok', id: 1 });
    const answer = await client.ask({ op: 'presence', id: 2, filter: 'home/#' });
    expect(answer).toEqual({
      op: 'presence',
      id: 2,
      clients: [
        {
          id: expect.stringMatching(/^[0-9a-f]{32}$/) as unknown,
          session: expect.stringMatching(/-1$/) as unknown,
          name: 'lab page',
          kind: 'page',
          info: { user: 'Anna' },
          publisher: 'p',
          since: expect.any(String) as unknown,
          at: ['home/ball'],
        },
      ],
    });
    const [{ since }] = answer.clients as [{ since: string }];
    expect(Date.parse(since)).toBeGreaterThanOrEqual(before);
    await client.ask({ op: 'here', id: 3, at: ['home'], info: { user: 'Berta' } });
    expect(await client.ask({ op: 'presence', id: 4, filter: 'home/#' })).toMatchObject({
      clients: [{ at: ['home'], info: { user: 'Berta' } }],
    });
    await client.ask({ op: 'here', id: 5, at: [] });
    expect(await whoIs(client, '#')).toEqual({});
  });
});

it('shows gateways at the probes that they serve, unless they have not said who they are', async () => {
  const cloud = await start();
  const gateway = await visitor(cloud, 'gateway');
  expect(await whoIs(gateway, '#')).toEqual({});
  await gateway.ask({ op: 'serve', id: 1, probes: ['home/ball', 'home/arm', 'work/ball'] });
  await (await RawClient.join(cloud)).ask({ op: 'serve', id: 1, probes: ['home/ball'] });
  expect(await whoIs(gateway, 'home/+')).toEqual({ gateway: ['home/ball', 'home/arm'] });
  expect(await whoIs(gateway, 'work/ball')).toEqual({ gateway: ['work/ball'] });
  await gateway.ask({ op: 'serve', id: 2, probes: [] });
  expect(await whoIs(gateway, '#')).toEqual({});
});

it('lists 64 places of a client and counts the rest', async () => {
  const cloud = await start();
  const gateway = await visitor(cloud, 'gateway');
  const probes = Array.from({ length: 70 }, (_, index) => `home/${index}`);
  await gateway.ask({ op: 'serve', id: 1, probes });
  const answer = await gateway.ask({ op: 'presence', id: 2, filter: 'home/+' });
  expect(answer.clients).toMatchObject([{ at: probes.slice(0, 64), unlisted: 6 }]);
});

describe('whoever follows', () => {
  it('hears who is here, joins, changes and leaves, until it unfollows', async () => {
    const cloud = await start({ limits: soon });
    await visitor(cloud, 'first', ['home']);
    const watcher = await RawClient.join(cloud);
    const snapshot = await watcher.ask({ op: 'presence', id: 1, filter: 'home/#', follow: true });
    expect(namesOf(snapshot.clients as Who[])).toEqual({ first: ['home'] });
    const second = await visitor(cloud, 'second', ['home/ball']);
    expect(await changed(watcher)).toEqual({ ...nobody, joined: { second: ['home/ball'] } });
    await second.ask({ op: 'here', id: 2, at: ['home/arm'] });
    expect(await changed(watcher)).toEqual({ ...nobody, updated: { second: ['home/arm'] } });
    // Elsewhere is nothing that concerns whoever looks here.
    await second.ask({ op: 'here', id: 3, at: ['home/arm', 'work'] });
    await second.ask({ op: 'here', id: 4, at: ['work'] });
    expect(await changed(watcher)).toMatchObject({ joined: {}, updated: {}, left: [expect.any(String)] });
    await second.ask({ op: 'here', id: 5, at: ['home'] });
    expect(await changed(watcher)).toEqual({ ...nobody, joined: { second: ['home'] } });
    second.say({ op: 'bye' });
    expect(await changed(watcher)).toMatchObject({ left: [expect.any(String)] });
    expect(await watcher.ask({ op: 'presence', id: 2, filter: 'home/#', follow: false })).toEqual({ op: 'ok', id: 2 });
    const third = await visitor(cloud, 'third', ['home']);
    expect(await whoIs(third, '#')).toEqual({ first: ['home'], third: ['home'] });
    expect(await watcher.received()).toEqual([]);
  });

  it('hears of changes that come together in one message', async () => {
    const cloud = await start({ limits: { presenceDelayMs: 300 } });
    const watcher = await RawClient.join(cloud);
    await watcher.ask({ op: 'presence', id: 1, filter: '#', follow: true });
    await Promise.all(['a', 'b', 'c'].map((name) => visitor(cloud, name, ['home'])));
    expect(await changed(watcher)).toEqual({ ...nobody, joined: { a: ['home'], b: ['home'], c: ['home'] } });
  });

  it('hears of a connection that broke after the time in which it may be back', async () => {
    const cloud = await start({ limits: { ...soon, willDelayMs: 60_000 } });
    const here = await visitor(cloud, 'here', ['home']);
    const watcher = await RawClient.join(cloud);
    await watcher.ask({ op: 'presence', id: 1, filter: '#', follow: true });
    here.socket.terminate();
    await here.closed;
    expect(await whoIs(watcher, '#')).toEqual({ here: ['home'] });
    const fast = await start({ limits: soon });
    const gone = await visitor(fast, 'gone', ['home']);
    const other = await RawClient.join(fast);
    await other.ask({ op: 'presence', id: 1, filter: '#', follow: true });
    gone.socket.terminate();
    expect(await changed(other)).toMatchObject({ joined: {}, updated: {}, left: [expect.any(String)] });
  });
});

describe.each<[string, () => Promise<[Broker, Broker]>]>([
  ['one broker', () => Promise.resolve(new LocalBroker()).then((broker) => [broker, broker])],
  ['Redis', () => Promise.all([overRedis(), overRedis()])],
])('two servers over %s', (_, open) => {
  it('see each other’s clients, and one that reconnects elsewhere was never away', async () => {
    const brokers = await open();
    const limits = { ...soon, willDelayMs: 50 };
    const [one, two] = [await start({ broker: brokers[0], limits }), await start({ broker: brokers[1], limits })];
    const watcher = await RawClient.join(two);
    await watcher.ask({ op: 'presence', id: 1, filter: 'home/#', follow: true });
    const first = await visitor(one, 'page', ['home'], { publisher: 'p' });
    expect(await changed(watcher)).toEqual({ ...nobody, joined: { page: ['home'] } });
    first.socket.terminate();
    await visitor(two, 'page', ['home'], { publisher: 'p' });
    expect(await changed(watcher)).toEqual({ ...nobody, updated: { page: ['home'] } });
    // What the first server says when the time of the old connection is over comes before what it says later.
    await new Promise((resolve) => setTimeout(resolve, 60));
    await visitor(one, 'late', ['home']);
    expect(await changed(watcher)).toEqual({ ...nobody, joined: { late: ['home'] } });
    expect(await whoIs(watcher, '#')).toEqual({ page: ['home'], late: ['home'] });
  });
});

describe('a server that is killed', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    onTestFinished(() => void vi.useRealTimers());
  });

  it('takes its clients with it within 20 s, but for those that are back elsewhere', async () => {
    const broker = new LocalBroker();
    const severed = new SeverableBroker(broker);
    const [one, two] = [await start({ broker: severed, limits: soon }), await start({ broker, limits: soon })];
    const lost = await visitor(one, 'lost', ['home'], { publisher: 'lost' });
    const back = await visitor(one, 'back', ['home'], { publisher: 'back' });
    const watcher = await RawClient.join(two);
    await watcher.ask({ op: 'presence', id: 1, filter: 'home', follow: true });
    severed.sever();
    for (const client of [lost, back]) client.socket.terminate();
    await visitor(two, 'back', ['home'], { publisher: 'back' });
    expect(await changed(watcher)).toEqual({ ...nobody, updated: { back: ['home'] } });
    vi.advanceTimersByTime(14_000);
    expect(await whoIs(watcher, '#')).toEqual({ lost: ['home'], back: ['home'] });
    vi.advanceTimersByTime(6_000);
    expect(await changed(watcher)).toMatchObject({ joined: {}, updated: {}, left: [expect.any(String)] });
    expect(await whoIs(watcher, '#')).toEqual({ back: ['home'] });
  });
});

describe('limits', () => {
  it.each<[string, Json, number]>([
    ['no client in hello', { op: 'here', id: 1, at: ['home'] }, 100],
    ['no places', { op: 'here', id: 1 }, 100],
    ['wildcards in a place', { op: 'here', id: 1, at: ['home/#'] }, 101],
    ['the cloud’s own places', { op: 'here', id: 1, at: ['$here'] }, 101],
    ['17 places', { op: 'here', id: 1, at: Array.from({ length: 17 }, (_, index) => `a/${index}`) }, 104],
    ['a long info', { op: 'here', id: 1, at: ['a'], info: { text: 'x'.repeat(1100) } }, 103],
    ['a wrong filter', { op: 'presence', id: 1, filter: 'a/#/b' }, 102],
    ['the cloud’s own topics', { op: 'presence', id: 1, filter: '$here/#' }, 102],
  ])('%s', async (_, message, code) => {
    const client = await RawClient.join(await start());
    expect(await client.ask(message)).toMatchObject({ op: 'error', id: 1, code });
  });

  it.each<[string, Json]>([
    ['no name', {}],
    ['an empty name', { name: ' ' }],
    ['a long name', { name: 'x'.repeat(65) }],
    ['a long kind', { name: 'x', kind: 'x'.repeat(33) }],
    ['an info that is no object', { name: 'x', info: [] }],
    ['no object', 'x'],
  ])('hello with a client that has %s', async (_, client) => {
    const raw = await RawClient.open(await start());
    expect(await raw.ask({ op: 'hello', client })).toMatchObject({ op: 'error', code: 100 });
  });

  it('of filters per connection and per server, and of bytes', async () => {
    const cloud = await start({ limits: { followedFilters: 2, presenceFilters: 3, presenceBytes: 400 } });
    const client = await RawClient.join(cloud, { client: { name: 'x' } });
    const follow = (id: number, filter: string) => ({ op: 'presence', id, filter, follow: true });
    for (const [id, filter] of ['a', 'b', 'b'].entries()) {
      expect(await client.ask(follow(id, filter))).toMatchObject({ op: 'presence', id });
    }
    expect(await client.ask(follow(4, 'c'))).toMatchObject({ id: 4, code: 104 });
    const other = await RawClient.join(cloud, { client: { name: 'y' } });
    expect(await other.ask(follow(1, 'c'))).toMatchObject({ op: 'presence' });
    expect(await other.ask(follow(2, 'd'))).toMatchObject({ id: 2, code: 202 });
    const long = { op: 'here', id: 3, at: ['a/b', 'x'.repeat(200)] };
    expect(await client.ask(long)).toEqual({ op: 'ok', id: 3 });
    expect(await other.ask({ ...long, id: 4 })).toMatchObject({ op: 'error', id: 4, code: 202 });
    expect(await other.ask({ op: 'here', id: 5, at: ['a'] })).toEqual({ op: 'ok', id: 5 });
  });
});

describe('with signed tokens', () => {
  const keys = new KeyFolder();
  keys.put('a');
  afterAll(() => keys.remove());
  const enter = async (cloud: Cloud, name: string, presence: string[], subject: string) =>
    RawClient.join(cloud, { client: { name }, token: await keys.token({ presence, serve: ['home/+'] }, { subject }) });

  it('one is where one may be, and sees those who are where one may ask, with their subjects', async () => {
    const cloud = await start({ keys: keys.path });
    const home = await enter(cloud, 'at home', ['home/#'], 'anna');
    const work = await enter(cloud, 'at work', ['work/#'], 'berta');
    const both = await enter(cloud, 'at both', ['home/#', 'work/#'], 'carla');
    expect(await home.ask({ op: 'here', id: 1, at: ['home', 'work'] })).toMatchObject({ id: 1, code: 111 });
    await home.ask({ op: 'here', id: 1, at: ['home'] });
    await work.ask({ op: 'here', id: 1, at: ['work'] });
    await both.ask({ op: 'here', id: 1, at: ['home', 'work'] });
    expect(await whoIs(home, 'home/#')).toEqual({ 'at home': ['home'], 'at both': ['home'] });
    expect(await whoIs(work, 'work/#')).toEqual({ 'at work': ['work'], 'at both': ['work'] });
    for (const filter of ['#', '+', 'home/#', 'home']) {
      expect(await work.ask({ op: 'presence', id: 2, filter })).toMatchObject({ id: 2, code: 111 });
    }
    const answer = await both.ask({ op: 'presence', id: 3, filter: 'work/#' });
    expect((answer.clients as Who[]).map(({ subject }) => subject).sort()).toEqual(['berta', 'carla']);
  });

  it('a gateway without the right is seen at the probes that it serves, and sees nobody', async () => {
    const cloud = await start({ keys: keys.path });
    const gateway = await enter(cloud, 'gateway', [], 'gateway');
    await gateway.ask({ op: 'serve', id: 1, probes: ['home/ball'] });
    expect(await gateway.ask({ op: 'presence', id: 2, filter: 'home/ball' })).toMatchObject({ code: 111 });
    expect(await whoIs(await enter(cloud, 'page', ['home/#'], 'anna'), 'home/#')).toEqual({ gateway: ['home/ball'] });
  });

  it('what a new token does not allow any more ends', async () => {
    const cloud = await start({ keys: keys.path, limits: soon });
    const token = (presence: string[]) => keys.token({ presence });
    const client = await RawClient.join(cloud, { client: { name: 'x' }, token: await token(['home/#', 'work/#']) });
    await client.ask({ op: 'here', id: 1, at: ['home', 'work'] });
    for (const filter of ['home/#', 'work/#']) await client.ask({ op: 'presence', id: 2, filter, follow: true });
    expect(await client.ask({ op: 'refresh', id: 3, token: await token(['home/#']) })).toEqual({ op: 'ok', id: 3 });
    const other = await RawClient.join(cloud, { token: await token(['home/#', 'work/#']) });
    expect(await whoIs(other, 'work/#')).toEqual({});
    expect(await whoIs(other, 'home/#')).toEqual({ x: ['home'] });
    await client.ask({ op: 'here', id: 4, at: [] });
    expect(await changed(client)).toMatchObject({ left: [expect.any(String)] });
    expect(await client.received()).toEqual([]);
  });
});
