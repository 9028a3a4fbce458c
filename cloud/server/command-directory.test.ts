import { expect, it } from 'vitest';
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
