/**
 * The cloud goes away and comes back while a probe sends: every sample arrives once and in order, or is counted.
 * The probe is real firmware; what it sent is read from its UART's pin, what was delivered from a broker that outlives
 * the server, as one on another machine would.
 */

import { afterEach, expect, onTestFailed, test, vi } from 'vitest';
import { type BrokerMessage, LocalBroker } from '../../cloud/broker/index.ts';
import { connect } from '../../cloud/client/index.node.ts';
import type { SenmlRecord } from '../../cloud/protocol/messages.ts';
import { startCloud } from '../../cloud/server/index.ts';
import { Gateway, type LogEntry, type SpoolLimits, systemClock } from '../../host/gateway/index.ts';
import { emulatedTransport } from '../../host/transport/emulated.ts';
import { boardUrl } from './images.ts';
import type { JsonObject } from './watcher.ts';
import { valuesOf, WireTap } from './wire-tap.ts';

vi.setConfig({ testTimeout: 60_000 });

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function startRoad(spool?: SpoolLimits) {
  const broker = new LocalBroker();
  closers.push(() => broker.close());
  const delivered: BrokerMessage[] = [];
  await broker.subscribe('e2e/#', (message) => delivered.push(message));
  let cloud = await startCloud({ port: 0, broker });
  closers.push(() => cloud.close());
  const { port } = cloud;
  const client = connect({ url: `ws://127.0.0.1:${port}`, backoffMs: { first: 50, longest: 250 } });
  closers.push(() => client.close());
  const tap = new WireTap();
  const transport = emulatedTransport(boardUrl('light'), { trace: tap.trace });
  const log: LogEntry[] = [];
  onTestFailed(() => console.log('the gateway said:', log));
  const gateway = new Gateway({
    site: 'e2e',
    transports: [transport],
    client,
    clock: systemClock,
    log: (entry) => log.push(entry),
    ...(spool && { spool }),
    times: { countersMs: 1000 },
  });
  closers.push(() => gateway.close());
  return {
    gateway,
    log,
    /** Every sample that the probe sent, oldest first, as its values. */
    sent: () => tap.values,
    /** Every sample that was delivered, likewise. */
    samples: () =>
      delivered
        .filter(({ topic }) => topic.endsWith('/samples'))
        .map(({ data }) => valuesOf(data as unknown as SenmlRecord[])),
    counters: () => delivered.filter(({ topic }) => topic.endsWith('/counters')).at(-1)?.data as JsonObject,
    /** Ends the server, and with it every connection, until `done`; then starts it on the same port. */
    async away(done: () => void | Promise<void>) {
      await cloud.close();
      await done();
      cloud = await startCloud({ port, broker });
    },
  };
}

const until = (condition: () => void) => vi.waitFor(condition, { timeout: 20_000, interval: 20 });

test('across three absences of the cloud nothing is lost, doubled or out of order', async () => {
  const road = await startRoad();
  for (let round = 0; round < 3; round++) {
    const before = road.samples().length;
    await until(() => expect(road.samples().length).toBeGreaterThan(before + 2));
    await road.away(() => until(() => expect(road.gateway.waiting).toBeGreaterThan(4)));
    await until(() => expect(road.gateway.waiting).toBe(0));
  }
  const delivered = road.samples();
  expect(delivered.length).toBeGreaterThan(20);
  // A sample or two may have left the probe before it was greeted, and one may be on its way.
  const first = road.sent().indexOf(delivered[0]!);
  expect(first).toBeLessThan(3);
  expect(delivered).toEqual(road.sent().slice(first, first + delivered.length));
  expect(new Set(delivered).size).toBeGreaterThan(delivered.length / 2); // values that tell samples apart
  expect(road.log.filter(({ event }) => event === 'spool-dropped')).toEqual([]);
});

test('a spool that is too small keeps the newest, and says how many are missing', async () => {
  const road = await startRoad({ maxMessages: 3, maxBytes: 100_000 });
  await until(() => expect(road.samples().length).toBeGreaterThan(2));
  await road.away(async () => {
    const before = road.sent().length;
    await until(() => expect(road.sent().length).toBeGreaterThan(before + 8));
  });
  await until(() => expect(road.log.some(({ event }) => event === 'spool-dropped')).toBe(true));
  const { samples: dropped } = road.log.find(({ event }) => event === 'spool-dropped')! as unknown as JsonObject;
  expect(dropped).toBeGreaterThan(4);
  await until(() => expect(road.counters()).toMatchObject({ dropped: { samples: dropped as number, events: 0 } }));
  // Kept and dropped together are all that the probe sent.
  await until(() => {
    const delivered = road.samples();
    const first = road.sent().indexOf(delivered[0]!);
    expect(delivered.at(-1)).toBe(road.sent().at(-1));
    expect(delivered.length + (dropped as number)).toBe(road.sent().length - first);
  });
});
