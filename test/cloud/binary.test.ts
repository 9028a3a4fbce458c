/** Subprotocol `earl.v1`: publishing and delivery in binary records, everything else as in `earl.v1.json`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as pathJoin } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Journal, LocalBroker } from '../../cloud/broker/index.ts';
import {
  type Json,
  publishRecord,
  RecordReader,
  recordFlags,
  recordKinds,
  topicRecord,
} from '../../cloud/protocol/index.ts';
import type { Cloud } from '../../cloud/server/index.ts';
import { LateBroker } from '../contract/late-broker.ts';
import { cloudsForTests, position, RawClient } from './raw-client.ts';

const start = cloudsForTests();

type Said =
  | { kind: 'json'; message: { [key: string]: Json } }
  | { kind: 'topic'; number: number; topic: string }
  | { kind: 'message'; topic: string; payload: string; retained: boolean; together: number }
  | { kind: 'accepted'; seq: number }
  | { kind: 'refused'; seq: number; code: number; text: string };

/** A client of `earl.v1` whose receiving half knows the topics that it was told. */
async function join(cloud: Cloud, hello: { publisher?: string } = {}) {
  const client = await RawClient.open(cloud, { subprotocols: 'earl.v1' });
  const topics = new Map<number, string>();
  const said: Said[] = [];
  let wake = () => {};
  client.socket.on('message', (data, isBinary) => {
    if (isBinary) said.push(...records(data as Buffer, topics));
    else said.push({ kind: 'json', message: JSON.parse(String(data)) });
    wake();
  });
  const next = async (): Promise<Said> => {
    while (said.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return said.shift()!;
  };
  const ask = async (message: Json): Promise<unknown> => {
    client.say(message);
    const answer = await next();
    return answer.kind === 'json' ? answer.message : answer;
  };
  expect(await ask({ op: 'hello', ...hello })).toMatchObject({ op: 'welcome' });
  return { client, next, ask, send: (...parts: Uint8Array[]) => client.socket.send(Buffer.concat(parts)) };
}

function records(bytes: Buffer, topics: Map<number, string>): Said[] {
  const reader = new RecordReader(bytes);
  const read: Said[] = [];
  while (!reader.isAtEnd) {
    const head = reader.byte();
    const number = reader.number();
    if ((head & 0x0f) === recordKinds.topic) {
      topics.set(number, reader.text());
      read.push({ kind: 'topic', number, topic: topics.get(number)! });
    } else if ((head & 0x0f) === recordKinds.message) {
      reader.number();
      const payload = Buffer.from(reader.payload()).toString();
      const retained = (head & recordFlags.retain) !== 0;
      read.push({ kind: 'message', topic: topics.get(number)!, payload, retained, together: 0 });
    } else if (head === recordKinds.accepted) {
      read.push({ kind: 'accepted', seq: number });
    } else {
      read.push({ kind: 'refused', seq: number, code: reader.number(), text: reader.text() });
    }
  }
  const together = read.filter(({ kind }) => kind === 'message').length;
  return read.map((record) => (record.kind === 'message' ? { ...record, together } : record));
}

const message = (topic: string, payload: string, { retained = false, together = 1 } = {}): Said => {
  return { kind: 'message', topic, payload, retained, together };
};

describe('earl.v1', () => {
  it('delivers what was published under a number, and tells each topic once', async () => {
    const cloud = await start();
    const [publisher, subscriber, json] = [await join(cloud), await join(cloud), await RawClient.join(cloud)];
    expect(await subscriber.ask({ op: 'subscribe', id: 1, filter: 'home/#' })).toEqual({ op: 'ok', id: 1, position });
    await json.ask({ op: 'subscribe', id: 1, filter: 'home/#' });
    publisher.send(topicRecord(7, 'home/ball'), publishRecord(7, Buffer.from('[1]'), false));
    publisher.send(publishRecord(7, Buffer.from([0xff]), false));
    json.say({ op: 'publish', topic: 'home/ball', data: 'three' });
    expect(await subscriber.next()).toMatchObject({ kind: 'topic', topic: 'home/ball' });
    expect(await subscriber.next()).toEqual(message('home/ball', '[1]'));
    expect(await subscriber.next()).toMatchObject({ kind: 'message', topic: 'home/ball' });
    expect(await subscriber.next()).toEqual(message('home/ball', '"three"'));
    expect(await json.next()).toMatchObject({ op: 'message', topic: 'home/ball', data: [1] });
    expect(await json.next()).toMatchObject({ encoding: 'base64', data: '/w==' });
    expect(await json.next()).toMatchObject({ data: 'three' });
  });

  it.each([
    ['in memory', () => new LocalBroker()],
    ['later', () => new LateBroker()],
  ])('acknowledges up to a number, once per batch, what a broker accepts %s', async (_name, broker) => {
    const cloud = await start({ broker: broker() });
    const subscriber = await join(cloud);
    await subscriber.ask({ op: 'subscribe', id: 1, filter: 'a' });
    const first = await join(cloud, { publisher: 'p' });
    const publishes = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, index) =>
        publishRecord(1, Buffer.from(`${from + index}`), from + index === 3, from + index),
      );
    first.send(topicRecord(1, 'a'), ...publishes(1, 5));
    let accepted = 0;
    for (let answers = 0; accepted < 5; answers++) {
      const answer = await first.next();
      expect(answer.kind).toBe('accepted');
      if (answer.kind === 'accepted') accepted = answer.seq;
      expect(answers).toBeLessThan(5);
    }
    first.client.socket.terminate();
    const second = await join(cloud, { publisher: 'p' });
    second.send(topicRecord(1, 'a'), ...publishes(4, 6));
    for (let seq = 0; seq < 6; ) {
      const answer = await second.next();
      if (answer.kind === 'accepted') seq = answer.seq;
    }
    expect(await subscriber.next()).toMatchObject({ kind: 'topic' });
    for (let seq = 1; seq <= 6; seq++) expect(await subscriber.next()).toEqual(message('a', `${seq}`));
    const late = await join(cloud);
    late.client.say({ op: 'subscribe', id: 1, filter: 'a' });
    expect([await late.next(), await late.next()]).toEqual([
      expect.objectContaining({ kind: 'topic', topic: 'a' }),
      message('a', '3', { retained: true }),
    ]);
  });

  it('says which publish the broker refused', async () => {
    const folder = mkdtempSync(pathJoin(tmpdir(), 'earl-binary-'));
    const journal = new Journal({ folder });
    const cloud = await start({ broker: new LocalBroker({ journal }) });
    const publisher = await join(cloud, { publisher: 'p' });
    await journal.close();
    publisher.send(topicRecord(1, 'a'), publishRecord(1, Buffer.from('1'), false, 9));
    expect(await publisher.next()).toMatchObject({ kind: 'refused', seq: 9, code: 202 });
    rmSync(folder, { recursive: true, force: true });
  });

  it('holds messages back for those who allow it, all of them or the latest of each topic', async () => {
    const cloud = await start();
    const publisher = await join(cloud);
    const [all, latest] = [await join(cloud), await join(cloud)];
    await all.ask({ op: 'subscribe', id: 1, filter: '#', maxDelayMs: 40 });
    await latest.ask({ op: 'subscribe', id: 1, filter: '#', maxDelayMs: 40, latest: true });
    const values = ['a1', 'b1', 'a2', 'a3', 'c1'];
    const numbers = { a: 1, b: 2, c: 3 } as Record<string, number>;
    publisher.send(
      ...Object.entries(numbers).map(([topic, number]) => topicRecord(number, topic)),
      ...values.map((value) => publishRecord(numbers[value[0]!]!, Buffer.from(value), false)),
    );
    const messagesOf = async (client: typeof all, count: number) => {
      const got: Said[] = [];
      while (got.length < count) {
        const said = await client.next();
        if (said.kind === 'message') got.push(said);
      }
      return got;
    };
    expect(await messagesOf(all, 5)).toEqual(values.map((value) => message(value[0]!, value, { together: 5 })));
    const kept = ['b1', 'a3', 'c1'].map((value) => message(value[0]!, value, { together: 3 }));
    expect(await messagesOf(latest, 3)).toEqual(kept);
  });

  it.each([
    [[publishRecord(1, Buffer.from('x'), false)], 101, /no topic has the number 1/],
    [[topicRecord(1, '$serve/x')], 101, /must not begin with \$/],
    [[topicRecord(1, 'a/#')], 101, /wildcards/],
    [[topicRecord(1, 'a'), publishRecord(1, Buffer.from('x'), false, 1)], 100, /needs a "publisher"/],
    [[topicRecord(1, 'a'), publishRecord(1, Buffer.from('x'), false, 0)], 100, /begin at 1/],
    [[Buffer.from([0x0f])], 100, /no record of kind 15/],
    [[Buffer.from([0x02, 0x80])], 100, /ends inside a record/],
    [Array.from({ length: 4 }, (_, number) => topicRecord(number, `a/${number}`)), 104, /numbers for 3 topics/],
  ])('answers a wrong record %#', async (parts, code, text) => {
    const client = await join(await start({ limits: { publishedTopics: 3 } }));
    client.send(...parts);
    expect(await client.next()).toEqual({
      kind: 'json',
      message: { op: 'error', code, message: expect.stringMatching(text) },
    });
    expect(await client.ask({ op: 'ping', id: 1 })).toEqual({ op: 'pong', id: 1 });
  });

  it('wants hello first', async () => {
    const client = await RawClient.open(await start(), { subprotocols: 'earl.v1' });
    client.socket.send(topicRecord(1, 'a'));
    expect((await client.closed).code).toBe(4000);
  });
});
