/** What each server makes of an engine's log for itself; with a real one in test/contract/broker-nats.test.ts. */
import { expect, it } from 'vitest';
import type { EngineRecord } from './engine-record.ts';
import { Replica } from './replica.ts';

const bounds = { historyBytes: 1e6, historyPerTopic: 3, retainedTopics: 10, retainedBytes: 1e6, publishers: 10 };

function begun(lost = 0): Replica {
  const replica = new Replica(bounds);
  replica.begin('one', lost, lost, []);
  return replica;
}

function record(topic: string, text: string, more: Partial<EngineRecord> = {}): EngineRecord {
  return { topic, payload: Buffer.from(text), retain: false, publisher: '', seq: 0, ...more };
}

it('is in the same state as another that took the same records, before or after a subscription', () => {
  const records = [
    record('a', '1', { retain: true }),
    record('b', '2', { publisher: 'p', seq: 5 }),
    record('b', '3', { publisher: 'p', seq: 5 }),
    record('b', '4', { publisher: 'p', seq: 4 }),
    record('a', '5', { retain: true, publisher: 'p', seq: 6 }),
  ];
  const [live, late] = [begun(), begun()];
  const heard: unknown[] = [];
  live.subscribe('#', ({ data, offset }) => heard.push([data, offset]), {});
  for (const replica of [live, late]) for (const [index, one] of records.entries()) replica.take(one, index + 1, true);
  expect(heard).toEqual([
    [1, 1],
    [2, 2],
    [5, 5],
  ]);
  for (const replica of [live, late]) {
    const last: unknown[] = [];
    const { position } = replica.subscribe('a', ({ data, retained }) => last.push([data, retained]), {});
    expect([position, last]).toEqual([{ epoch: 'one', offset: 5 }, [[5, true]]]);
    expect(replica.read(['#'], 0, 10).messages.map(({ data }) => data)).toEqual([1, 2, 5]);
    expect([replica.hasTaken('p', 6), replica.hasTaken('p', 7)]).toEqual([true, false]);
  }
});

it('keeps the last value of its own topics, and delivers what is late on them only when it is one', () => {
  const replica = begun();
  const heard: unknown[] = [];
  replica.subscribe('$serve/#', ({ data, offset }) => heard.push([data, offset]), {});
  replica.take(record('$serve/x', '1', { retain: true }), 1, false);
  replica.take(record('$serve/x', '2'), 2, false);
  replica.take(record('$serve/x', '3'), 3, true);
  expect(heard).toEqual([
    [1, 0],
    [3, 0],
  ]);
  expect(replica.offset).toBe(0);
  expect(replica.read(['$serve/#'], 0, 10)).toEqual({ messages: [], complete: true });
});

it('says what it does not know: what was lost before it began, and all of another log', () => {
  const replica = begun(10);
  const gaps: string[] = [];
  const heard: unknown[] = [];
  replica.subscribe('a', ({ data }) => heard.push(data), { onGap: (reason) => gaps.push(reason) });
  replica.take(record('a', '1', { retain: true }), 11, true);
  expect(replica.read(['a'], 9, 10)).toEqual({ messages: [], complete: false });
  expect(replica.read(['a'], 10, 10).messages).toHaveLength(1);
  replica.gap('another log');
  replica.begin('two', 0, 1, [{ topic: 'b', payload: Buffer.from('2'), offset: 1 }]);
  replica.take(record('a', '2'), 1, false);
  replica.take(record('a', '3'), 2, true);
  expect(heard).toEqual([1, 3]);
  expect(gaps).toEqual(['another log']);
  const last: unknown[] = [];
  replica.subscribe('#', ({ data }) => last.push(data), {});
  expect(last).toEqual([2]);
});
