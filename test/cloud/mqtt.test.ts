/** MQTT 3.1.1 with the programs that people use, and with the bytes that nobody should send. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'mqtt-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { CloudOptions } from '../../cloud/server/index.ts';
import { home, KeyFolder } from '../security/cloud-keys.ts';
import { answerTo, type Heard, hello, mosquittoPub, mosquittoSub, mqttJs, realBroker } from './mqtt-peers.ts';
import { cloudsForTests, health, offset, RawClient } from './raw-client.ts';

const startCloud = cloudsForTests();
const start = async (options: CloudOptions = {}) => {
  const cloud = await startCloud({ mqttPort: 0, ...options });
  return {
    cloud,
    port: cloud.mqttPort!,
    tcp: `mqtt://127.0.0.1:${cloud.mqttPort}`,
    ws: `ws://127.0.0.1:${cloud.port}/`,
  };
};

describe('mosquitto_pub and mosquitto_sub', () => {
  it('hear each other with QoS 0, 1 and 2', async () => {
    const { port } = await start();
    const subscriber = await mosquittoSub(port, '-t', 'home/+/samples', '-q', '2');
    for (const qos of ['0', '1', '2'])
      await mosquittoPub(port, '-t', `home/${qos}/samples`, '-m', `m${qos}`, '-q', qos);
    // QoS 2 is not granted to subscribers.
    expect(await subscriber.next()).toBe('home/0/samples 1 0 m0');
    expect(await subscriber.next()).toBe('home/1/samples 1 0 m1');
    expect(await subscriber.next()).toBe('home/2/samples 1 0 m2');
  });

  it('find and forget a last value', async () => {
    const { port } = await start();
    await mosquittoPub(port, '-t', 'home/a/status', '-m', 'on', '-r', '-q', '1');
    await mosquittoPub(port, '-t', 'home/b/status', '-m', 'on', '-r', '-q', '1');
    expect(await (await mosquittoSub(port, '-t', 'home/a/#')).next()).toBe('home/a/status 0 1 on');
    await mosquittoPub(port, '-t', 'home/a/status', '-n', '-r', '-q', '1');
    expect(await (await mosquittoSub(port, '-t', '#')).next()).toBe('home/b/status 0 1 on');
  });

  it('leave a will', async () => {
    const { port, tcp } = await start();
    const subscriber = await mosquittoSub(port, '-t', 'wills/#');
    const { client } = await mqttJs(tcp, {
      will: { topic: 'wills/js', payload: Buffer.from('gone'), qos: 1, retain: true },
    });
    client.stream.destroy();
    expect(await subscriber.next()).toBe('wills/js 0 0 gone');
    expect(await (await mosquittoSub(port, '-t', 'wills/js')).next()).toBe('wills/js 0 1 gone');
  });

  it('show the token as password', async () => {
    const { port } = await start({ token: 'se cret' });
    const args = ['-t', 'a', '-m', '1', '-q', '1'];
    await expect(mosquittoPub(port, ...args)).rejects.toMatchObject({ stderr: expect.stringMatching(/[Bb]ad user/) });
    await expect(mosquittoPub(port, ...args, '-u', 'x', '-P', 'wrong')).rejects.toMatchObject({
      code: expect.any(Number),
    });
    await mosquittoPub(port, ...args, '-u', 'anyone', '-P', 'se cret');
  });
});

it.each(['tcp', 'ws'] as const)(
  'a signed token allows by %s what it says, and a kept session goes on with it',
  async (way) => {
    const keys = new KeyFolder();
    keys.put('a');
    try {
      const { port, ...urls } = await start({ keys: keys.path });
      const bearer = async (subject: string) => ({
        username: 'x',
        password: Buffer.from(await keys.token(home, { subject })),
      });
      const kept = { ...(await bearer('one')), clientId: 'kept', clean: false };
      const peer = await mqttJs(urls[way], kept);
      await peer.client.subscribeAsync('home/#', { qos: 1 });
      await expect(peer.client.subscribeAsync('#')).rejects.toThrow();
      await peer.client.endAsync();
      const publisher = await mqttJs(urls[way], await bearer('two'));
      await publisher.client.publishAsync('home/a', 'meanwhile', { qos: 1 });
      const stranger = await mqttJs(urls[way], { ...kept, ...(await bearer('two')) });
      expect(stranger.sessionPresent).toBe(false);
      const back = await mqttJs(urls[way], kept);
      expect(back.sessionPresent).toBe(true);
      expect((await back.next()).text).toBe('meanwhile');
      await back.client.publishAsync('home/b', 'read again', { qos: 1 });
      expect((await back.next()).text).toBe('read again');
      back.client.publish('work/a', 'x', { qos: 1 });
      await back.closed;
      const will = generate({
        cmd: 'connect',
        clientId: 'w',
        ...(await bearer('one')),
        will: { topic: 'work/w', payload: '', qos: 0, retain: false },
      });
      expect(await answerTo(port, will)).toBe('20020005 closed');
    } finally {
      keys.remove();
    }
  },
);

it('comes by TLS when the cloud has a certificate, and by nothing else', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'earl-mqtt-tls-'));
  try {
    const tls = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
    const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    execFileSync('openssl', ['req', '-x509', ...ec, ...subject, '-keyout', tls.key, '-out', tls.cert], {
      stdio: 'pipe',
    });
    const { port } = await start({ tls });
    const secure = ['-h', '127.0.0.1', '--cafile', tls.cert];
    const subscriber = await mosquittoSub(port, ...secure, '-t', 'a');
    await mosquittoPub(port, ...secure, '-t', 'a', '-m', 'safe', '-q', '1');
    expect(await subscriber.next()).toBe('a 0 0 safe');
    expect(await answerTo(port, hello)).not.toMatch(/^2002|open/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe('MQTT.js', () => {
  it.each(['tcp', 'ws'] as const)('by %s and clients of earl.v1.json hear each other', async (way) => {
    const started = await start();
    const peer = await mqttJs(started[way]);
    expect(await peer.client.subscribeAsync('home/#', { qos: 1 })).toMatchObject([{ topic: 'home/#', qos: 1 }]);
    const json = await RawClient.join(started.cloud);
    await json.ask({ op: 'subscribe', id: 1, filter: 'work/#' });
    await json.ask({ op: 'publish', id: 2, topic: 'home/a/samples', data: [{ n: 'temp', v: 21.5 }] });
    expect(await peer.next()).toEqual({
      topic: 'home/a/samples',
      text: '[{"n":"temp","v":21.5}]',
      qos: 1,
      retain: false,
    });
    await peer.client.publishAsync('work/a', '{"v":1}', { qos: 2 });
    expect(await json.next()).toEqual({ op: 'message', topic: 'work/a', offset, data: { v: 1 } });
    await peer.client.publishAsync('work/a', Buffer.from([0xff, 0x00]), { qos: 1 });
    expect(await json.next()).toEqual({ op: 'message', topic: 'work/a', offset, encoding: 'base64', data: '/wA=' });
  });

  it('gets a large message in pieces, and more than the window holds, in order', async () => {
    const { tcp, ws } = await start({ limits: { mqttInFlight: 4 } });
    const subscriber = await mqttJs(ws);
    await subscriber.client.subscribeAsync('a', { qos: 1 });
    const publisher = await mqttJs(tcp);
    await publisher.client.publishAsync('a', 'x'.repeat(60_000), { qos: 1 });
    expect((await subscriber.next()).text).toHaveLength(60_000);
    await Promise.all(
      Array.from({ length: 50 }, (_, index) => publisher.client.publishAsync('a', `${index}`, { qos: 1 })),
    );
    for (let index = 0; index < 50; index++) expect((await subscriber.next()).text).toBe(`${index}`);
  });

  it('is refused what belongs to the cloud, and what is no topic here', async () => {
    const { tcp } = await start({ limits: { subscriptions: 2 } });
    const { client, closed } = await mqttJs(tcp);
    const granted = async (filter: string) => {
      try {
        return (await client.subscribeAsync(filter, { qos: 0 }))[0]?.qos;
      } catch {
        return 'refused';
      }
    };
    expect(await granted('$SYS/#')).toBe('refused');
    expect(await granted('/a')).toBe('refused');
    expect(await granted('a//b')).toBe('refused');
    expect(await granted('a')).toBe(0);
    expect(await granted('b')).toBe(0);
    expect(await granted('c')).toBe('refused');
    client.publish('/leading/slash', 'x', { qos: 1 });
    await closed;
  });

  it('gets a message once, with the highest QoS of the filters that select it', async () => {
    const { tcp } = await start();
    const peer = await mqttJs(tcp);
    await peer.client.subscribeAsync({ 'o/+': { qos: 0 }, 'o/#': { qos: 1 } });
    await peer.client.publishAsync('o/1', 'x');
    expect(await peer.heard()).toEqual([{ topic: 'o/1', text: 'x', qos: 1, retain: false }]);
  });

  it('is sent again what it does not acknowledge', async () => {
    const { port } = await start({ limits: { mqttRetryMs: 20 } });
    const socket = connect(port, '127.0.0.1');
    socket.write(hello);
    socket.write(generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 1 }] }));
    socket.write(generate({ cmd: 'publish', topic: 'a', payload: 'x', qos: 0, dup: false, retain: false }));
    let heard = '';
    await new Promise<void>((resolve) => {
      socket.on('data', (chunk: Buffer) => {
        heard += chunk.toString('hex');
        if (heard.endsWith(sent(1, 'x', true))) resolve();
      });
    });
    expect(heard).toContain(sent(1, 'x'));
    socket.destroy();
  });

  it('is ended when it does not read, and the cloud goes on', async () => {
    const { cloud, port, tcp } = await start({ limits: { queueBytes: 100_000, closeGraceMs: 50 } });
    const stalled = connect(port, '127.0.0.1');
    stalled.on('error', () => {});
    stalled.write(hello);
    stalled.write(generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 1 }] }));
    await once(stalled, 'readable');
    const ended = new Promise((resolve) => stalled.on('close', resolve));
    const publisher = await mqttJs(tcp);
    const payload = Buffer.alloc(50_000);
    // Sixty-four in flight, and more than may wait.
    for (let index = 0; index < 70; index++) await publisher.client.publishAsync('a', payload, { qos: 1 });
    expect((await health(cloud)).sinceStart.slowConsumers).toBe(1);
    stalled.resume();
    await ended;
  });
});

describe('a session that is kept', () => {
  const kept = { clientId: 'kept', clean: false };

  it('sends again with DUP what was not acknowledged, under its packet identifier', async () => {
    const { port, tcp } = await start();
    const subscribe = generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 1 }] });
    const connectKept = generate({ cmd: 'connect', ...kept, keepalive: 0 });
    expect(await answerTo(port, Buffer.concat([connectKept, subscribe]))).toBe('20020000 9003000101 open');
    const { client } = await mqttJs(tcp);
    await client.publishAsync('a', 'one', { qos: 1 });
    await client.publishAsync('a', 'two', { qos: 1 });
    expect(await answerTo(port, connectKept)).toBe(`20020100 ${sent(1, 'one')} ${sent(2, 'two')} open`);
    const again = await answerTo(port, Buffer.concat([connectKept, generate({ cmd: 'puback', messageId: 1 })]));
    expect(again).toBe(`20020100 ${sent(1, 'one', true)} ${sent(2, 'two', true)} open`);
    expect(await answerTo(port, connectKept)).toBe(`20020100 ${sent(2, 'two', true)} open`);
  });

  it('is honest when the broker no longer has everything', async () => {
    const { tcp } = await start({ limits: { resumedMessages: 3 } });
    const earlier = await mqttJs(tcp, kept);
    await earlier.client.subscribeAsync('a', { qos: 1 });
    await earlier.client.endAsync();
    const publisher = await mqttJs(tcp);
    for (let index = 0; index < 4; index++) await publisher.client.publishAsync('a', `${index}`, { qos: 1 });
    const later = await mqttJs(tcp, kept);
    expect(later.sessionPresent).toBe(false);
    expect(await later.heard()).toEqual([]);
  });

  it('publishes a message of QoS 2 once, however often it comes', async () => {
    const { cloud, port } = await start();
    const json = await RawClient.join(cloud);
    await json.ask({ op: 'subscribe', id: 1, filter: 'a' });
    const connectKept = generate({ cmd: 'connect', clientId: 'two', clean: false, keepalive: 0 });
    const publish = generate({
      cmd: 'publish',
      topic: 'a',
      payload: '1',
      qos: 2,
      messageId: 7,
      dup: false,
      retain: false,
    });
    expect(await answerTo(port, Buffer.concat([connectKept, publish, publish]))).toBe(
      '20020000 50020007 50020007 open',
    );
    const release = generate({ cmd: 'pubrel', messageId: 7 });
    expect(await answerTo(port, Buffer.concat([connectKept, publish, release, publish]))).toBe(
      '20020100 50020007 70020007 50020007 open',
    );
    expect((await json.received()).map(({ data }) => data)).toEqual([1, 1]);
  });
});

/** PUBLISH on `a` with QoS 1, in hex. */
function sent(messageId: number, payload: string, dup = false): string {
  return generate({ cmd: 'publish', topic: 'a', payload, qos: 1, messageId, dup, retain: false }).toString('hex');
}

describe('beside mosquitto', () => {
  let real: Awaited<ReturnType<typeof realBroker>>;
  beforeAll(async () => {
    real = await realBroker();
  });
  afterAll(() => real.stop());

  it.each(['memory', 'disk'])('clients observe the same, in %s', async (where) => {
    const folder = mkdtempSync(join(tmpdir(), 'earl-mqtt-data-'));
    try {
      const { cloud, tcp } = await start(where === 'disk' ? { journal: { folder } } : {});
      expect(await observations(tcp)).toEqual(await observations(`mqtt://127.0.0.1:${real.port}`));
      await cloud.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  const connectAs = (fields: object) =>
    generate({ cmd: 'connect', clientId: 'raw', clean: true, keepalive: 0, ...fields });
  const cases: Record<string, Buffer> = {
    'a CONNECT': hello,
    'a second CONNECT': Buffer.concat([hello, hello]),
    'no CONNECT first': Buffer.from('c000', 'hex'),
    'no client identifier and a session to keep': Buffer.from('100c00044d5154540400003c0000', 'hex'),
    'a level of 9': Buffer.from('100f00044d5154540902003c0003726177', 'hex'),
    'a reserved flag in CONNECT': Buffer.from('100f00044d5154540403003c0003726177', 'hex'),
    'another protocol name': Buffer.from('100f00044d5158540402003c0003726177', 'hex'),
    'a wildcard in PUBLISH': Buffer.concat([hello, Buffer.from('3004000123', 'hex'), Buffer.from('78', 'hex')]),
    'an empty topic': Buffer.concat([hello, Buffer.from('3003000078', 'hex')]),
    'a PUBLISH of QoS 3': Buffer.concat([hello, Buffer.from('36060001610001', 'hex'), Buffer.from('78', 'hex')]),
    'a packet identifier of 0': Buffer.concat([hello, Buffer.from('3206000161000078', 'hex')]),
    'wrong flags in SUBSCRIBE': Buffer.concat([hello, Buffer.from('80060001000161', 'hex'), Buffer.from('00', 'hex')]),
    'a SUBSCRIBE without filters': Buffer.concat([hello, Buffer.from('82020001', 'hex')]),
    'a length of five bytes': Buffer.concat([hello, Buffer.from('30ffffffffff01', 'hex')]),
    'a topic that is no UTF-8': Buffer.concat([hello, Buffer.from('30050002c32878', 'hex')]),
    'a PUBACK for nothing': Buffer.concat([hello, Buffer.from('40020009', 'hex')]),
    'a PUBREL for nothing': Buffer.concat([hello, Buffer.from('62020009', 'hex')]),
    'a will': connectAs({ will: { topic: 'w', payload: 'x', qos: 1, retain: false } }),
    'an UNSUBSCRIBE from nothing': Buffer.concat([
      hello,
      generate({ cmd: 'unsubscribe', messageId: 3, unsubscriptions: ['n'] }),
    ]),
  };
  it.each(Object.entries(cases))('%s is answered the same', async (_, bytes) => {
    const { port } = await start();
    expect(await answerTo(port, bytes)).toBe(await answerTo(real.port, bytes));
  });
});

/** What clients see of retained messages, wildcards, wills, kept sessions and take-overs. */
async function observations(url: string): Promise<unknown[]> {
  const seen: (Heard[] | boolean | string)[] = [];
  const publisher = await mqttJs(url);
  const say = (topic: string, text: string, retain = false, qos: 0 | 1 | 2 = 1) =>
    publisher.client.publishAsync(topic, text, { qos, retain });
  const peer = await mqttJs(url);
  await say('r/1', 'kept', true);
  await peer.client.subscribeAsync('r/#', { qos: 1 });
  seen.push(await peer.heard());
  await say('r/1', 'live', true, 2);
  await say('r/1', '', true);
  seen.push(await peer.heard());
  await peer.client.subscribeAsync('r/#', { qos: 0 });
  await say('r', 'parent', false, 0);
  seen.push(await peer.heard());
  await peer.client.subscribeAsync({ 'o/+': { qos: 1 }, 'o/#': { qos: 1 } });
  await say('o/1', 'overlap');
  await peer.client.unsubscribeAsync('o/#');
  await say('o/2', 'one filter left');
  await say('o/2/3', 'none');
  seen.push(await peer.heard());
  await peer.client.subscribeAsync('w/#', { qos: 1 });
  const will = { topic: 'w/1', payload: Buffer.from('gone'), qos: 1 as const, retain: false };
  await (await mqttJs(url, { will })).client.endAsync();
  const dying = await mqttJs(url, { will, clientId: 'dying' });
  const successor = await mqttJs(url, { clientId: 'dying' });
  await dying.closed;
  seen.push(await peer.heard(), 'taken over');
  await successor.client.endAsync();
  const kept = { clientId: 'kept', clean: false };
  await (await mqttJs(url, { clientId: 'kept', clean: true })).client.endAsync();
  const early = await mqttJs(url, kept);
  await early.client.subscribeAsync({ 'k/1': { qos: 1 }, 'k/0': { qos: 0 } });
  await say('k/1', 'present');
  seen.push(early.sessionPresent, await early.heard());
  await early.client.endAsync();
  await say('k/0', 'not kept', false, 0);
  for (const text of ['a', 'b', 'c']) await say('k/1', text);
  const back = await mqttJs(url, kept);
  seen.push(back.sessionPresent, await back.heard());
  await back.client.endAsync();
  await (await mqttJs(url, { clientId: 'kept', clean: true })).client.endAsync();
  const anew = await mqttJs(url, kept);
  await say('k/1', 'd');
  seen.push(anew.sessionPresent, await anew.heard());
  return seen;
}

describe('bytes that nobody should send', () => {
  it('end a connection when no CONNECT comes in time', async () => {
    const { port } = await start({ limits: { helloTimeoutMs: 20 } });
    expect(await answerTo(port, Buffer.from([0x10]), false)).toBe('closed');
  });

  it('or nothing for one and a half times the keep-alive', async () => {
    const { port } = await start();
    const bytes = generate({ cmd: 'connect', clientId: 'quiet', clean: true, keepalive: 1 });
    expect(await answerTo(port, bytes, false)).toBe('20020000 closed');
  });

  it('too long a packet ends the connection before it has come', async () => {
    const { port } = await start();
    expect(await answerTo(port, Buffer.concat([hello, Buffer.from('30818004', 'hex')]), false)).toBe('20020000 closed');
  });

  it('MQTT 5 is refused with a return code', async () => {
    const { port } = await start();
    const bytes = generate({ cmd: 'connect', clientId: 'five', clean: true, keepalive: 0, protocolVersion: 5 });
    expect(await answerTo(port, bytes)).toBe('20020001 closed');
  });

  it('text on the WebSocket ends it', async () => {
    const { ws } = await start();
    const socket = new WebSocket(ws, 'mqtt');
    await once(socket, 'open');
    expect(socket.protocol).toBe('mqtt');
    socket.send('hello');
    expect((await once(socket, 'close'))[0]).toBe(4000);
  });

  it('and packets cut and changed at random leave the cloud well', async () => {
    const { cloud, port, tcp } = await start();
    const seed = Number(process.env.EARL_FUZZ_SEED ?? 20_130_112);
    const rounds = Number(process.env.EARL_FUZZ_ROUNDS ?? 100);
    let state = seed;
    const below = (limit: number) => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 8) % limit;
    };
    const good = [
      generate({
        cmd: 'subscribe',
        messageId: 1,
        subscriptions: [
          { topic: 'a/+', qos: 1 },
          { topic: '#', qos: 2 },
        ],
      }),
      generate({ cmd: 'publish', topic: 'a/b', payload: 'x', qos: 2, messageId: 2, dup: false, retain: true }),
      generate({ cmd: 'pubrel', messageId: 2 }),
      generate({ cmd: 'unsubscribe', messageId: 3, unsubscriptions: ['#'] }),
      generate({
        cmd: 'connect',
        clientId: 'f',
        clean: false,
        will: { topic: 'w', payload: 'x', qos: 1, retain: false },
      }),
    ];
    for (let round = 0; round < rounds; round++) {
      const bytes = Buffer.concat([hello, ...Array.from({ length: 4 }, () => good[below(good.length)]!)]);
      for (let changes = below(6); changes > 0; changes--) bytes[below(bytes.length)] = below(256);
      const socket = connect(port, '127.0.0.1');
      const ended = new Promise((resolve) => socket.on('close', resolve));
      socket.on('error', () => {});
      socket.resume();
      const cut = below(bytes.length);
      socket.write(bytes.subarray(0, cut));
      await once(socket, 'connect');
      socket.end(bytes.subarray(cut));
      await ended;
    }
    const peer = await mqttJs(tcp);
    expect(await peer.heard(), `seed ${seed}`).toEqual([]);
    expect((await health(cloud)).status).toBe('ok');
  });
});
