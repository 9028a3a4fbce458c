/**
 * What servers in regions do when the link to the home region is cut, its NATS is killed, or their own; and that a client
 * may go on in another region.
 */
import { cpSync, rmSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { publishJson } from '../../cloud/broker/index.ts';
import type { NatsBroker } from '../../cloud/broker/nats.ts';
import { startCloud } from '../../cloud/server/index.ts';
import { RawClient } from '../cloud/raw-client.ts';
import { Regions } from './regions.ts';
import { expectAll, watch } from './watch.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function startRegions(): Promise<Regions> {
  const regions = await Regions.start();
  cleanups.push(() => regions.stop());
  return regions;
}

it('loses, repeats and reorders nothing in three regions while link, home and leaf break under load', async () => {
  const regions = await startRegions();
  const places = [regions.home, await regions.leaf('eu', 2), await regions.leaf('us', 2)] as const;
  const [, eu, us] = places;
  const options = { historyPerTopic: 10_000 };
  const brokers: NatsBroker[] = [];
  for (const place of places) brokers.push(await regions.connect(place, options));
  const watched = await Promise.all(brokers.map((broker) => watch(broker, 'load/#')));
  const each = 1_500;
  const topics = ['load/home', 'load/eu', 'load/us'];
  let acknowledged = 0;

  /** One topic now and then goes on in another region, as a gateway does: with what was not acknowledged, in order. */
  async function publishAll(topic: string, index: number): Promise<void> {
    const unacknowledged = new Map<number, Promise<unknown>>();
    for (let seq = 1; seq <= each; seq++) {
      const publish = (at: number, number: number) => {
        const dedupe = index === 2 ? {} : { dedupe: { publisher: topic, seq: number } };
        return publishJson(brokers[at % 3]!, topic, number, dedupe);
      };
      const publishing = publish(index, seq).then(() => {
        acknowledged += 1;
        unacknowledged.delete(seq);
      });
      unacknowledged.set(seq, publishing);
      if (index === 1 && seq % 100 === 0)
        for (const number of [...unacknowledged.keys()]) void publish(index + 1, number);
      if (unacknowledged.size >= 64) await unacknowledged.values().next().value;
    }
    await Promise.all(unacknowledged.values());
  }

  const faults = [
    async () => eu.link!.cut(),
    async () => regions.home.engine.kill(),
    async () => {
      await regions.home.engine.start();
      eu.link!.mend();
    },
    async () => {
      await us.engine.kill();
      await us.engine.start();
    },
  ];
  // The last message is published in a quiet moment: it shows that all before it have come.
  const publishing = Promise.all(topics.map(publishAll));
  for (const [index, fault] of faults.entries()) {
    const due = ((index < 2 ? index + 1 : index) * topics.length * each) / 8;
    while (index !== 2 && acknowledged < due) await new Promise((resolve) => setImmediate(resolve));
    await fault();
  }
  await publishing;
  await expectAll(watched, topics, each);
  for (const { messages } of watched) {
    expect(messages.map(({ offset }) => offset)).toEqual(watched[0]!.messages.map(({ offset }) => offset));
  }
  expect(acknowledged).toBe(topics.length * each);
}, 60_000);

it('resumes in another region, also where the mirror is behind', async () => {
  const regions = await startRegions();
  const [eu, us] = [await regions.leaf('eu'), await regions.leaf('us')];
  const [atHome, inEu, inUs] = [
    await regions.connect(regions.home),
    await regions.connect(eu),
    await regions.connect(us),
  ];
  const seen = await watch(inEu, 'home/#');
  const behind = await watch(inUs, 'home/#');
  await publishJson(atHome, 'home/ball', 1, { retain: true });
  await Promise.all([seen, behind].map(({ until }) => until(({ data }) => data === 1)));
  us.link!.cut();
  for (const count of [2, 3, 4]) await publishJson(inEu, 'home/ball', count, { retain: true });
  await seen.until(({ data }) => data === 4);
  const place = { epoch: seen.position.epoch, offset: seen.messages.at(-1)!.offset };
  const middle = { ...place, offset: seen.messages.at(1)!.offset };
  const reading = [inUs.read(['home/+'], place, 10), inUs.read(['home/+'], middle, 10)];
  const cloud = await startCloud({ port: 0, broker: inUs });
  cleanups.push(() => cloud.close());
  const client = await RawClient.join(cloud);
  const resuming = client.ask({ op: 'subscribe', id: 1, filters: ['home/#'], since: place });
  us.link!.mend();
  expect(await resuming).toMatchObject({ op: 'ok', recovered: true, position: place });
  const [nothing, two] = await Promise.all(reading);
  expect(nothing).toEqual({ messages: [], complete: true });
  expect([two!.complete, two!.messages.map(({ data }) => data)]).toEqual([true, [3, 4]]);
  expect(two!.messages.map(({ offset }) => offset)).toEqual(seen.messages.slice(2).map(({ offset }) => offset));
  expect(await inUs.read(['home/+'], { ...place, offset: place.offset + 1_000 }, 10)).toMatchObject({
    complete: false,
  });
  const late: unknown[] = [];
  await inUs.subscribe('home/ball', ({ data }) => late.push(data));
  expect(late).toEqual([4]);
}, 30_000);

it('reads on in a region that is cut off, keeps what is published, and refuses what does not fit', async () => {
  const regions = await startRegions();
  const eu = await regions.leaf('eu');
  const lines: string[] = [];
  const inEu = await regions.connect(eu, { waitingBytes: 10_000, log: (line) => lines.push(line) });
  const atHome = await regions.connect(regions.home);
  const [here, there] = [await watch(inEu, 'home/#'), await watch(atHome, 'home/#')];
  await publishJson(inEu, 'home/ball', 0, { retain: true });
  await Promise.all([here, there].map(({ until }) => until(({ data }) => data === 0)));
  eu.link!.cut();
  const publishing = Array.from({ length: 20 }, (_, index) =>
    inEu.publish('home/ball', Buffer.from(`${index + 1}${' '.repeat(1000)}`)).then(
      () => 'accepted',
      (error: { code: string }) => error.code,
    ),
  );
  // A server that begins while the region is cut off has what the mirror has.
  const begun = await regions.connect(eu);
  const kept = await watch(begun, 'home/#');
  expect(kept.messages.map(({ data, retained }) => [data, retained])).toEqual([[0, true]]);
  expect((await begun.read(['home/#'], { ...here.position, offset: 0 }, 10)).messages).toHaveLength(1);
  const cloud = await startCloud({ port: 0, broker: begun, limits: { canaryTimeoutMs: 200 } });
  cleanups.push(() => cloud.close());
  expect((await fetch(`${cloud.url}/health`)).status).toBe(503);
  // There is one order, made at home: nobody in the region has what the home has not.
  expect(here.messages).toHaveLength(1);
  expect(lines.join()).toMatch(/nobody answers for it; what is published waits/);
  eu.link!.mend();
  const outcomes = await Promise.all(publishing);
  const accepted = outcomes.filter((outcome) => outcome === 'accepted').length;
  expect(accepted).toBe(9);
  expect(new Set(outcomes.slice(accepted))).toEqual(new Set(['BROKER_OVERLOADED']));
  for (const { messages, until, gaps } of [here, there, kept]) {
    await until(({ data }) => data === accepted);
    expect(messages.map(({ data }) => data)).toEqual(Array.from({ length: accepted + 1 }, (_, index) => index));
    expect(gaps).toEqual([]);
  }
}, 30_000);

it('says that there is a gap when the home no longer has what a region missed', async () => {
  const regions = await startRegions();
  const eu = await regions.leaf('eu');
  const bounds = { historyBytes: 20_000 };
  const [atHome, inEu] = [await regions.connect(regions.home, bounds), await regions.connect(eu, bounds)];
  const watched = await watch(inEu, 'a');
  await publishJson(atHome, 'a', 0);
  await watched.until(({ data }) => data === 0);
  eu.link!.cut();
  const long = ' '.repeat(1_000);
  for (let count = 1; count <= 60; count++) await atHome.publish('a', Buffer.from(`${count}${long}`));
  eu.link!.mend();
  await watched.gap;
  await publishJson(atHome, 'a', 'on');
  await watched.until(({ data }) => data === 'on');
  expect(watched.gaps).toHaveLength(1);
  const { messages } = watched;
  expect(messages[0]!.data).toBe(0);
  // What was in the stream when it was read anew is for those who subscribe anew.
  expect(messages.slice(1).every(({ data }, index) => data === 'on' || Number(data) > index + 1)).toBe(true);
  expect(await inEu.read(['a'], watched.position, 100)).toEqual({ messages: [], complete: false });
  const recent = { ...watched.position, offset: messages.at(-1)!.offset - 1 };
  expect((await inEu.read(['a'], recent, 100)).messages.map(({ data }) => data)).toEqual(['on']);
}, 30_000);

it('begins a new epoch everywhere when the home has lost the end of its stream', async () => {
  const regions = await startRegions();
  const eu = await regions.leaf('eu');
  const [inEu, atHome] = [await regions.connect(eu), await regions.connect(regions.home)];
  const watched = [await watch(inEu, 'a'), await watch(atHome, 'a')];
  await publishJson(atHome, 'a', 1, { retain: true });
  for (const { until } of watched) await until(({ data }) => data === 1);
  // As after a loss of power: the disk has an older state than was acknowledged.
  const { engine } = regions.home;
  await engine.kill();
  cpSync(`${engine.folder}/jetstream`, `${engine.folder}/older`, { recursive: true });
  await engine.start();
  for (const count of [2, 3]) await publishJson(inEu, 'a', count, { retain: true });
  for (const { until } of watched) await until(({ data }) => data === 3);
  await engine.kill();
  rmSync(`${engine.folder}/jetstream`, { recursive: true });
  cpSync(`${engine.folder}/older`, `${engine.folder}/jetstream`, { recursive: true });
  await engine.start();
  await Promise.all(watched.map(({ gap }) => gap));
  await publishJson(inEu, 'a', 'on');
  for (const { until, messages, gaps } of watched) {
    await until(({ data }) => data === 'on');
    // What the older state has was delivered long ago.
    expect(messages.map(({ data }) => data)).toEqual([1, 2, 3, 'on']);
    expect(gaps).toHaveLength(1);
  }
  for (const broker of [inEu, atHome]) {
    const late = await watch(broker, 'a');
    expect(late.position.epoch).not.toBe(watched[0]!.position.epoch);
    expect(late.messages.map(({ data, retained }) => [data, retained])).toEqual([[1, true]]);
    expect(await broker.read(['a'], watched[0]!.position, 10)).toEqual({ messages: [], complete: false });
  }
}, 40_000);

it('says what is wrong with the address of a region', async () => {
  const regions = await startRegions();
  const eu = await regions.leaf('eu');
  await regions.connect(eu);
  const { NatsBroker } = await import('../../cloud/broker/nats.ts');
  const problem = (url: string) => NatsBroker.connect({ url }).catch((error: { code: string }) => error);
  expect(await problem(eu.engine.url)).toMatchObject({
    code: 'BACKPLANE_BAD_URL',
    message: expect.stringMatching(/mirror.*home=DOMAIN/),
  });
  expect(await problem(`${regions.home.url}?home=home`)).toMatchObject({ code: 'BACKPLANE_BAD_URL' });
  const bad = await problem(regions.home.url.replace('password-of-earl', 'wrong'));
  expect(bad).toMatchObject({ code: 'BACKPLANE_UNREACHABLE' });
  expect(String(bad)).not.toMatch(/wrong@|:wrong/);
}, 20_000);
