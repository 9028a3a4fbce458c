/** `earl cloud --workers` as processes: killed, renewed, drained, watched. */
import { mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../cloud/client/index.node.ts';
import type { Json } from '../../cloud/protocol/index.ts';
import type { Cloud } from '../../cloud/server/index.ts';
import { bundleEarl, EarlProcess } from '../e2e/earl-process.ts';
import { parseExposition } from './exposition.ts';
import { RawClient } from './raw-client.ts';

let earl: Awaited<ReturnType<typeof bundleEarl>>;
const running: EarlProcess[] = [];
const folders: string[] = [];
beforeAll(async () => {
  earl = await bundleEarl();
});
afterAll(() => earl.remove());
afterEach(async () => {
  for (const cloud of running.splice(0)) await cloud.stop('SIGKILL');
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

interface Workers {
  readonly cloud: EarlProcess;
  readonly url: string;
  readonly websocket: string;
  /** Process ids of workers that have started and not ended, by number. */
  workers(): Map<number, number>;
}

async function start(...args: string[]): Promise<Workers> {
  const cloud = new EarlProcess(earl.file, ['cloud', '--port', '0', '--json', ...args]);
  running.push(cloud);
  const { url, websocket } = (await cloud.line(({ event }) => event === 'listening')) as Record<string, string>;
  const workers = () => {
    const pids = new Map<number, number>();
    for (const { event, worker, pid } of cloud.lines) {
      if (event === 'worker_started') pids.set(worker as number, pid as number);
      else if (pids.get(worker as number) === pid) pids.delete(worker as number);
    }
    return pids;
  };
  return { cloud, url: url!, websocket: websocket!, workers };
}

const isRunning = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** The answer of whichever worker answers: with one that is stopped, every other connection waits for it. */
async function metricsOfOther(url: string): Promise<string> {
  const once = { headers: { Connection: 'close' } };
  return await Promise.any(Array.from({ length: 2 }, async () => await (await fetch(`${url}/metrics`, once)).text()));
}

function joinAt(websocket: string): Promise<RawClient> {
  return RawClient.join({ port: Number(new URL(websocket).port) } as Cloud);
}

/**
 * Publishers with acknowledgements, and a subscriber for each on a connection of its own, through the SDK; everybody
 * reconnects. `finish` lets each publisher come to `each`, and says what was lost, doubled or out of order.
 */
async function acknowledgedLoad(url: string, pairs: number, each: number) {
  const options = { url, backoffMs: { first: 20, longest: 300 } };
  let missed = 0;
  let acknowledged = 0;
  const received = Array.from({ length: pairs }, () => [] as Json[]);
  const subscribers = received.map(() => connect({ ...options, onMissed: () => missed++ }));
  await Promise.all(
    subscribers.map((client, index) =>
      client.subscribe(`load/${index}`, (_topic, data) => received[index]!.push(data)),
    ),
  );
  const publishers = received.map((_, index) => connect({ ...options, publisher: `p${index}` }));
  const publishing = publishers.map(async (client, index) => {
    for (let seq = 1; seq <= each; ) {
      const window = Array.from({ length: Math.min(5, each - seq + 1) }, (_, offset) => seq + offset);
      const results = await Promise.allSettled(
        window.map((number) => client.publishAcknowledged(`load/${index}`, number, number)),
      );
      const firstLost = results.findIndex(({ status }) => status === 'rejected');
      const taken = firstLost < 0 ? window.length : firstLost;
      seq += taken;
      acknowledged += taken;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
  return {
    acknowledged: () => acknowledged,
    finish: async () => {
      await Promise.all(publishing);
      await expect.poll(() => received.every((data) => data.length >= each), { timeout: 20_000 }).toBe(true);
      const wanted = Array.from({ length: each }, (_, index) => index + 1);
      expect(received.filter((data) => JSON.stringify(data) !== JSON.stringify(wanted))).toEqual([]);
      expect(missed).toBe(0);
      await Promise.all([...subscribers, ...publishers].map((client) => client.close()));
    },
  };
}

describe('earl cloud --workers 2', () => {
  it('kill -9 of a worker under the acknowledged load of 300 clients: nothing lost, doubled, reordered', async () => {
    const { cloud, url, websocket, workers } = await start('--workers', '2');
    await expect.poll(() => workers().size).toBe(2);
    const load = await acknowledgedLoad(websocket, 150, 60);
    for (const enough of [1_500, 4_500]) {
      await expect.poll(load.acknowledged, { timeout: 20_000, interval: 10 }).toBeGreaterThan(enough);
      const [number, pid] = [...workers()][0]!;
      const before = cloud.lines.length;
      process.kill(pid, 'SIGKILL');
      expect(await cloud.line(({ event }) => event === 'worker_exited', before)).toMatchObject({
        worker: number,
        pid,
        how: 'SIGKILL',
      });
      await cloud.line(({ event, worker }) => event === 'worker_started' && worker === number, before);
    }
    await load.finish();
    const health = (await (await fetch(`${url}/health`)).json()) as { workers: number; status: string };
    expect(health).toMatchObject({ status: 'ok', workers: 2 });
    expect(await cloud.stop()).toBe(0);
  }, 90_000);

  it('SIGUSR2 renews the workers one after the other under load, and SIGTERM drains them: nothing is lost', async () => {
    const { cloud, websocket, workers } = await start('--workers', '2', '--drain', '500ms');
    await expect.poll(() => workers().size).toBe(2);
    const old = new Set(workers().values());
    const load = await acknowledgedLoad(websocket, 40, 100);
    process.kill(cloud.pid, 'SIGUSR2');
    await expect
      .poll(() => cloud.lines.filter(({ event }) => event === 'worker_drained').length, { timeout: 20_000 })
      .toBe(2);
    expect(workers().size).toBe(2);
    expect([...workers().values()].some((pid) => old.has(pid))).toBe(false);
    // One after the other: never fewer than two took connections.
    const counts = cloud.lines.slice(3).map((line) => line.workers);
    expect(Math.min(...(counts as number[]))).toBe(2);
    await load.finish();
    expect(await cloud.stop()).toBe(0);
    expect(cloud.lines.at(-1)).toEqual({ event: 'stopped' });
    expect([...old].some(isRunning)).toBe(false);
  }, 60_000);

  it('answers commands, /health and /metrics whichever worker is asked', async () => {
    const { cloud, url, websocket, workers } = await start('--workers', '2');
    await expect.poll(() => workers().size).toBe(2);
    // Connections go to the workers in turn; each of these opens one.
    const once = { headers: { Connection: 'close' } };
    const healths = await Promise.all(
      Array.from({ length: 4 }, async () => (await (await fetch(`${url}/health`, once)).json()) as { worker: number }),
    );
    expect(new Set(healths.map(({ worker }) => worker))).toEqual(new Set([1, 2]));
    for (const health of healths) expect(health).toMatchObject({ status: 'ok', workers: 2, delivery: { ok: true } });
    // Neighbours are on different workers.
    const [gateway, asker] = [await joinAt(websocket), await joinAt(websocket)];
    expect(await gateway.ask({ op: 'serve', id: 1, probes: ['home/ball'] })).toEqual({ op: 'ok', id: 1 });
    const command = { op: 'command', id: 2, probe: 'home/ball', command: { name: 'ping' } };
    asker.say(command);
    gateway.say({ op: 'reply', call: (await gateway.next()).call!, result: { status: 'ok', data: [1], linkMs: 1 } });
    expect(await asker.next()).toMatchObject({ op: 'reply', id: 2, result: { status: 'ok' } });

    const families = parseExposition(await (await fetch(`${url}/metrics`, once)).text());
    const of = (name: string, label = '') =>
      [...families.get(name)!.samples].filter(([key]) => key.includes(label)).map(([, value]) => value);
    expect(of('earl_connections', 'worker="primary"')).toEqual([0]);
    expect(of('earl_connections', 'worker="1"')).toEqual([1]);
    expect(of('earl_connections', 'worker="2"')).toEqual([1]);
    expect(of('earl_workers')).toEqual([2]);
    expect(of('earl_hub_waiting_bytes', 'worker="1"')).toEqual([0]);
    expect(of('earl_worker_unanswered')).toEqual([0, 0]);
    // One that is stopped does not answer, which is said; it does not hide the others.
    process.kill(workers().get(2)!, 'SIGSTOP');
    const told = parseExposition(await metricsOfOther(url));
    expect([...told.get('earl_worker_unanswered')!.samples].filter(([key]) => key.includes('"2"'))[0]![1]).toBe(1);
    expect([...told.get('earl_connections')!.samples.keys()].some((key) => key.includes('worker="1"'))).toBe(true);
    process.kill(workers().get(2)!, 'SIGCONT');

    const { port } = new URL(url);
    const second = new EarlProcess(earl.file, ['cloud', '--workers', '2', '--port', port]);
    running.push(second);
    expect(await second.exit()).toBe(4);
    expect(second.text.match(new RegExp(`port ${port} of 127.0.0.1 is taken`, 'g'))).toHaveLength(1);
    expect(await cloud.stop()).toBe(0);
  }, 60_000);

  it('SIGKILL of the primary: no worker is left, and with --data the next one goes on', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'earl-workers-'));
    folders.push(folder);
    const first = await start('--workers', '2', '--data', folder);
    await expect.poll(() => first.workers().size).toBe(2);
    const pids = [...first.workers().values()];
    const publisher = await joinAt(first.websocket);
    const kept = { op: 'publish', id: 1, topic: 'kept', data: 'before the end', retain: true };
    expect(await publisher.ask(kept)).toEqual({ op: 'ok', id: 1 });
    expect(await first.cloud.stop('SIGKILL')).toBe('SIGKILL');
    await expect.poll(() => pids.filter(isRunning), { timeout: 10_000 }).toEqual([]);
    const second = await start('--workers', '2', '--data', folder);
    const client = await joinAt(second.websocket);
    expect(await client.ask({ op: 'subscribe', id: 1, filter: 'kept' })).toMatchObject({ data: 'before the end' });
    expect(await second.cloud.stop()).toBe(0);
  }, 60_000);
});

describe('earl cloud --workers auto', () => {
  it('adds a worker under load, which gets a share of the clients, and removes it when the load is over', async () => {
    const { cloud, url, websocket, workers } = await start(
      '--workers',
      'auto',
      '--scale-down',
      '2s',
      '--drain',
      '200ms',
    );
    await expect.poll(() => workers().size).toBe(1);
    const clients = await Promise.all(Array.from({ length: 4 }, () => joinAt(websocket)));
    const sentAway: number[] = [];
    for (const { closed } of clients) void closed.then(({ code }) => sentAway.push(code));
    const stops = clients.map(keepBusy);
    await cloud.line(({ event, worker }) => event === 'worker_started' && worker === 2, 0, 60_000);
    // Half of them belong to the new one; these do not come back by themselves.
    await expect.poll(() => sentAway, { timeout: 20_000 }).toEqual([4101, 4101]);
    expect(cloud.text).toMatch(/a worker is added: lag \d+\.\d ms, busy \d+ % of the time, of 1 for \d+\.\d s/);
    for (const stop of stops) stop();
    await cloud.line(({ event }) => event === 'worker_drained', 0, 60_000);
    expect(cloud.text).toMatch(/a worker is removed: .*; the rest would be busy \d+ %/);
    expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ status: 'ok', workers: 1 });
    expect(workers().size).toBe(1);
    expect(await cloud.stop()).toBe(0);
  }, 150_000);
});

/** Has the cloud answer pings without an end, at next to no cost on this side: frames made once, answers counted in bytes. */
function keepBusy(client: RawClient): () => void {
  const socket = (client.socket as unknown as { _socket: Socket })._socket;
  const ping = Buffer.from(JSON.stringify({ op: 'ping', id: 1 }));
  // RFC 6455, section 5.2: final, text; masked with zeros. The answer is as long, with no mask.
  const frame = Buffer.concat([Buffer.from([0x81, 0x80 | ping.length, 0, 0, 0, 0]), ping]);
  const many = Buffer.concat(Array.from({ length: 500 }, () => frame));
  const answersBytes = 500 * (2 + ping.length);
  let going = true;
  let owedBytes = 0;
  const fill = () => {
    // Two batches are always under way, so that the server never waits for the next.
    for (; going && owedBytes < 2 * answersBytes; owedBytes += answersBytes) socket.write(many);
  };
  client.socket.removeAllListeners('message');
  socket.on('data', (chunk: Buffer) => {
    owedBytes -= chunk.length;
    fill();
  });
  fill();
  return () => {
    going = false;
  };
}
