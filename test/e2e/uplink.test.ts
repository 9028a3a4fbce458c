/**
 * What a gateway sends up, over a cloud whose broker refuses at random and whose server comes and goes: samples and events
 * arrive once and in order, and the last state is the last that was published.
 */

import { expect, onTestFailed, test } from 'vitest';
import type { BrokerMessage } from '../../cloud/broker/index.ts';
import { connect } from '../../cloud/client/index.node.ts';
import { startCloud } from '../../cloud/server/index.ts';
import { systemClock } from '../../host/gateway/clock.ts';

import { defaultSpoolLimits, type SpoolMessage } from '../../host/gateway/spool.ts';
import { Uplink } from '../../host/gateway/uplink.ts';
import { FaultyBroker } from '../contract/faulty-broker.ts';

const kinds = ['sample', 'sample', 'sample', 'event', 'sample', 'state'] as const;

test.each(['auto', 'json'] as const)(
  'by %s nothing is lost, doubled or out of order',
  async (protocol) => {
    const seed = Number(process.env.EARL_FUZZ_SEED ?? 7);
    onTestFailed(() => console.log('EARL_FUZZ_SEED =', seed));
    const broker = new FaultyBroker(seed);
    const delivered: BrokerMessage[] = [];
    await broker.subscribe('home/#', (message) => delivered.push(message));
    let cloud = await startCloud({ port: 0, broker });
    const { port } = cloud;
    const client = connect({ url: cloud.url, protocol, backoffMs: { first: 5, longest: 40 } });
    let state: SpoolMessage = { topic: 'home/p/status', data: 0, kind: 'state' };
    const uplink = new Uplink({
      client,
      clock: systemClock,
      log: () => {},
      limits: defaultSpoolLimits,
      retryMs: 20,
      batchMs: () => 5,
      onDropped: (message) => expect.fail(`dropped ${JSON.stringify(message)}`),
      onConnected: () => [state],
    });
    const numbers: number[] = [];
    for (let number = 1; number <= 3000; number++) {
      const kind = kinds[number % kinds.length]!;
      const message: SpoolMessage = { topic: `home/p/${kind === 'state' ? 'status' : kind}`, data: number, kind };
      if (kind === 'state') state = message;
      else numbers.push(number);
      uplink.publish(message);
      if (number % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      if (number % 1000 !== 500) continue;
      await cloud.close();
      cloud = await startCloud({ port, broker });
    }
    expect(await uplink.drain(20_000)).toBe(true);
    const loose = delivered.filter(({ topic }) => topic !== 'home/p/status').map(({ data }) => data);
    expect(loose).toEqual(numbers);
    expect(delivered.filter(({ topic }) => topic === 'home/p/status').at(-1)!.data).toBe(state.data);
    expect(broker.refusals).toBeGreaterThan(10);
    uplink.close();
    await client.close();
    await cloud.close();
    await broker.close();
  },
  40_000,
);
