/** What the client keeps while the cloud is away or refuses: nothing lost, doubled or out of order. */
import { afterEach, describe, expect, it, onTestFailed } from 'vitest';
import { type BrokerMessage, LocalBroker } from '../../cloud/broker/index.ts';
import { type CloudClient, type CloudClientOptions, connect } from '../../cloud/client/index.node.ts';
import { FaultyBroker, randomFrom } from '../contract/faulty-broker.ts';
import { cloudsForTests } from './raw-client.ts';

const start = cloudsForTests();
const clients: CloudClient[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});

function client(port: number, options: Partial<CloudClientOptions> = {}): CloudClient {
  const url = `ws://127.0.0.1:${port}`;
  const created = connect({ url, backoffMs: { first: 5, longest: 40 }, onHandlerError: () => {}, ...options });
  clients.push(created);
  return created;
}

function connected(one: CloudClient): Promise<void> {
  if (one.connected) return Promise.resolve();
  return new Promise((resolve) => {
    const stop = one.onState((isConnected) => {
      if (!isConnected) return;
      stop();
      resolve();
    });
  });
}

const seed = Number(process.env.EARL_FUZZ_SEED ?? 20_261_122);
const protocols = ['auto', 'json'] as const;

describe.each(protocols)('acknowledged publishes of a client that speaks %s', (protocol) => {
  it('survive a broker that refuses at random, and a server that comes and goes: once, in order', async () => {
    onTestFailed(() => console.log('EARL_FUZZ_SEED =', seed));
    const random = randomFrom(seed);
    const broker = new FaultyBroker(seed);
    const delivered: BrokerMessage[] = [];
    await broker.subscribe('flood/#', (message) => delivered.push(message));
    let cloud = await start({ broker });
    const { port } = cloud;
    const one = client(port, { protocol, publisher: 'p', lastSeq: 0 });
    const publishing: Promise<void>[] = [];
    for (let number = 1; number <= 3000; number++) {
      publishing.push(one.publishAcknowledged(`flood/${number % 7}`, number));
      if (random() < 0.02) await new Promise((resolve) => setTimeout(resolve, 3 * random()));
      if (number % 1000 !== 500) continue;
      await cloud.close();
      cloud = await start({ port, broker });
    }
    await Promise.all(publishing);
    expect(delivered.map(({ data }) => data)).toEqual(publishing.map((_, index) => index + 1));
    expect(broker.refusals).toBeGreaterThan(10);
    expect(one.queue.acknowledged).toEqual({ messages: 0, bytes: 0, lastSeq: 3000 });
    await broker.close();
  }, 30_000);

  it('wait for a cloud that is away; beyond the limit new ones are rejected, and none that was taken in is lost', async () => {
    const broker = new LocalBroker();
    const delivered: unknown[] = [];
    await broker.subscribe('#', ({ data }) => delivered.push(data));
    const first = await start({ broker });
    const { port } = first;
    await first.close();
    const one = client(port, { protocol, queue: { messages: 3, bytes: 1000 } });
    const publishing = [1, 2, 3].map((number) => one.publishAcknowledged('a', number));
    await expect(one.publishAcknowledged('a', 4)).rejects.toMatchObject({
      code: 'CLOUD_QUEUE_FULL',
      message: expect.stringMatching(/3 messages of 6 bytes wait for the cloud/),
    });
    expect(one.queue.acknowledged).toEqual({ messages: 3, bytes: 6, lastSeq: 3 });
    await start({ port, broker });
    await Promise.all(publishing);
    await expect(one.publishAcknowledged('a', 'x'.repeat(1000))).rejects.toMatchObject({ code: 'CLOUD_QUEUE_FULL' });
    await one.publishAcknowledged('a', 5);
    expect(delivered).toEqual([1, 2, 3, 5]);
    await broker.close();
  });

  it('that are wrong are rejected, and hold nothing up', async () => {
    const { port } = await start();
    const one = client(port, { protocol });
    const outcomes = await Promise.allSettled([
      one.publishAcknowledged('a', 1),
      one.publishAcknowledged('$a', 2),
      one.publishAcknowledged('a', undefined as unknown as null),
      one.publishAcknowledged('a', 'ä'.repeat(33_000)),
      one.publishAcknowledged('a', 3),
      one.publishAcknowledged('a', 4, 1),
    ]);
    expect(outcomes.map((one) => (one.status === 'fulfilled' ? 'ok' : one.reason.code))).toEqual([
      'ok',
      'CLOUD_BAD_TOPIC',
      'CLOUD_BAD_DATA',
      'CLOUD_TOO_LARGE',
      'ok',
      'CLOUD_DISCONNECTED',
    ]);
    await expect(one.publishAcknowledged('a', 4, 1)).rejects.toMatchObject({ code: 'CLOUD_BAD_SEQUENCE' });
    const named = client(port, { protocol, publisher: 'gateway' });
    await expect(named.publishAcknowledged('a', 1)).rejects.toMatchObject({
      code: 'CLOUD_BAD_SEQUENCE',
      message: expect.stringMatching(/leave "publisher" out, or say with "lastSeq"/),
    });
  });

  it('that turn out to be too long for this cloud are rejected, and hold nothing up', async () => {
    const { port } = await start({ limits: { messageBytes: 1000 } });
    const errors: unknown[] = [];
    const one = client(port, { protocol, onHandlerError: (error) => errors.push(error) });
    const long = one.publishAcknowledged('a', 'x'.repeat(2000));
    one.publish('a', 'x'.repeat(2000));
    const short = one.publishAcknowledged('a', 'x');
    await expect(long).rejects.toMatchObject({
      code: 'CLOUD_REFUSED',
      message: expect.stringMatching(/longer than the 1000 bytes/),
    });
    await short;
    expect(errors).toMatchObject([{ code: 'CLOUD_REFUSED' }]);
  });

  it('of a publisher that went on counting after it started anew are new, others are repetitions', async () => {
    const broker = new LocalBroker();
    const delivered: unknown[] = [];
    await broker.subscribe('a', ({ data }) => delivered.push(data));
    const { port } = await start({ broker });
    const before = client(port, { protocol, publisher: 'p', lastSeq: 0 });
    await Promise.all([1, 2].map((number) => before.publishAcknowledged('a', number)));
    const { lastSeq } = before.queue.acknowledged;
    await before.close();
    const forgetful = client(port, { protocol, publisher: 'p', lastSeq: 0 });
    await forgetful.publishAcknowledged('a', 'taken for a repetition');
    await forgetful.close();
    await client(port, { protocol, publisher: 'p', lastSeq }).publishAcknowledged('a', 3);
    expect(delivered).toEqual([1, 2, 3]);
    await broker.close();
  });
});

describe('unacknowledged publishes while the cloud is away', () => {
  const cases: [CloudClientOptions['away'], unknown[], unknown][] = [
    [undefined, ['a3', 'b2'], { dropped: 0, superseded: 3 }],
    [{ keep: 'latest', messages: 1 }, ['b2'], { dropped: 3, superseded: 1 }],
    [{ keep: 'all' }, ['a1', 'b1', 'a2', 'a3', 'b2'], { dropped: 0, superseded: 0 }],
    [{ keep: 'all', messages: 2 }, ['a3', 'b2'], { dropped: 3, superseded: 0 }],
    [{ keep: 'all', bytes: 10 }, ['a3', 'b2'], { dropped: 3, superseded: 0 }],
    [{ keep: 'none' }, [], { dropped: 5, superseded: 0 }],
  ];

  it.each(cases)('are kept as %j says', async (away, expected, counted) => {
    const broker = new LocalBroker();
    const delivered: unknown[] = [];
    await broker.subscribe('#', ({ data }) => delivered.push(data));
    const first = await start({ broker });
    const { port } = first;
    await first.close();
    const dropped: string[] = [];
    const one = client(port, { ...(away && { away }), onDropped: (topic) => dropped.push(topic) });
    const kept = ['a1', 'b1', 'a2', 'a3', 'b2'].map((data) => one.publish(data[0]!, data));
    expect(kept).toEqual(Array(5).fill(away?.keep !== 'none'));
    expect(one.queue.loose).toMatchObject({ messages: expected.length, ...(counted as object) });
    await start({ port, broker });
    await connected(one);
    await one.ping();
    expect(delivered).toEqual(expected);
    expect(dropped).toHaveLength(5 - expected.length);
    expect(one.queue.loose).toMatchObject({ messages: 0, bytes: 0 });
    await broker.close();
  });

  it('of one turn leave in one message, in the order of all that was published', async () => {
    const broker = new LocalBroker();
    const delivered: unknown[] = [];
    await broker.subscribe('#', ({ data }) => delivered.push(data));
    const cloud = await start({ broker });
    const one = client(cloud.port);
    await connected(one);
    await one.ping();
    const before = await messagesIn(cloud.url);
    for (let number = 0; number < 50; number++) one.publish(`a/${number % 5}`, number);
    const last = one.publishAcknowledged('a/0', 'last');
    one.publish('a/1', 'after');
    await last;
    expect((await messagesIn(cloud.url)) - before).toBe(1);
    expect(delivered).toEqual([...Array(50).keys(), 'last', 'after']);
    await broker.close();
  });
});

async function messagesIn(url: string): Promise<number> {
  const health = (await (await fetch(`${url}/health`)).json()) as { sinceStart: { messagesIn: number } };
  return health.sinceStart.messagesIn;
}
