import { expect, test } from 'vitest';
import { Spool, type SpoolClass, type SpoolEntry, type SpoolMessage } from './spool.ts';

const roomy = { maxMessages: 1000, maxBytes: 1_000_000 };

function message(kind: SpoolClass, data: number, topic = `site/p/${kind}`): SpoolMessage {
  return { topic, data, kind };
}

function spoolOf(limits = roomy) {
  const dropped: SpoolEntry[] = [];
  return { spool: new Spool(limits, (entry) => dropped.push(entry)), dropped };
}

function takeAll(spool: Spool): SpoolEntry[] {
  const taken: SpoolEntry[] = [];
  for (let entry = spool.take(); entry !== undefined; entry = spool.take()) taken.push(entry);
  return taken;
}

test('messages of all classes leave in the order of arrival, numbered as they leave', () => {
  const { spool } = spoolOf();
  spool.push(message('state', 1));
  spool.push(message('sample', 2));
  spool.push(message('event', 3));
  spool.push(message('sample', 4));
  expect(takeAll(spool).map(({ data, seq }) => [data, seq])).toEqual([
    [1, 1],
    [2, 2],
    [3, 3],
    [4, 4],
  ]);
});

test('of a state only the newest waits, in its new place', () => {
  const { spool } = spoolOf();
  spool.push(message('state', 1, 'site/a/status'));
  spool.push(message('sample', 2));
  spool.push(message('state', 3, 'site/a/status'));
  expect(takeAll(spool).map((entry) => entry.data)).toEqual([2, 3]);
});

test('a full spool drops the oldest samples first, then the oldest events, never a state', () => {
  const { spool, dropped } = spoolOf({ maxMessages: 3, maxBytes: 1_000_000 });
  spool.push(message('state', 0));
  for (const data of [1, 2]) spool.push(message('event', data));
  for (const data of [3, 4, 5]) spool.push(message('sample', data));
  expect(dropped.map((entry) => entry.data)).toEqual([3, 4]);
  for (const data of [6, 7]) spool.push(message('event', data));
  expect(dropped.map((entry) => entry.data)).toEqual([3, 4, 5, 1]);
  expect(takeAll(spool).map((entry) => entry.data)).toEqual([0, 2, 6, 7]);
});

test('the byte limit counts topic and JSON, and gives the bytes back when a message is settled', () => {
  const { spool, dropped } = spoolOf({ maxMessages: 1000, maxBytes: 40 });
  const small = { topic: 'site/p/samples', data: 12345, kind: 'sample' } as const; // 14 + 5 bytes
  spool.push(small);
  spool.push(small);
  expect(spool.bytes).toBe(38);
  spool.push(small);
  expect(dropped).toHaveLength(1);
  expect(spool.bytes).toBe(38);
  for (const entry of takeAll(spool)) spool.settle(entry);
  expect([spool.bytes, spool.size, spool.inFlight]).toEqual([0, 0, 0]);
  spool.push({ topic: 'site/p/samples', data: 'x'.repeat(60), kind: 'sample' });
  expect(dropped).toHaveLength(2);
  expect(spool.size).toBe(0);
});

test('what is in flight is not dropped: it may have been delivered', () => {
  const { spool, dropped } = spoolOf({ maxMessages: 2, maxBytes: 1_000_000 });
  for (const data of [1, 2]) spool.push(message('sample', data));
  takeAll(spool);
  spool.push(message('sample', 3));
  expect(dropped.map((entry) => entry.data)).toEqual([3]);
  expect(spool.inFlight).toBe(2);
});

test('rewind sends what was in flight first and again under its old numbers', () => {
  const { spool } = spoolOf();
  for (const data of [1, 2, 3, 4]) spool.push(message('sample', data));
  const first = [spool.take()!, spool.take()!, spool.take()!];
  spool.settle(first[1]!);
  spool.rewind();
  expect(spool.inFlight).toBe(0);
  expect([spool.take()!, spool.take()!, spool.take()!].map(({ data, seq }) => [data, seq])).toEqual([
    [1, 1],
    [3, 3],
    [4, 4],
  ]);
});

test('two disconnects in a row keep the order', () => {
  const { spool } = spoolOf();
  for (const data of [1, 2, 3]) spool.push(message('sample', data));
  takeAll(spool);
  spool.rewind();
  spool.take();
  spool.rewind();
  expect(takeAll(spool).map(({ data, seq }) => [data, seq])).toEqual([
    [1, 1],
    [2, 2],
    [3, 3],
  ]);
});

test('what is tried again keeps its numbers and its order, states too, before what came later', () => {
  const { spool } = spoolOf();
  spool.push(message('sample', 1));
  spool.push(message('state', 2, 'a'));
  spool.push(message('sample', 3));
  const [first] = takeAll(spool);
  spool.settle(first!);
  spool.push(message('state', 4, 'a'));
  spool.retry();
  expect(takeAll(spool).map(({ data, seq }) => [data, seq])).toEqual([
    [2, 2],
    [3, 3],
    [4, 4],
  ]);
});

test('republished states go first and supersede the same topics', () => {
  const { spool } = spoolOf();
  spool.push(message('sample', 1));
  spool.push(message('state', 2, 'a'));
  spool.push(message('state', 3, 'b'));
  spool.pushFirst([message('state', 4, 'b')]);
  expect(takeAll(spool).map((entry) => entry.data)).toEqual([4, 1, 2]);
  expect(spool.bytes).toBe(1 + 'site/p/sample'.length);
});

test('settling twice does not free bytes twice', () => {
  const { spool } = spoolOf();
  spool.push(message('sample', 1));
  spool.push(message('sample', 2));
  const entry = spool.take()!;
  spool.settle(entry);
  spool.settle(entry);
  expect(spool.bytes).toBe(1 + 'site/p/sample'.length);
});

test('100,000 messages pass through a full spool without getting slow', () => {
  const { spool, dropped } = spoolOf({ maxMessages: 100, maxBytes: 1_000_000 });
  for (let data = 0; data < 100_000; data++) spool.push(message('sample', data));
  expect(dropped).toHaveLength(99_900);
  expect(takeAll(spool)[0]?.data).toBe(99_900);
});
