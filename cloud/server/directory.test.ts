/** Several directories over one broker: which record wins, and what becomes of those of dead servers. */
import { expect, it, onTestFinished, vi } from 'vitest';
import { LocalBroker, publishJson } from '../broker/index.ts';
import { Directory } from './directory.ts';
import type { Book } from './directory-book.ts';

const record = (since: number) => ({ since });

interface Serving {
  readonly directory: Directory;
  readonly book: Book<true>;
}

async function directoryOn(broker: LocalBroker, serverId = ''): Promise<Serving> {
  const directory = new Directory(broker, serverId);
  const book = directory.book('$serve', { keep: () => true as const });
  await directory.start();
  return { directory, book };
}

const sessionFor = ({ book }: Serving, probe: string) => book.newest(probe)?.session;

it('finds the session with the greatest `since`, in whatever order records arrive, on every server alike', async () => {
  const broker = new LocalBroker();
  const early = await directoryOn(broker);
  for (const [session, since] of [
    ['b', 20],
    ['a', 10],
    ['d', 30],
    ['c', 30],
  ] as const) {
    await publishJson(broker, `$serve/home/ball/${session}`, record(since), { retain: true });
  }
  const late = await directoryOn(broker);
  for (const directory of [early, late]) expect(sessionFor(directory, 'home/ball')).toBe('d');
  await publishJson(broker, '$serve/home/ball/d', null, { retain: true });
  for (const directory of [early, late]) expect(sessionFor(directory, 'home/ball')).toBe('c');
  for (const session of ['a', 'b', 'c'])
    await publishJson(broker, `$serve/home/ball/${session}`, null, { retain: true });
  for (const directory of [early, late]) expect(sessionFor(directory, 'home/ball')).toBeUndefined();
});

it('announces behind every record seen, even one of a server whose clock is ahead', async () => {
  const broker = new LocalBroker();
  const directory = await directoryOn(broker);
  const ahead = Date.now() + 3_600_000;
  await publishJson(broker, '$serve/home/ball/other', record(ahead), { retain: true });
  await directory.book.announce('home/ball', 'own');
  expect(sessionFor(directory, 'home/ball')).toBe('own');
});

it('lets a server that stops answer whoever waits for a record', async () => {
  class DeafBroker extends LocalBroker {
    override async publish(): Promise<void> {}
  }
  const directory = await directoryOn(new DeafBroker());
  const announced = directory.book.announce('home/ball', 'own');
  await directory.directory.stop();
  await announced;
  expect(sessionFor(directory, 'home/ball')).toBeUndefined();
});

it('forgets the sessions of a server that was killed, for everybody', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const broker = new LocalBroker();
  const one = await directoryOn(broker, 'one');
  const two = await directoryOn(broker, 'two');
  await one.book.announce('home/ball', 'one-1');
  await two.book.announce('home/ball', 'two-1');
  await publishJson(broker, '$serve/home/ball/killed-7', record(Date.now() + 60_000), { retain: true });
  expect(sessionFor(one, 'home/ball')).toBe('killed-7');
  await vi.advanceTimersByTimeAsync(14_000);
  expect(sessionFor(one, 'home/ball')).toBe('killed-7');
  await vi.advanceTimersByTimeAsync(10_000);
  for (const directory of [one, two]) expect(sessionFor(directory, 'home/ball')).toBe('two-1');
  const topics: string[] = [];
  await broker.subscribe('$serve/#', ({ topic }) => topics.push(topic));
  expect(topics.sort()).toEqual(['$serve/home/ball/one-1', '$serve/home/ball/two-1']);
  await vi.advanceTimersByTimeAsync(60_000);
  for (const directory of [one, two]) expect(sessionFor(directory, 'home/ball')).toBe('two-1');
});

it('writes again what others removed because they took the server for dead', async () => {
  const broker = new LocalBroker();
  const directory = await directoryOn(broker, 'one');
  await directory.book.announce('home/ball', 'one-1');
  await publishJson(broker, '$serve/home/ball/one-1', null, { retain: true });
  await vi.waitFor(() => expect(sessionFor(directory, 'home/ball')).toBe('one-1'));
  await directory.book.withdraw('home/ball', 'one-1');
  expect(sessionFor(directory, 'home/ball')).toBeUndefined();
});

it('begins anew after a gap, with what the broker has and what is its own', async () => {
  let gap = (_reason: string): void => {};
  class GapBroker extends LocalBroker {
    override subscribe(...[filter, deliver, options]: Parameters<LocalBroker['subscribe']>) {
      if (options?.onGap) gap = options.onGap;
      return super.subscribe(filter, deliver, options);
    }
  }
  const broker = new GapBroker();
  const directory = await directoryOn(broker, 'one');
  await directory.book.announce('home/ball', 'one-1');
  await publishJson(broker, '$serve/home/arm/two-1', record(1), { retain: true });
  gap('messages may be missing');
  await vi.waitFor(() => expect(sessionFor(directory, 'home/arm')).toBe('two-1'));
  expect(sessionFor(directory, 'home/ball')).toBe('one-1');
});

it('hands over what a dead server left, the oldest first, and once more when it could not be dealt with', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const broker = new LocalBroker();
  const directory = new Directory(broker, 'one');
  const handed: string[][] = [];
  const book = directory.book('$will', {
    keep: () => true,
    onDeath: async (records) => {
      handed.push(records.map(({ session }) => session));
      if (handed.length === 1) throw new Error('the broker does not take it');
    },
  });
  await directory.start();
  for (const [session, since] of [
    ['killed-2', 20],
    ['killed-1', 10],
    ['other-1', 5],
  ] as const) {
    await publishJson(broker, `$will/${session}/${session}`, record(since), { retain: true });
  }
  const beats = setInterval(() => void publishJson(broker, '$alive/other', null), 5_000);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(handed).toEqual([['killed-1', 'killed-2']]);
  expect(book.has('killed-1', 'killed-1')).toBe(true);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(handed).toEqual([
    ['killed-1', 'killed-2'],
    ['killed-1', 'killed-2'],
  ]);
  expect([...book.paths()]).toEqual(['other-1']);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(handed).toHaveLength(2);
  clearInterval(beats);
});

it('supersedes older records of a path, which servers that live write again and dead ones do not', async () => {
  const broker = new LocalBroker();
  const [one, two] = [await directoryOn(broker, 'one'), await directoryOn(broker, 'two')];
  await publishJson(broker, '$serve/home/ball/killed-1', record(1), { retain: true });
  await one.book.announce('home/ball', 'one-1');
  const ahead = Date.now() + 60_000;
  await publishJson(broker, '$serve/home/ball/newer-1', record(ahead), { retain: true });
  const since = await two.book.announce('home/ball', 'two-1');
  expect(since).toBeGreaterThan(ahead);
  await publishJson(broker, '$serve/home/ball/newer-2', record(since + 1), { retain: true });
  two.book.supersede('home/ball', 'two-1');
  for (const { book } of [one, two]) {
    expect(['killed-1', 'newer-1', 'newer-2', 'one-1', 'two-1'].filter((id) => book.has('home/ball', id))).toEqual([
      'newer-2',
      'one-1',
      'two-1',
    ]);
  }
});
