/**
 * Random bytes against a running cloud: as handshakes, as frames after a good handshake, as texts and records after hello.
 *
 * Bounded and repeatable: the seed is printed when something fails. `EARL_FUZZ_SEED` and `EARL_FUZZ_ROUNDS` change both;
 * a round is a connection, or ten of the records and texts. 25,000 rounds are more than a million messages, and print
 * what they cost.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type Json, publishRecord, topicRecord } from '../../cloud/protocol/index.ts';
import type { Cloud } from '../../cloud/server/index.ts';
import { cloudsForTests, health, offset, position, RawClient } from './raw-client.ts';

const start = cloudsForTests();
const seed = Number(process.env.EARL_FUZZ_SEED ?? 20_130_112);
const rounds = Number(process.env.EARL_FUZZ_ROUNDS ?? 100);

const handshake = (subprotocol: string) =>
  'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
  `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: ${subprotocol}\r\n\r\n`;

/** A connection whose end, however it comes, is awaited; what arrives is thrown away. */
async function open(cloud: Cloud): Promise<{ socket: Socket; ended: Promise<unknown> }> {
  const socket = connect(cloud.port, '127.0.0.1');
  const ended = new Promise((resolve) => socket.on('close', resolve));
  socket.on('error', () => {});
  socket.resume();
  await once(socket, 'connect');
  return { socket, ended };
}

/** The cloud still serves a well-behaved pair and has let go of everyone else. */
async function expectAlive(cloud: Cloud): Promise<void> {
  const client = await RawClient.join(cloud);
  client.say({ op: 'subscribe', id: 1, filter: 'alive' });
  expect(await client.next()).toEqual({ op: 'ok', id: 1, position });
  client.say({ op: 'publish', topic: 'alive', data: 1 });
  expect(await client.next()).toEqual({ op: 'message', topic: 'alive', offset, data: 1 });
  await client.end();
  expect((await health(cloud)).status).toBe('ok');
}

it('survives handshakes with random changes', async () => {
  const cloud = await start();
  const random = randomFrom(seed);
  for (let round = 0; round < rounds; round++) {
    const bytes = Buffer.from(handshake('earl.v1.json'));
    for (let changes = 1 + below(random, 4); changes > 0; changes--)
      bytes[below(random, bytes.length)] = below(random, 256);
    const { socket, ended } = await open(cloud);
    socket.end(bytes);
    await ended;
  }
  await expectAlive(cloud);
});

it('survives random bytes where frames should be', async () => {
  const cloud = await start();
  const random = randomFrom(seed + 1);
  for (let round = 0; round < rounds; round++) {
    const { socket, ended } = await open(cloud);
    socket.write(handshake(round % 2 ? 'earl.v1.json' : 'echo-protocol'));
    const bytes = Buffer.from(Array.from({ length: 1 + below(random, 400) }, () => below(random, 256)));
    // Half of them begin as a masked text frame, to get behind the first check.
    if (round % 4 < 2) bytes[0] = 0x81;
    if (round % 4 < 2) bytes[1] = 0x80 | below(random, 126);
    socket.end(bytes);
    await ended;
  }
  await expectAlive(cloud);
});

it.each(['earl.v1.json', 'echo-protocol'])(
  'survives random messages on %s, and answers in JSON',
  async (subprotocol) => {
    const cloud = await start({ limits: { badMessages: 1_000_000 } });
    const random = randomFrom(seed + 2);
    for (let round = 0; round < rounds / 10; round++) {
      const client = await RawClient.open(cloud, { subprotocols: subprotocol });
      client.say({ op: 'hello', publisher: 'fuzz' });
      for (let count = 0; count < 200 && client.socket.readyState === WebSocket.OPEN; count++) {
        client.say(randomMessage(random));
      }
      if (subprotocol === 'earl.v1.json') {
        const answers = await client.received();
        expect(answers.length, `seed ${seed} round ${round}`).toBeGreaterThan(50);
        await client.end();
      } else {
        expect((await client.closed).code, `seed ${seed} round ${round}`).toBe(4000);
      }
    }
    await expectAlive(cloud);
  },
);

it('survives random records on earl.v1, and others are served as before', async () => {
  const cloud = await start({ limits: { badMessages: 1_000_000 } });
  const random = randomFrom(seed + 3);
  const witness = await RawClient.join(cloud);
  await witness.ask({ op: 'subscribe', id: 1, filter: 'witness' });
  const heapMiB: number[] = [];
  const began = performance.now();
  let messages = 0;
  let slowestMs = 0;
  for (let round = 0; round < rounds / 10; round++) {
    const client = await RawClient.open(cloud, { subprotocols: 'earl.v1' });
    client.say({ op: 'hello', publisher: `fuzz-${round % 10}` });
    for (let count = 0; count < 400; count++) client.socket.send(randomRecords(random));
    messages += 400;
    const askedAt = performance.now();
    witness.say({ op: 'publish', topic: 'witness', data: round });
    expect((await witness.next()).data).toBe(round);
    slowestMs = Math.max(slowestMs, performance.now() - askedAt);
    client.say({ op: 'ping', id: 1_000_001 });
    let said = '';
    let answers = 0;
    for (; !said.includes('1000001'); answers++) said = await client.nextText();
    expect(answers, `seed ${seed} round ${round}`).toBeGreaterThan(100);
    await client.end();
    if (round % (rounds / 40) === 0) heapMiB.push(memoryMiB());
  }
  await witness.end();
  await expectAlive(cloud);
  if (rounds < 1000) return;
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  const heap = heapMiB.map((mebibytes) => mebibytes.toFixed(0)).join(' ');
  console.log(
    `${messages} binary messages in ${seconds} s, slowest neighbour ${slowestMs.toFixed(0)} ms, heap ${heap} MiB`,
  );
}, 3_600_000);

/** The heap after a collection, where one can be asked for (vitest --execArgv=--expose-gc). */
function memoryMiB(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

/** A few records, mostly good ones, of which bytes were changed, cut off or put in. */
function randomRecords(random: () => number): Uint8Array {
  const records = Array.from({ length: 1 + below(random, 4) }, () => {
    const number = pick(random, [0, 1, 2, 127, 128, 300, Number.MAX_SAFE_INTEGER]);
    if (random() < 0.4)
      return topicRecord(number, pick(random, ['a', 'a/b', 'a/+', '#', '$call/x', '', '\u0000', 'ä/ö']));
    const payload = Buffer.from(JSON.stringify(randomValue(random, 2)));
    return publishRecord(number, payload, random() < 0.2, random() < 0.3 ? below(random, 1000) : undefined);
  });
  const bytes = Buffer.concat(records);
  if (random() < 0.7)
    for (let changes = below(random, 4); changes >= 0; changes--)
      bytes[below(random, bytes.length)] = below(random, 256);
  return random() < 0.3 ? bytes.subarray(0, below(random, bytes.length + 1)) : bytes;
}

const keys = [
  'op',
  'id',
  'filter',
  'filters',
  'since',
  'topic',
  'data',
  'seq',
  'retain',
  'probes',
  'probe',
  'command',
  'call',
  'result',
  'at',
  'info',
  'follow',
  'messages',
];
const echoKeys = ['type', 'object', 'published', 'subject'];
const ops = [
  'subscribe',
  'unsubscribe',
  'publish',
  'serve',
  'command',
  'reply',
  'ping',
  'here',
  'presence',
  'will',
  'hello',
  'client',
  'publisher',
];

/** An object of known fields with values that are often, but not always, of the right kind. */
function randomMessage(random: () => number): Json {
  const message: { [key: string]: Json } = {};
  for (const key of [...keys, ...echoKeys]) if (random() < 0.6) message[key] = randomValue(random, 2);
  if (random() < 0.9) message.op = pick(random, ops);
  if (random() < 0.9) message.type = pick(random, ops);
  if (random() < 0.8) message.id = below(random, 100);
  return message;
}

function randomValue(random: () => number, depth: number): Json {
  const values: Json[] = [null, true, -1, 1e300, 0.5, 'a', 'a/b', 'a/+', '#', '$serve/a/b', '', '\u0000', '__proto__'];
  if (depth === 0 || random() < 0.6) return pick(random, values);
  const items = Array.from({ length: below(random, 4) }, () => randomValue(random, depth - 1));
  if (random() < 0.5) return items;
  return Object.fromEntries(items.map((item) => [pick(random, ['name', 'status', 'data', '__proto__']), item]));
}

function pick<Item>(random: () => number, items: readonly Item[]): Item {
  return items[below(random, items.length)]!;
}

function below(random: () => number, bound: number): number {
  return Math.floor(random() * bound);
}

/** A 32-bit linear congruential generator: repeatable, and good enough here. */
function randomFrom(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
