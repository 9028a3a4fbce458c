/** MQTT sessions over several servers, restarts and killed processes; with mosquitto_sub, MQTT.js and bytes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'mqtt-packet';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { LocalBroker } from '../../cloud/broker/index.ts';
import type { CloudOptions } from '../../cloud/server/index.ts';
import { freePort } from '../../cloud/workers/free-port.ts';
import { Engine } from '../contract/engines.ts';
import { bundleEarl, EarlProcess } from '../e2e/earl-process.ts';
import { type Backplane, startBackplane } from './backplanes.ts';
import { answerTo, mosquittoPub, mosquittoSub, mqttJs } from './mqtt-peers.ts';
import { cloudsForTests, RawClient } from './raw-client.ts';

const startCloud = cloudsForTests();
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const kept = { clientId: 'kept', clean: false };
const patience = { timeout: 10_000, interval: 20 };

/** Two servers; each with a broker of its own on the backplane, or with one together. */
async function startTwo(backplane?: Backplane, options: CloudOptions = {}) {
  const shared = new LocalBroker();
  cleanups.push(() => shared.close());
  const openBroker = backplane === undefined ? async () => shared : await startBackplane(backplane, cleanups);
  const startOne = async () => {
    const cloud = await startCloud({ mqttPort: 0, broker: await openBroker(), ...options });
    cleanups.push(() => cloud.close());
    return { cloud, port: cloud.mqttPort!, url: `mqtt://127.0.0.1:${cloud.mqttPort}` };
  };
  return [await startOne(), await startOne()] as const;
}

describe.each(['hub', 'redis', 'nats'] as const)('two servers on %s', (backplane) => {
  it('are one for sessions that are kept, and for client identifiers', async () => {
    const [here, there] = await startTwo(backplane);
    const early = await mqttJs(here.url, kept);
    expect(early.sessionPresent).toBe(false);
    await early.client.subscribeAsync({ 'k/+': { qos: 1 }, other: { qos: 0 } });
    await early.client.publishAsync('k/1', 'present', { qos: 1 });
    expect((await early.next()).text).toBe('present');
    await early.client.endAsync();
    const publisher = await mqttJs(here.url, { clientId: 'publisher' });
    for (const text of ['a', 'b', 'c']) await publisher.client.publishAsync('k/1', text, { qos: 1 });
    await publisher.client.publishAsync('other', 'not kept');
    const back = await mqttJs(there.url, kept);
    expect(back.sessionPresent).toBe(true);
    expect(await back.heard()).toEqual(['a', 'b', 'c'].map((text) => ({ topic: 'k/1', text, qos: 1, retain: false })));
    // Without a goodbye: another connection takes its place, at the server it came from.
    const again = await mqttJs(here.url, kept);
    await back.closed;
    expect(again.sessionPresent).toBe(true);
    await publisher.client.publishAsync('k/2', 'd', { qos: 1 });
    expect(await again.heard()).toEqual([{ topic: 'k/2', text: 'd', qos: 1, retain: false }]);
    const clean = await mqttJs(there.url, { clientId: 'kept', clean: true });
    await again.closed;
    expect(clean.sessionPresent).toBe(false);
    await clean.client.endAsync();
    expect((await mqttJs(here.url, kept)).sessionPresent).toBe(false);
    const other = await mqttJs(there.url, { clientId: 'publisher' });
    await publisher.closed;
    expect(other.sessionPresent).toBe(false);
  });
});

it('mosquitto_sub -c finds at another server what it missed', async () => {
  const [here, there] = await startTwo();
  const options = ['-c', '-i', 'sub', '-q', '1', '-t', 'k/#'];
  const early = await mosquittoSub(here.port, ...options);
  await mosquittoPub(here.port, '-t', 'k/1', '-m', 'one', '-q', '1');
  expect(await early.next()).toBe('k/1 1 0 one');
  early.kill();
  for (const text of ['two', 'three']) await mosquittoPub(there.port, '-t', 'k/1', '-m', text, '-q', '1');
  const back = await mosquittoSub(there.port, ...options);
  expect([await back.next(), await back.next()]).toEqual(['k/1 1 0 two', 'k/1 1 0 three']);
});

describe('what is under way goes along to another server', () => {
  const connect = generate({ cmd: 'connect', ...kept, keepalive: 0 });

  it('to subscribers with DUP, under its packet identifier', async () => {
    const [here, there] = await startTwo();
    const subscribe = generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 1 }] });
    await answerTo(here.port, Buffer.concat([connect, subscribe]));
    const { client } = await mqttJs(here.url);
    for (const text of ['one', 'two']) await client.publishAsync('a', text, { qos: 1 });
    const publish = (messageId: number, payload: string, dup: boolean) =>
      generate({ cmd: 'publish', topic: 'a', payload, qos: 1, messageId, dup, retain: false }).toString('hex');
    const first = await answerTo(here.port, connect);
    expect(first).toBe(`20020100 ${publish(1, 'one', false)} ${publish(2, 'two', false)} open`);
    const acknowledge = generate({ cmd: 'puback', messageId: 1 });
    const second = await answerTo(there.port, Buffer.concat([connect, acknowledge]));
    expect(second).toBe(`20020100 ${publish(1, 'one', true)} ${publish(2, 'two', true)} open`);
    expect(await answerTo(here.port, connect)).toBe(`20020100 ${publish(2, 'two', true)} open`);
  });

  it('from publishers with QoS 2 once', async () => {
    const [here, there] = await startTwo();
    const json = await RawClient.join(here.cloud);
    await json.ask({ op: 'subscribe', id: 1, filter: 'a' });
    const fields = { topic: 'a', payload: '1', qos: 2, messageId: 7, retain: false } as const;
    const publish = generate({ cmd: 'publish', ...fields, dup: false });
    expect(await answerTo(here.port, Buffer.concat([connect, publish]))).toBe('20020000 50020007 open');
    const repeated = Buffer.concat([connect, generate({ cmd: 'publish', ...fields, dup: true })]);
    expect(await answerTo(there.port, repeated)).toBe('20020100 50020007 open');
    expect((await json.received()).map(({ data }) => data)).toEqual([1]);
  });
});

it('remembers so many sessions, and forgets those that left first', async () => {
  const broker = new LocalBroker();
  cleanups.push(() => broker.close());
  const forgotten = new Promise((resolve) => {
    void broker.subscribe('$mqtt/session/#', ({ payload }) => payload.length === 0 && resolve(undefined));
  });
  const { mqttPort } = await startCloud({ mqttPort: 0, broker, limits: { mqttSessions: 2, mqttRecordMs: 10 } });
  const isPresent = async (clientId: string) => {
    const { client, sessionPresent } = await mqttJs(`mqtt://127.0.0.1:${mqttPort}`, { clientId, clean: false });
    await client.endAsync();
    return sessionPresent;
  };
  expect([await isPresent('a'), await isPresent('b'), await isPresent('c')]).toEqual([false, false, false]);
  await forgotten;
  expect([await isPresent('c'), await isPresent('b'), await isPresent('a')]).toEqual([true, true, false]);
});

it('clients by TCP are sent away one after the other, those that wait are counted', async () => {
  const [{ cloud, port, url }] = await startTwo(undefined, { limits: { mqttInFlight: 1 } });
  const peers = await Promise.all(Array.from({ length: 5 }, () => mqttJs(url)));
  const slow = await mqttJs(url);
  slow.client.handleMessage = () => {};
  await slow.client.subscribeAsync('a', { qos: 1 });
  for (let index = 0; index < 3; index++) await peers[0]!.client.publishAsync('a', 'x'.repeat(1_000), { qos: 1 });
  const waiting = /^earl_waiting_bytes\{[^}]*\} (\d+)$/m;
  await expect
    .poll(async () => Number(waiting.exec(await cloud.metricsText())?.[1]), patience)
    .toBeGreaterThanOrEqual(2_000);
  const closedAtMs: number[] = [];
  for (const { closed } of [...peers, slow]) void closed.then(() => closedAtMs.push(performance.now()));
  await cloud.drain(300);
  await expect.poll(() => closedAtMs.length, patience).toBe(6);
  expect(closedAtMs[5]! - closedAtMs[0]!).toBeGreaterThan(150);
  await expect(mqttJs(`mqtt://127.0.0.1:${port}`)).rejects.toThrow('ECONNREFUSED');
});

describe('earl cloud --mqtt, killed', () => {
  let bundle: Awaited<ReturnType<typeof bundleEarl>>;
  beforeAll(async () => {
    bundle = await bundleEarl();
  });
  afterAll(() => bundle.remove());

  const run = async (args: readonly string[]) => {
    const started = new EarlProcess(bundle.file, ['cloud', '--port', '0', '--json', ...args]);
    cleanups.push(() => started.stop('SIGKILL'));
    await started.line(({ event }) => event === 'listening');
    return started;
  };

  it.each(['--data', '--backplane'])('with %s: sessions go on, and what may be a repetition says so', async (way) => {
    const folder = mkdtempSync(join(tmpdir(), 'earl-mqtt-kept-'));
    cleanups.push(() => rmSync(folder, { recursive: true }));
    const engine = way === '--backplane' ? await Engine.redis() : undefined;
    if (engine) cleanups.push(() => engine.remove());
    const options = ['--mqtt', String(await freePort()), way, engine?.url ?? folder];
    const url = `mqtt://127.0.0.1:${options[1]}`;
    const killed = await run(options);
    const early = await mqttJs(url, kept);
    await early.client.subscribeAsync('k', { qos: 1 });
    await early.client.publishAsync('k', 'one', { qos: 1 });
    expect((await early.next()).text).toBe('one');
    await killed.stop('SIGKILL');
    await run(options);
    const back = await mqttJs(url, kept);
    expect(back.sessionPresent).toBe(true);
    await back.client.publishAsync('k', 'two', { qos: 1 });
    const heard = [await back.next()];
    if (heard[0]!.text === 'one') heard.push(await back.next());
    // The record is up to five seconds old.
    expect(heard.map(({ text, isRepeated = false }) => [text, isRepeated])).toEqual(
      heard.length === 1
        ? [['two', false]]
        : [
            ['one', true],
            ['two', false],
          ],
    );
  });

  it('with --workers: a session goes on when its worker is killed', async () => {
    const mqttPort = await freePort();
    const cloud = await run(['--mqtt', String(mqttPort), '--workers', '2']);
    cleanups.push(() => cloud.stop('SIGTERM'));
    const url = `mqtt://127.0.0.1:${mqttPort}`;
    const early = await mqttJs(url, kept);
    await early.client.subscribeAsync('k', { qos: 1 });
    // Whichever of them it is at.
    const workers = cloud.lines.filter(({ event }) => event === 'worker_started').map(({ pid }) => pid as number);
    expect(workers).toHaveLength(2);
    const before = cloud.lines.length;
    for (const worker of workers) process.kill(worker, 'SIGKILL');
    await early.closed;
    await cloud.line(({ event, workers }) => event === 'worker_started' && workers === 2, before);
    const publisher = await mqttJs(url);
    await publisher.client.publishAsync('k', 'meanwhile', { qos: 1 });
    const back = await mqttJs(url, kept);
    expect(back.sessionPresent).toBe(true);
    expect(await back.next()).toMatchObject({ text: 'meanwhile', qos: 1 });
  });
});
