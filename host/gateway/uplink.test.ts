import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { CloudClient, PublishOptions } from '../../cloud/client/client.ts';
import type { Json } from '../../cloud/protocol/messages.ts';
import { EarlError } from '../../errors/index.ts';
import { systemClock } from './clock.ts';
import type { LogEntry } from './log.ts';
import type { SpoolMessage } from './spool.ts';
import { Uplink, type UplinkOptions } from './uplink.ts';

interface Sent {
  topic: string;
  data: Json;
  seq: number;
  retain: boolean;
  batchMs: number | undefined;
  resolve(): void;
  reject(code: string): void;
}

/** A server that acknowledges when the test says so. */
class ScriptedClient {
  connected = false;
  sent: Sent[] = [];
  private watchers = new Set<(connected: boolean, reason?: string) => void>();

  onState(changed: (connected: boolean, reason?: string) => void): () => void {
    this.watchers.add(changed);
    return () => this.watchers.delete(changed);
  }

  publishAcknowledged(topic: string, data: Json, seq: number, options: PublishOptions = {}): Promise<void> {
    return new Promise((resolve, fail) => {
      const reject = (code: string) => fail(new EarlError(code, code));
      const { retain = false, batchMs } = options;
      this.sent.push({ topic, data, seq, retain, batchMs, resolve, reject });
    });
  }

  connect(): void {
    this.connected = true;
    for (const watcher of this.watchers) watcher(true);
  }

  /** Ends the connection; like the real one, unacknowledged publishes are rejected. */
  disconnect(): void {
    this.connected = false;
    for (const { reject } of this.sent) reject('CLOUD_DISCONNECTED');
    for (const watcher of this.watchers) watcher(false, 'test');
  }

  /** What was sent since the last look. */
  look(): [Json, number][] {
    const seen = this.sent.map(({ data, seq }): [Json, number] => [data, seq]);
    this.sent = [];
    return seen;
  }
}

let client: ScriptedClient;
let log: LogEntry[];
let lost: SpoolMessage[];

function uplinkOf(options: Partial<UplinkOptions> = {}): Uplink {
  return new Uplink({
    client: client as unknown as CloudClient,
    clock: systemClock,
    log: (entry) => log.push(entry),
    limits: { maxMessages: 5, maxBytes: 10_000 },
    window: 3,
    onDropped: (message) => lost.push(message),
    onConnected: () => [],
    ...options,
  });
}

function sample(data: number): SpoolMessage {
  return { topic: 'site/p/samples', data, kind: 'sample' };
}

const settled = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  vi.useFakeTimers();
  client = new ScriptedClient();
  log = [];
  lost = [];
});
afterEach(() => {
  vi.useRealTimers();
});

test('sends at once, a window at a time, and goes on with each acknowledgement', async () => {
  client.connected = true;
  const uplink = uplinkOf();
  for (const data of [1, 2, 3, 4, 5]) uplink.publish(sample(data));
  const first = client.sent[0]!;
  expect(client.look()).toEqual([
    [1, 1],
    [2, 2],
    [3, 3],
  ]);
  first.resolve();
  await settled();
  expect(client.look()).toEqual([[4, 4]]);
  expect(uplink.waiting).toBe(4);
});

test('states are retained, samples are not', () => {
  client.connected = true;
  const uplink = uplinkOf();
  uplink.publish({ topic: 'site/p/status', data: 1, kind: 'state' });
  uplink.publish(sample(2));
  expect(client.sent.map(({ retain }) => retain)).toEqual([true, false]);
});

test('samples may be gathered, while states and events do not wait', () => {
  client.connected = true;
  const uplink = uplinkOf({ batchMs: () => 50 });
  uplink.publish(sample(1));
  uplink.publish({ topic: 'site/p/status', data: 2, kind: 'state' });
  uplink.publish({ topic: 'site/p/events', data: 3, kind: 'event' });
  expect(client.sent.map(({ data, batchMs }) => [data, batchMs])).toEqual([
    [1, 50],
    [2, 0],
    [3, 0],
  ]);
});

test('after a disconnect, unacknowledged messages come again with their numbers, before what waited', async () => {
  const uplink = uplinkOf();
  client.connect();
  for (const data of [1, 2, 3]) uplink.publish(sample(data));
  const [first] = client.sent;
  first!.resolve();
  await settled();
  client.disconnect();
  await settled();
  client.look();
  uplink.publish(sample(4));
  expect(client.look()).toEqual([]);
  client.connect();
  expect(client.look()).toEqual([
    [2, 2],
    [3, 3],
    [4, 4],
  ]);
});

test('states are published again, first, on every connection', () => {
  const uplink = uplinkOf({ onConnected: () => [{ topic: 'site/p/status', data: 'birth', kind: 'state' }] });
  uplink.publish(sample(1));
  client.connect();
  expect(client.look().map(([data]) => data)).toEqual(['birth', 1]);
  client.disconnect();
  client.connect();
  expect(client.look()).toEqual([
    [1, 2],
    ['birth', 3], // the one that was in flight is superseded; numbers rise, or the server would ignore the sample
  ]);
});

test('what the spool dropped is counted, handed back and reported once the cloud is there', () => {
  const uplink = uplinkOf();
  for (const data of [1, 2, 3, 4, 5, 6, 7]) uplink.publish(sample(data));
  expect(lost.map(({ data }) => data)).toEqual([1, 2]);
  expect(log).toEqual([]);
  client.connect();
  expect(log).toContainEqual(expect.objectContaining({ event: 'spool-dropped', samples: 2, events: 0 }));
  log = [];
  client.disconnect();
  client.connect();
  expect(log.some(({ event }) => event === 'spool-dropped')).toBe(false);
});

test('a message that the server will never take is dropped and does not block the others', async () => {
  client.connected = true;
  const uplink = uplinkOf({ window: 1 });
  uplink.publish(sample(1));
  uplink.publish(sample(2));
  client.sent[0]!.reject('CLOUD_REFUSED');
  await settled();
  expect(lost.map(({ data }) => data)).toEqual([1]);
  expect(client.look().map(([data]) => data)).toEqual([1, 2]);
  expect(log.at(-1)).toMatchObject({ event: 'refused', topic: 'site/p/samples' });
});

test('an overloaded server gets a pause, then the message and those after it under the same numbers', async () => {
  client.connected = true;
  const uplink = uplinkOf({ retryMs: 100 });
  for (const data of [1, 2, 3]) uplink.publish(sample(data));
  const [first, second, third] = client.sent;
  first!.resolve();
  second!.reject('CLOUD_OVERLOADED');
  third!.reject('CLOUD_OVERLOADED');
  await settled();
  client.look();
  uplink.publish(sample(4));
  expect(client.look()).toEqual([]);
  await vi.advanceTimersByTimeAsync(100);
  expect(client.look()).toEqual([
    [2, 2],
    [3, 3],
    [4, 4],
  ]);
});

test('a client that rejects but stays connected is tried again, not spun on', async () => {
  client.connected = true;
  const uplink = uplinkOf({ retryMs: 100 });
  uplink.publish(sample(1));
  client.sent[0]!.reject('CLOUD_DISCONNECTED');
  await settled();
  client.look();
  await vi.advanceTimersByTimeAsync(99);
  expect(client.look()).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(client.look()).toEqual([[1, 1]]);
});

test('drain waits for the last acknowledgement, or gives up', async () => {
  client.connected = true;
  const uplink = uplinkOf();
  expect(await uplink.drain(1000)).toBe(true);
  uplink.publish(sample(1));
  const patient = uplink.drain(1000);
  client.sent[0]!.resolve();
  expect(await patient).toBe(true);
  uplink.publish(sample(2));
  const impatient = uplink.drain(1000);
  await vi.advanceTimersByTimeAsync(1000);
  expect(await impatient).toBe(false);
});

test('a closed uplink sends nothing more', async () => {
  const uplink = uplinkOf();
  uplink.publish(sample(1));
  uplink.close();
  client.connect();
  uplink.publish(sample(2));
  await vi.runAllTimersAsync();
  expect(client.look()).toEqual([]);
});
