/** The client keeps its promises in both subprotocols, and finds out which to speak. */
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { connect } from '../../cloud/client/index.node.ts';
import type { Json } from '../../cloud/protocol/index.ts';
import { clientContract } from '../contract/client.contract.ts';
import { cloudsForTests } from './raw-client.ts';

clientContract('auto');
clientContract('json');

const start = cloudsForTests();

it('speaks JSON with a server that knows nothing else', async () => {
  const server = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    handleProtocols: (offered) => (offered.has('earl.v1.json') ? 'earl.v1.json' : false),
  });
  await once(server, 'listening');
  const heard: Json[] = [];
  server.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => {
      const message = isBinary ? { op: 'binary' } : (JSON.parse(String(data)) as { op: string; id?: number });
      heard.push(message);
      if (message.op === 'hello') socket.send('{"op":"welcome","server":"x","session":"x","maxMessageBytes":65536}');
      if (message.op === 'publish') socket.send(JSON.stringify({ op: 'ok', id: message.id }));
    });
  });
  const client = connect({ url: `ws://127.0.0.1:${(server.address() as { port: number }).port}` });
  await client.publishAcknowledged('a', 1);
  expect(client.subprotocol).toBe('earl.v1.json');
  expect(heard[1]).toEqual({ op: 'publish', topic: 'a', data: 1, id: expect.any(Number), seq: 1 });
  await client.close();
  server.close();
});

it('delivers the same from records as from texts', async () => {
  const { url } = await start();
  const [auto, json] = [connect({ url }), connect({ url, protocol: 'json' })];
  const heard: [unknown[], unknown[]] = [[], []];
  await auto.publishAcknowledged('kept', { before: true }, { retain: true });
  await auto.subscribe('#', (...message) => heard[0].push(message));
  await json.subscribe('#', (...message) => heard[1].push(message));
  const values: Json[] = [null, 0, -0.5, 'ä€𝄞\u2028', [], {}, [{ n: 'light', v: 412 }], 'x'.repeat(60_000)];
  for (const [index, value] of values.entries()) {
    await auto.publishAcknowledged(`v/${index}`, value, { retain: index === 0 });
    await json.publishAcknowledged(`v/${index}`, value);
  }
  await Promise.all([auto.ping(), json.ping()]);
  expect(heard[0]).toHaveLength(1 + 2 * values.length);
  expect(heard[1]).toEqual(heard[0]);
  await Promise.all([auto.close(), json.close()]);
});

it('goes on after a reconnect with each subscription as it was asked for', async () => {
  const first = await start();
  const client = connect({ url: first.url, backoffMs: { first: 5, longest: 20 } });
  const heard: Json[] = [];
  await client.subscribe('slow/#', (_topic, data) => heard.push(data), { maxDelayMs: 30, latest: true });
  await client.subscribe('fast/#', (_topic, data) => heard.push(data));
  await first.close();
  await start({ port: first.port });
  const other = connect({ url: first.url });
  await expect.poll(() => client.connected).toBe(true);
  await client.subscribe('fence', () => {});
  for (const data of [1, 2, 3]) other.publish('slow/a', data);
  await other.publishAcknowledged('fast/a', 'at once');
  await expect.poll(() => heard).toEqual(['at once', 3]);
  await expect(client.subscribe('a', () => {}, { maxDelayMs: -1 })).rejects.toMatchObject({ code: 'CLOUD_BAD_FILTER' });
  await Promise.all([client.close(), other.close()]);
});
