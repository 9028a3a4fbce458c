import { expect, it, onTestFinished, vi } from 'vitest';
import { LocalBroker, publishJson } from '../broker/index.ts';
import { CommandDirectory } from './command-directory.ts';

const record = (since: number) => ({ since });

async function directoryOn(broker: LocalBroker): Promise<CommandDirectory> {
  const directory = new CommandDirectory(broker);
  await directory.start();
  return directory;
}

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
  for (const directory of [early, late]) expect(directory.sessionFor('home/ball')).toBe('d');
  await publishJson(broker, '$serve/home/ball/d', null, { retain: true });
  for (const directory of [early, late]) expect(directory.sessionFor('home/ball')).toBe('c');
  for (const session of ['a', 'b', 'c'])
    await publishJson(broker, `$serve/home/ball/${session}`, null, { retain: true });
  for (const directory of [early, late]) expect(directory.sessionFor('home/ball')).toBeUndefined();
});

it('announces behind every record seen, even one of a server whose clock is ahead', async () => {
  const broker = new LocalBroker();
  const directory = await directoryOn(broker);
  const ahead = Date.now() + 3_600_000;
  await publishJson(broker, '$serve/home/ball/other', record(ahead), { retain: true });
  await directory.announce('home/ball', 'own');
  expect(directory.sessionFor('home/ball')).toBe('own');
});

it('lets a server that stops answer whoever waits for a record', async () => {
  class DeafBroker extends LocalBroker {
    override async publish(): Promise<void> {}
  }
  const directory = await directoryOn(new DeafBroker());
  const announced = directory.announce('home/ball', 'own');
  await directory.stop();
  await announced;
  expect(directory.sessionFor('home/ball')).toBeUndefined();
});

it('forgets the sessions of a server that was killed, for everybody', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const broker = new LocalBroker();
  const one = new CommandDirectory(broker, 'one');
  const two = new CommandDirectory(broker, 'two');
  for (const directory of [one, two]) await directory.start();
  await one.announce('home/ball', 'one-1');
  await two.announce('home/ball', 'two-1');
  await publishJson(broker, '$serve/home/ball/killed-7', record(Date.now() + 60_000), { retain: true });
  expect(one.sessionFor('home/ball')).toBe('killed-7');
  await vi.advanceTimersByTimeAsync(14_000);
  expect(one.sessionFor('home/ball')).toBe('killed-7');
  await vi.advanceTimersByTimeAsync(10_000);
  for (const directory of [one, two]) expect(directory.sessionFor('home/ball')).toBe('two-1');
  const topics: string[] = [];
  await broker.subscribe('$serve/#', ({ topic }) => topics.push(topic));
  expect(topics.sort()).toEqual(['$serve/home/ball/one-1', '$serve/home/ball/two-1']);
  await vi.advanceTimersByTimeAsync(60_000);
  for (const directory of [one, two]) expect(directory.sessionFor('home/ball')).toBe('two-1');
});

it('writes again what others removed because they took the server for dead', async () => {
  const broker = new LocalBroker();
  const directory = new CommandDirectory(broker, 'one');
  await directory.start();
  await directory.announce('home/ball', 'one-1');
  await publishJson(broker, '$serve/home/ball/one-1', null, { retain: true });
  await vi.waitFor(() => expect(directory.sessionFor('home/ball')).toBe('one-1'));
  await directory.withdraw('home/ball', 'one-1');
  expect(directory.sessionFor('home/ball')).toBeUndefined();
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
  const directory = new CommandDirectory(broker, 'one');
  await directory.start();
  await directory.announce('home/ball', 'one-1');
  await publishJson(broker, '$serve/home/arm/two-1', record(1), { retain: true });
  gap('messages may be missing');
  await vi.waitFor(() => expect(directory.sessionFor('home/arm')).toBe('two-1'));
  expect(directory.sessionFor('home/ball')).toBe('one-1');
});
