/**
 * What a client can cost the cloud: floods, slow headers, fragments, subscribers that do not read.
 *
 * `EARL_STALLED=1000` has so many subscribers not read, and prints what they cost.
 */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect as connectTcp, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { publishRecord, topicRecord } from '../../cloud/protocol/index.ts';
import { type Cloud, defaultServerLimits } from '../../cloud/server/index.ts';
import { cloudsForTests, health, RawClient } from '../cloud/raw-client.ts';

const start = cloudsForTests();

/** A connection over which nothing is said yet; its end is awaited, whatever it is. */
async function open(cloud: Cloud): Promise<{ socket: Socket; ended: Promise<string> }> {
  const socket = connectTcp(cloud.port, '127.0.0.1');
  let said = '';
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    said += chunk.toString('latin1');
  });
  const ended = new Promise<string>((resolve) => socket.on('close', () => resolve(said)));
  await once(socket, 'connect');
  return { socket, ended };
}

describe('before the handshake', () => {
  it('slow headers, and silence, are ended', async () => {
    const cloud = await start({ limits: { headersTimeoutMs: 100 } });
    const [silent, slow, halfway] = await Promise.all([open(cloud), open(cloud), open(cloud)]);
    const drip = setInterval(() => slow!.socket.write('X-A: b\r\n'), 20);
    slow!.socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n');
    halfway!.socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n');
    expect(await slow!.ended).toMatch(/^HTTP\/1\.1 408 /);
    clearInterval(drip);
    expect(await halfway!.ended).toMatch(/^HTTP\/1\.1 408 /);
    await silent!.ended;
    await RawClient.join(cloud);
  });

  it('too large headers are refused', async () => {
    const { socket, ended } = await open(await start());
    socket.write(`GET /?token=${'x'.repeat(20_000)} HTTP/1.1\r\n`);
    expect(await ended).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('a flood of handshakes gets 503 and when to come back; those who are in do not notice', async () => {
    const cloud = await start({ limits: { handshakes: { perSecond: 0.001, burst: 5 } } });
    const client = await RawClient.join(cloud);
    for (let count = 1; count < 5; count++) await RawClient.open(cloud);
    const socket = new WebSocket(`ws://127.0.0.1:${cloud.port}`, 'earl.v1.json');
    socket.on('error', () => {});
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
    expect([response.statusCode, response.headers['retry-after']]).toEqual([503, '1']);
    response.resume();
    expect(await client.ask({ op: 'ping', id: 1 })).toEqual({ op: 'pong', id: 1 });
  });

  it('more connections than there may be end at once', async () => {
    const cloud = await start({ limits: { connections: 1, httpConnections: 2 } });
    const held = await Promise.all([open(cloud), open(cloud), open(cloud)]);
    const fourth = await open(cloud);
    expect(await fourth.ended).toBe('');
    held[0]!.socket.destroy();
    await held[0]!.ended;
    for (const { socket } of held) socket.destroy();
    await expect
      .poll(() =>
        RawClient.join(cloud).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
  });
});

describe('messages', () => {
  it('of too many fragments close with 1008', async () => {
    const cloud = await start({ limits: { fragments: 10 } });
    const client = await RawClient.join(cloud);
    client.socket.send('{"op":"pi', { fin: false });
    client.socket.send('ng","id":1}', { fin: true });
    expect(await client.next()).toEqual({ op: 'pong', id: 1 });
    for (let count = 0; count < 11; count++) client.socket.send('', { fin: false });
    expect((await client.closed).code).toBe(1008);
    expect((await health(cloud)).status).toBe('ok');
  });

  it('that are too long close with 1009, whole or in fragments', async () => {
    const cloud = await start();
    for (const fragments of [1, 3]) {
      const client = await RawClient.join(cloud);
      for (let count = 1; count <= fragments; count++) {
        client.socket.send('x'.repeat(1 + Math.ceil(65_536 / fragments)), { fin: count === fragments });
      }
      expect((await client.closed).code).toBe(1009);
    }
  });

  it.each(['earl.v1.json', 'earl.v1'])(
    'beyond the publish rate wait on %s: none is lost, others are served',
    async (subprotocol) => {
      const cloud = await start({ limits: { publishes: { perSecond: 200, burst: 20 } } });
      const listener = await RawClient.join(cloud);
      await listener.ask({ op: 'subscribe', id: 1, filter: 'a' });
      const flood = await RawClient.open(cloud, { subprotocols: subprotocol });
      flood.say({ op: 'hello' });
      await flood.next();
      const before = performance.now();
      const count = 100;
      if (subprotocol === 'earl.v1') flood.socket.send(topicRecord(1, 'a'));
      for (let data = 0; data < count; data++) {
        if (subprotocol === 'earl.v1') flood.socket.send(publishRecord(1, Buffer.from(String(data)), false));
        else flood.say({ op: 'publish', topic: 'a', data });
      }
      flood.say({ op: 'ping', id: 7 });
      const pong = flood.next().then(() => performance.now());
      const got = [];
      while (got.length < count) got.push((await listener.next()).data);
      expect(got).toEqual(Array.from({ length: count }, (_, index) => index));
      expect(await listener.ask({ op: 'ping', id: 1 })).toEqual({ op: 'pong', id: 1 });
      // What one chunk brought is published at once; the sender is read again when the rate allows it.
      flood.say({ op: 'ping', id: 8 });
      await pong;
      await flood.next();
      expect(performance.now() - before).toBeGreaterThan(((count - 20) / 200) * 1000 - 50);
    },
  );
});

it('subscribers that do not read cost no more than their queues, however much is published', async () => {
  const stalled = Number(process.env.EARL_STALLED ?? 50);
  const queueBytes = stalled === 50 ? 64 * 1024 : defaultServerLimits.queueBytes;
  const cloud = await start({ limits: { queueBytes, closeGraceMs: 100 } });
  const publisher = await RawClient.join(cloud);
  const clients = await Promise.all(Array.from({ length: stalled }, () => RawClient.join(cloud)));
  for (const client of clients) {
    await client.ask({ op: 'subscribe', id: 1, filter: 'a' });
    client.socket.pause();
  }
  const memory = () => process.memoryUsage().external + process.memoryUsage().arrayBuffers;
  const before = memory();
  let most = 0;
  let published = 0;
  const data = 'x'.repeat(16_000);
  while ((await health(cloud)).sinceStart.slowConsumers! < stalled) {
    for (let id = 0; id < 20; id++) await publisher.ask({ op: 'publish', id, topic: 'a', data });
    published += 20;
    most = Math.max(most, memory());
    expect(published).toBeLessThan(20_000);
  }
  // Frames are shared by all; each socket besides holds some bytes of its own (outbox.ts).
  expect(most - before).toBeLessThan(stalled * 256 * 1024 + 32 * 1024 * 1024);
  await expect.poll(async () => (await health(cloud)).connectionsNow).toBe(1);
  if (process.env.EARL_STALLED) {
    const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(1);
    const sentMiB = mebibytes(published * data.length);
    console.log(`${stalled} stalled, ${sentMiB} MiB published: at most +${mebibytes(most - before)} MiB of buffers`);
  }
  for (const { socket } of clients) socket.terminate();
}, 120_000);
