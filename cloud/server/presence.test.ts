/** What followers of a filter hear, and how often; with clients in test/cloud/presence.test.ts. */
import { expect, it, onTestFinished, vi } from 'vitest';
import { LocalBroker, publishJson } from '../broker/index.ts';
import { limits as protocolLimits } from '../protocol/index.ts';
import { Directory } from './directory.ts';
import { type Changes, Presence } from './presence.ts';

const limits = { presenceBytes: 1_000_000, presenceFilters: 10, presenceDelayMs: 100, willDelayMs: 1_000 };

async function presenceOn(broker: LocalBroker): Promise<Presence> {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const directory = new Directory(broker, 'one');
  const presence = new Presence(directory, directory.book('$serve', { keep: () => true }), limits);
  await directory.start();
  return presence;
}

/** What another server says of its client number so and so. */
function record(broker: LocalBroker, number: number, at: string[] | null, since = 1): Promise<void> {
  const data = at && { since, joinedMs: 0, name: `client ${number}`, at };
  return publishJson(broker, `$here/${number}/other-${number}`, data, { retain: true });
}

it('tells at most 1,000 clients, says that there are more, and goes on with them when others leave', async () => {
  const broker = new LocalBroker();
  const presence = await presenceOn(broker);
  const most = protocolLimits.presentClients;
  for (let number = 0; number < most; number++) await record(broker, number, ['home']);
  expect(presence.select('home')).toMatchObject({ truncated: false });
  const told: Changes[] = [];
  const first = presence.follow('home', (changes) => told.push(changes));
  expect(first).toMatchObject({ truncated: false });
  expect(first.clients).toHaveLength(most);

  await record(broker, most, ['home']);
  await record(broker, most + 1, ['home']);
  await vi.advanceTimersByTimeAsync(100);
  expect(told.splice(0)).toEqual([{ joined: [], updated: [], left: [], truncated: true }]);
  expect(presence.select('home').truncated).toBe(true);
  expect(presence.select('home').clients).toHaveLength(most);

  await record(broker, 7, null);
  await vi.advanceTimersByTimeAsync(100);
  expect(told.splice(0)).toMatchObject([{ joined: [{ name: 'client 1000' }], left: ['7'], truncated: true }]);
  for (const number of [8, 9]) await record(broker, number, null);
  await vi.advanceTimersByTimeAsync(100);
  expect(told).toMatchObject([{ joined: [{ name: 'client 1001' }], left: ['8', '9'], truncated: false }]);
});

it('works out a filter once for all who follow it, and forgets it with the last of them', async () => {
  const broker = new LocalBroker();
  const presence = await presenceOn(broker);
  const heard: [number, Changes][] = [];
  const follows = [1, 2].map((who) => presence.follow('home', (changes) => heard.push([who, changes])));
  await record(broker, 1, ['home']);
  await vi.advanceTimersByTimeAsync(100);
  expect(heard.map(([who]) => who)).toEqual([1, 2]);
  expect(heard[0]![1]).toBe(heard[1]![1]);
  for (const { end } of follows) end();
  await record(broker, 2, ['home']);
  await vi.advanceTimersByTimeAsync(100);
  expect(heard).toHaveLength(2);
  expect(vi.getTimerCount()).toBe(1); // the beat
});

it('who begins to follow hears nothing twice of what was under way', async () => {
  const broker = new LocalBroker();
  const presence = await presenceOn(broker);
  const early: Changes[] = [];
  const late: Changes[] = [];
  presence.follow('home', (changes) => early.push(changes));
  await record(broker, 1, ['home']);
  expect(presence.follow('home', (changes) => late.push(changes)).clients).toMatchObject([{ name: 'client 1' }]);
  await vi.advanceTimersByTimeAsync(100);
  expect(early).toMatchObject([{ joined: [{ name: 'client 1' }] }]);
  expect(late).toEqual([]);
});

it('says nothing of changes that come to nothing, nor of records that are none', async () => {
  const broker = new LocalBroker();
  const presence = await presenceOn(broker);
  const told: Changes[] = [];
  presence.follow('home', (changes) => told.push(changes));
  await record(broker, 1, ['home']);
  await record(broker, 1, null);
  await publishJson(broker, '$here/x/other-9', { since: 1, at: 'home' }, { retain: true });
  await publishJson(broker, '$here/x/other-9', [1], { retain: true });
  await vi.advanceTimersByTimeAsync(100);
  expect(told).toEqual([]);
  expect(presence.select('#').clients).toEqual([]);
});
