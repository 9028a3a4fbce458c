import { expect, test } from 'vitest';
import { EarlError } from '../../errors/index.ts';
import { VirtualClock } from '../link/index.ts';
import type { BleObserver, Sighting } from '../transport/ble-adapter.ts';
import { bridges } from '../transport/ble-bridges.ts';
import { BleWatch, type BleWatchOptions } from './ble-watch.ts';
import type { LogEntry } from './log.ts';

function sighting(address: string, name?: string): Sighting {
  const peripheral = undefined as unknown as Sighting['peripheral'];
  return { address, name, bridge: bridges[0], rssiDbm: -60, seenMs: 0, peripheral };
}

/** A watch on an adapter whose ears are the test's. */
function watchOf(options: Partial<BleWatchOptions> = {}) {
  const clock = new VirtualClock();
  const happened: string[] = [];
  const log: LogEntry[] = [];
  const connected = new Set<string>();
  const adapter = {
    broken: undefined as EarlError | undefined,
    users: new Set<object>(),
    observer: undefined as unknown,
  };
  const watch = new BleWatch({
    clock,
    log: (entry) => log.push(entry),
    adapter: {
      hold: async (user) => {
        if (adapter.broken) throw adapter.broken;
        adapter.users.add(user);
      },
      release: async (user) => void adapter.users.delete(user),
      observe: (observer) => {
        adapter.observer = observer;
        return () => {
          adapter.observer = undefined;
        };
      },
    },
    isServed: () => false,
    isConnected: (url) => connected.has(url),
    onFound: (url) => happened.push(`+${url}`),
    onGone: (url) => happened.push(`-${url}`),
    ...options,
  });
  const hear = (...heard: Sighting[]) => {
    for (const one of heard) (adapter.observer as BleObserver).onSighting(one);
  };
  return { clock, happened, log, connected, adapter, watch, hear };
}

test('finds a bridge once, and forgets it when it was neither heard nor connected for ten minutes', async () => {
  const { clock, happened, connected, hear } = watchOf();
  await clock.advance(0);
  hear(sighting('a', 'Earl1'), sighting('a', 'Earl1'), sighting('b'));
  expect(happened).toEqual(['+ble:a', '+ble:b']);
  connected.add('ble:a');
  await clock.advance(700_000);
  expect(happened.splice(0)).toEqual(['+ble:a', '+ble:b', '-ble:b']);
  connected.clear();
  await clock.advance(500_000);
  expect(happened).toEqual([]); // connected a moment ago
  await clock.advance(200_000);
  expect(happened).toEqual(['-ble:a']);
  hear(sighting('a'));
  expect(happened).toEqual(['-ble:a', '+ble:a']);
});

test('leaves alone what is served under the name that the user gave', async () => {
  const { clock, happened, hear } = watchOf({ isServed: ({ name }) => name === 'Earl1' });
  await clock.advance(0);
  hear(sighting('a', 'Earl1'), sighting('b', 'Earl2'));
  expect(happened).toEqual(['+ble:b']);
});

test('serves no more than its limit, and says so once', async () => {
  const { clock, happened, log, hear } = watchOf({ maxBridges: 2 });
  await clock.advance(0);
  hear(...['a', 'b', 'c', 'd', 'a'].map((address) => sighting(address)));
  expect(happened).toEqual(['+ble:a', '+ble:b']);
  expect(log.filter(({ event }) => event === 'too-many-bridges')).toHaveLength(1);
});

test('without an adapter it says why, once, and tries again', async () => {
  const { clock, happened, log, adapter, hear } = watchOf();
  adapter.broken = new EarlError('TRANSPORT_NOT_FOUND', 'there is no hci0');
  await clock.advance(20_000);
  expect(log.map(({ event }) => event)).toEqual(['no-adapter']);
  adapter.broken = undefined;
  await clock.advance(5000);
  hear(sighting('a'));
  expect(happened).toEqual(['+ble:a']);
});

test('a stopped watch hears nothing, and gives the adapter back', async () => {
  const { clock, adapter, watch } = watchOf();
  await clock.advance(0);
  await watch.stop();
  expect([adapter.users.size, adapter.observer]).toEqual([0, undefined]);
  await clock.advance(60_000);
  expect(adapter.users.size).toBe(0);
});
