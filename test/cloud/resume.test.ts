/** Subscriptions that go on after a lost connection: everything missed, in order, once, or an honest no. */
import { afterEach, describe, expect, it } from 'vitest';
import { type Broker, LocalBroker, publishJson } from '../../cloud/broker/index.ts';
import { type CloudClient, connect } from '../../cloud/client/index.node.ts';
import type { Json, Position } from '../../cloud/protocol/index.ts';
import { LateBroker } from '../contract/late-broker.ts';
import { cloudsForTests, offset, position, RawClient } from './raw-client.ts';

const start = cloudsForTests();

describe.each([
  ['the in-process broker', () => new LocalBroker()],
  ['a late broker', () => new LateBroker()],
])('a subscription resumed over %s', (_name, createBroker: () => Broker) => {
  it('brings what was published meanwhile on its filters, in order, once, then ok', async () => {
    const cloud = await start({ broker: createBroker() });
    const publisher = await RawClient.join(cloud);
    let id = 0;
    const publish = (topic: string, data: Json) => publisher.ask({ op: 'publish', topic, data, id: ++id });
    const first = await RawClient.join(cloud);
    await first.ask({ op: 'subscribe', id: 1, filters: ['home/#', '+/ball/samples'] });
    await publish('home/ball/samples', 'seen');
    const seen = (await first.next()) as { offset: number };
    await first.end();
    const missed: [string, number][] = [
      ['home/ball/samples', 1],
      ['work/ball/samples', 2],
      ['work/arm/samples', 3],
      ['home/arm/samples', 4],
      ['home/ball/samples', 5],
    ];
    for (const [topic, data] of missed) await publish(topic, data);
    const again = await RawClient.join(cloud);
    const { position: now } = (await again.ask({ op: 'subscribe', id: 1, filter: 'fence' })) as unknown as {
      position: Position;
    };
    await again.ask({ op: 'unsubscribe', id: 2, filter: 'fence' });
    const since = { epoch: now.epoch, offset: seen.offset };
    again.say({ op: 'subscribe', id: 3, filters: ['home/#', '+/ball/samples'], since });
    for (const [topic, data] of missed) {
      if (!topic.startsWith('work/arm')) {
        expect(await again.next()).toEqual({ op: 'message', topic, offset, data });
      }
    }
    expect(await again.next()).toEqual({ op: 'ok', id: 3, position, recovered: true });
    await publish('home/ball/samples', 6);
    expect(await again.next()).toEqual({ op: 'message', topic: 'home/ball/samples', offset, data: 6 });
  });

  it('misses nothing of what is published while it is resumed', async () => {
    const broker = createBroker();
    const cloud = await start({ broker });
    let published = 0;
    let publishing = true;
    const flood = (async () => {
      while (publishing) {
        await publishJson(broker, `flood/${published % 3}`, ++published);
        if (published % 5 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const expected: Json[] = [];
    let since: Position | undefined;
    for (let round = 0; round < 10; round++) {
      const client = await RawClient.join(cloud);
      client.say({ op: 'subscribe', id: 1, filters: ['flood/#', 'flood/1'], ...(since && { since: { ...since } }) });
      for (let count = 0; count < 40; count++) {
        const message = await client.next();
        if (message.op === 'ok') {
          if (round > 0) expect(message.recovered).toBe(true);
          since ??= message.position as unknown as Position;
        } else {
          expected.push(message.data!);
          since = { epoch: since!.epoch, offset: message.offset as number };
        }
      }
      client.socket.terminate();
    }
    publishing = false;
    await flood;
    const firstSeen = expected[0] as number;
    expect(expected).toEqual(expected.map((_, index) => firstSeen + index));
  });

  it('says that it cannot when the history is gone, and hands over the last values instead', async () => {
    const cloud = await start({ broker: createBroker() });
    const client = await RawClient.join(cloud);
    await client.ask({ op: 'publish', topic: 'a', data: 'last', id: 1, retain: true });
    for (const since of [
      { epoch: 'of another cloud', offset: 0 },
      { epoch: '', offset: 10 ** 9 },
    ]) {
      client.say({ op: 'subscribe', id: 2, filter: 'a', since });
      expect(await client.next()).toEqual({ op: 'message', topic: 'a', offset, data: 'last', retained: true });
      expect(await client.next()).toEqual({ op: 'ok', id: 2, position, recovered: false });
    }
  });
});

describe('the client', () => {
  const clients: CloudClient[] = [];
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
  });

  it('resumes all its subscriptions, and tells when messages were missed', async () => {
    let broker = new LocalBroker({ historyPerTopic: 50 });
    let cloud = await start({ broker });
    const { port } = cloud;
    let missed = 0;
    const client = connect({
      url: cloud.url,
      backoffMs: { first: 5, longest: 20 },
      onMissed: () => {
        missed += 1;
      },
    });
    clients.push(client);
    const all: Json[] = [];
    const odd: Json[] = [];
    await client.subscribe('home/+', (_topic, data) => all.push(data));
    await client.subscribe('home/odd', (_topic, data) => odd.push(data));
    /** Ends the connection, publishes, and is back on the same port. */
    const away = async (numbers: number[]) => {
      await cloud.close();
      for (const number of numbers) await publishJson(broker, number % 2 ? 'home/odd' : 'home/even', number);
      cloud = await start({ port, broker });
    };
    await publishJson(broker, 'home/odd', 1);
    await expect.poll(() => all).toEqual([1]);
    await away([2, 3, 4, 5]);
    await expect.poll(() => all).toEqual([1, 2, 3, 4, 5]);
    await away([6, 7]);
    await expect.poll(() => all).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(odd).toEqual([1, 3, 5, 7]);
    expect(missed).toBe(0);
    await away(Array.from({ length: 60 }, () => 9));
    await expect.poll(() => missed).toBe(1);
    broker = new LocalBroker();
    await away([]);
    await expect.poll(() => missed).toBe(2);
    await publishJson(broker, 'home/odd', 11);
    await expect.poll(() => odd).toEqual([1, 3, 5, 7, 11]);
  });

  it('that is closed while it resumes has missed nothing', async () => {
    const broker = new LocalBroker();
    const first = await start({ broker });
    let missed = 0;
    const client = connect({
      url: first.url,
      backoffMs: { first: 5, longest: 20 },
      onMissed: () => {
        missed += 1;
      },
    });
    clients.push(client);
    await client.subscribe('home/+', () => {});
    await first.close();
    const resumes = new Promise<void>((resolve) => {
      broker.read = () => {
        resolve();
        return new Promise(() => {});
      };
    });
    await start({ port: first.port, broker });
    await resumes;
    await client.close();
    expect(missed).toBe(0);
  });
});
