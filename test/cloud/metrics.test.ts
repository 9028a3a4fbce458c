/** /metrics over HTTP: what it says is in the format of Prometheus, true, and only for those who may see it. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { LocalBroker } from '../../cloud/broker/index.ts';
import type { Cloud } from '../../cloud/server/index.ts';
import { home, KeyFolder } from '../security/cloud-keys.ts';
import { figure, parseExposition } from './exposition.ts';
import { cloudsForTests, RawClient } from './raw-client.ts';

const start = cloudsForTests();

async function metrics(cloud: Cloud) {
  const response = await fetch(`${cloud.url}/metrics`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  return parseExposition(await response.text());
}

describe('/metrics', () => {
  it('counts what clients say and hear', async () => {
    const cloud = await start();
    const [one, two, publisher] = [
      await RawClient.join(cloud),
      await RawClient.join(cloud),
      await RawClient.join(cloud),
    ];
    await one.ask({ op: 'subscribe', id: 1, filter: 'a/#' });
    await two.ask({ op: 'subscribe', id: 1, filter: 'a/b' });
    await publisher.ask({ op: 'publish', id: 1, topic: 'a/b', data: 1, retain: true });
    await publisher.ask({ op: 'publish', id: 2, topic: 'a/c', data: 2 });
    await one.received();
    const before = await metrics(cloud);
    const say = (title: string) => figure(before, title);
    expect(say('earl_connections')).toBe(3);
    expect(say('earl_connections_total')).toBe(3);
    expect(say('earl_deliveries_total')).toBe(3);
    // Three hellos, two subscribes, two publishes and a ping, each answered; and the deliveries.
    expect(say('earl_messages_received_total')).toBe(8);
    expect(say('earl_messages_sent_total')).toBe(8 + 3);
    expect(say('earl_retained_topics')).toBe(1);
    expect(say('earl_history_messages')).toBe(2);
    expect(say('earl_history_bytes')).toBeGreaterThan(0);
    expect(say('earl_waiting_bytes')).toBe(0);
    expect(say('process_resident_memory_bytes')).toBeGreaterThan(1e7);
    expect(say('process_cpu_seconds_total')).toBeGreaterThan(0);
    await publisher.end();
    await expect.poll(async () => figure(await metrics(cloud), 'earl_connections')).toBe(2);
    expect(figure(await metrics(cloud), 'earl_connections_total')).toBe(3);
    for (const { samples } of before.values()) {
      for (const key of samples.keys()) expect(key).toContain(`process="${process.pid}"`);
    }
  });

  it('sees bytes that wait for a client which does not read, and that it was closed', async () => {
    const cloud = await start({ limits: { queueBytes: 200_000 } });
    const stalled = await RawClient.join(cloud);
    await stalled.ask({ op: 'subscribe', id: 1, filter: 'a' });
    stalled.socket.pause();
    const publisher = await RawClient.join(cloud);
    const data = 'x'.repeat(60_000);
    let most = 0;
    for (let id = 1; most < 100_000; id++) {
      await publisher.ask({ op: 'publish', id, topic: 'a', data });
      most = figure(await metrics(cloud), 'earl_waiting_bytes');
    }
    expect(most).toBeLessThan(200_000 + 64 * 1024 + 70_000);
    for (let id = 1; figure(await metrics(cloud), 'earl_slow_consumers_total') === 0; id++) {
      await publisher.ask({ op: 'publish', id, topic: 'a', data });
    }
    expect(figure(await metrics(cloud), 'earl_waiting_bytes')).toBe(0);
    stalled.socket.terminate();
  });

  it('measures how late the event loop is', async () => {
    const cloud = await start();
    const client = await RawClient.join(cloud);
    await expect
      .poll(async () => {
        client.say({ op: 'publish', topic: 'a', data: 1 });
        return figure(await metrics(cloud), 'earl_event_loop_lag_seconds');
      })
      .toBeGreaterThan(3);
    const above = async () => {
      const families = await metrics(cloud);
      const { samples } = families.get('earl_event_loop_lag_seconds')!;
      const within = [...samples].find(([key]) => key.includes('le="0.1"'))![1];
      return figure(families, 'earl_event_loop_lag_seconds') - within;
    };
    const late = await above();
    const until = performance.now() + 300;
    while (performance.now() < until);
    await expect.poll(above).toBeGreaterThan(late);
  });

  it('measures the time from publishing to the sockets, a slow journal included', async () => {
    class SlowBroker extends LocalBroker {
      override async publish(...args: Parameters<LocalBroker['publish']>): Promise<void> {
        await new Promise((resolve) => setTimeout(resolve, 60));
        await super.publish(...args);
      }
    }
    const cloud = await start({ broker: new SlowBroker() });
    const client = await RawClient.join(cloud);
    await client.ask({ op: 'subscribe', id: 1, filter: 'a' });
    let id = 2;
    await expect
      .poll(async () => {
        client.say({ op: 'publish', id: id++, topic: 'a', data: 1 });
        return figure(await metrics(cloud), 'earl_service_time_seconds');
      })
      .toBeGreaterThan(1);
    const { samples } = (await metrics(cloud)).get('earl_service_time_seconds')!;
    const quick = [...samples].find(([key]) => key.includes('le="0.05"'))![1];
    expect(quick).toBe(0);
  });

  it('needs the token where there is one, and no foreign page may read it', async () => {
    const cloud = await start({ token: 'secret' });
    const ask = async (path: string, headers: Record<string, string> = {}) =>
      (await fetch(`${cloud.url}${path}`, { headers })).status;
    expect(await ask('/metrics')).toBe(401);
    expect(await ask('/metrics?token=wrong')).toBe(401);
    expect(await ask('/metrics', { Authorization: 'Bearer wrong' })).toBe(401);
    expect(await ask('/metrics', { Authorization: 'Bearer secret' })).toBe(200);
    expect(await ask('/metrics?token=secret')).toBe(200);
    expect(await ask('/metrics?token=secret', { Origin: 'https://elsewhere.example' })).toBe(403);
    const open = await start();
    const foreign = await fetch(`${open.url}/metrics`, { headers: { Origin: 'https://elsewhere.example' } });
    expect(foreign.status).toBe(403);
    expect(await foreign.text()).not.toContain('earl_');
  });

  it('is for those who may subscribe to everything, where tokens are signed', async () => {
    const keys = new KeyFolder();
    onTestFinished(() => keys.remove());
    keys.put('a');
    const cloud = await start({ keys: keys.path });
    const ask = async (token: string) =>
      (await fetch(`${cloud.url}/metrics`, { headers: { Authorization: `Bearer ${token}` } })).status;
    expect(await ask(await keys.token(home))).toBe(403);
    expect(await ask(await keys.token({ subscribe: ['#'] }))).toBe(200);
    expect(await ask(await keys.token({ subscribe: ['#'] }, { inMs: -1000 }))).toBe(401);
  });
});
