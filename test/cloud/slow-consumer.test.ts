/** Clients that stop reading, over real sockets whose buffers really fill. */
import { describe, expect, it } from 'vitest';
import type { Cloud } from '../../cloud/server/index.ts';
import { cloudsForTests, health, position, RawClient } from './raw-client.ts';

const start = cloudsForTests();
const payload = 'x'.repeat(60_000);

/** Publishes large messages until the cloud has given up on a slow consumer; returns how many that took. */
async function publishUntilSlow(cloud: Cloud, publisher: RawClient): Promise<number> {
  for (let id = 1; id < 1_000; id++) {
    expect(await publisher.ask({ op: 'publish', topic: 'a', data: payload, id })).toEqual({ op: 'ok', id });
    if (id % 10 === 0 && (await health(cloud)).sinceStart.slowConsumers === 1) return id;
  }
  throw new Error('60 MB are waiting for a client that does not read');
}

describe('a slow consumer', () => {
  it('is closed with 4100, and the others get every message', async () => {
    const cloud = await start({ limits: { queueBytes: 256 * 1024, closeGraceMs: 15_000 } });
    const [publisher, stalled, healthy] = await Promise.all([0, 1, 2].map(() => RawClient.join(cloud)));
    for (const client of [stalled!, healthy!]) await client.ask({ op: 'subscribe', id: 1, filter: 'a' });
    stalled!.socket.pause();
    const published = await publishUntilSlow(cloud, publisher!);
    expect(await healthy!.received()).toHaveLength(published);
    stalled!.socket.resume();
    expect((await stalled!.closed).code).toBe(4100);
    let got = 0;
    for (; got < published; got++) if ((await stalled!.nextText().catch(() => '')) === '') break;
    expect(got).toBeGreaterThan(0);
    expect(got).toBeLessThan(published);
  });

  it('that never reads again loses its socket after the grace', async () => {
    const cloud = await start({ limits: { queueBytes: 256 * 1024, closeGraceMs: 20 } });
    const [publisher, stalled] = await Promise.all([0, 1].map(() => RawClient.join(cloud)));
    await stalled!.ask({ op: 'subscribe', id: 1, filter: 'a' });
    stalled!.socket.pause();
    await publishUntilSlow(cloud, publisher!);
    while ((await health(cloud)).connectionsNow > 1);
    stalled!.socket.terminate();
  });

  it('is not one who asks for more last values than fit into the queue', async () => {
    const cloud = await start({ limits: { queueBytes: 64 * 1024 } });
    const publisher = await RawClient.join(cloud);
    const count = 200;
    for (let id = 0; id < count; id++) {
      await publisher.ask({ op: 'publish', topic: `a/${id}`, data: payload, id, retain: true });
    }
    const subscriber = await RawClient.join(cloud);
    subscriber.say({ op: 'subscribe', id: 1, filter: 'a/#' });
    const topics = new Set<unknown>();
    for (let index = 0; index < count; index++) topics.add((await subscriber.next()).topic);
    expect(topics.size).toBe(count);
    expect(await subscriber.next()).toEqual({ op: 'ok', id: 1, position });
  });
});
