/** What the broker over NATS does when NATS is killed under load, and how it names topics. */
import { afterEach, expect, it } from 'vitest';
import { type BrokerMessage, publishJson } from '../../cloud/broker/index.ts';
import { NatsBroker } from '../../cloud/broker/nats.ts';
import { subjectOf, topicOf } from '../../cloud/broker/nats-subjects.ts';
import { Engine } from './engines.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function connect(engine: Engine): Promise<NatsBroker> {
  const broker = await NatsBroker.connect({ url: engine.url });
  cleanups.push(() => broker.close());
  return broker;
}

async function startNats(): Promise<Engine> {
  const engine = await Engine.nats();
  cleanups.push(() => engine.remove());
  return engine;
}

it('loses, repeats and reorders nothing while NATS is killed under load', async () => {
  const engine = await startNats();
  const [here, there] = [await connect(engine), await connect(engine)];
  const topics = ['load/a', 'load/b'];
  const each = 1_000;
  const seen: BrokerMessage[] = [];
  const gaps: string[] = [];
  let acknowledged = 0;
  const arrived = new Promise<void>((resolve) => {
    const deliver = (message: BrokerMessage) => {
      seen.push(message);
      if (topics.every((topic) => seen.some((one) => one.topic === topic && one.data === each))) resolve();
    };
    void there.subscribe('load/#', deliver, { onGap: (reason) => gaps.push(reason) });
  });
  const publishing = Promise.all(
    topics.map(async (topic, index) => {
      const underWay: Promise<void>[] = [];
      for (let seq = 1; seq <= each; seq++) {
        const dedupe = index === 0 ? { dedupe: { publisher: topic, seq } } : {};
        underWay.push(publishJson(here, topic, seq, dedupe).then(() => void acknowledged++));
        if (underWay.length >= 32) await underWay.shift();
      }
      await Promise.all(underWay);
    }),
  );
  while (acknowledged < each / 2) await new Promise((resolve) => setImmediate(resolve));
  await engine.kill();
  await engine.start();
  await publishing;
  await arrived;
  expect(gaps).toEqual([]);
  const expected = Array.from({ length: each }, (_, index) => index + 1);
  for (const topic of topics) {
    expect(seen.filter((message) => message.topic === topic).map(({ data }) => data)).toEqual(expected);
  }
  expect(acknowledged).toBe(topics.length * each);
}, 60_000);

it('has the last values and the history for a server that begins later', async () => {
  const engine = await startNats();
  const first = await connect(engine);
  const { position } = await first.subscribe('#', () => {});
  for (const count of [1, 2, 3]) await publishJson(first, 'home/ball', count, { retain: true });
  await publishJson(first, 'home/gone', 1, { retain: true });
  await publishJson(first, 'home/gone', null, { retain: true });
  await publishJson(first, '$serve/home/ball/x', 4, { retain: true });
  await first.close();
  const later = await connect(engine);
  const seen: unknown[] = [];
  for (const filter of ['#', '$serve/#']) await later.subscribe(filter, ({ topic, data }) => seen.push([topic, data]));
  expect(seen).toEqual([
    ['home/ball', 3],
    ['$serve/home/ball/x', 4],
  ]);
  const { messages, complete } = await later.read(['home/+'], position, 10);
  expect([complete, messages.map(({ data }) => data)]).toEqual([true, [1, 2, 3, 1, null]]);
});

it('names every topic by a subject that NATS allows, and back', () => {
  for (const topic of ['home/ball', 'a.b/c*d/>', '100%/ü €', '%2E/.', 'a b/~', '$x/y']) {
    const subject = subjectOf('earl.m', topic);
    expect(subject).not.toMatch(/[*>\s]|\.\./);
    expect(topicOf('earl.m', subject)).toBe(topic);
  }
});

it('says what is wrong with an address', async () => {
  await expect(NatsBroker.connect({ url: 'http://x' })).rejects.toMatchObject({ code: 'BACKPLANE_BAD_URL' });
  const engine = await startNats();
  await engine.kill();
  await expect(NatsBroker.connect({ url: engine.url })).rejects.toMatchObject({ code: 'BACKPLANE_UNREACHABLE' });
});
