/** A subscriber that missed more than may wait for one client gets all of it on one connection, if only it reads. */

import { expect, it } from 'vitest';
import { cloudsForTests, RawClient } from './raw-client.ts';

const startCloud = cloudsForTests();

it.each(['earl.v1.json', 'earl.v1'])('resumes 3 MiB in one go by %s', async (subprotocol) => {
  const cloud = await startCloud();
  const publisher = await RawClient.join(cloud, { publisher: 'p' });
  const first = await publisher.ask({ op: 'subscribe', id: 1, filter: 'big/#' });
  await publisher.ask({ op: 'unsubscribe', id: 2, filter: 'big/#' });
  const data = 'x'.repeat(3000);
  for (let seq = 1; seq <= 1000; seq++) {
    expect(await publisher.ask({ op: 'publish', topic: 'big/one', data, id: seq, seq })).toEqual({ op: 'ok', id: seq });
  }
  const reader = await RawClient.open(cloud, { subprotocols: subprotocol });
  let bytes = 0;
  const answer = new Promise((resolve) => {
    reader.socket.on('close', (code: number) => resolve({ closed: code }));
    reader.socket.on('message', (message: Buffer, isBinary: boolean) => {
      bytes += message.length;
      if (!isBinary && message.includes('"recovered"')) resolve(JSON.parse(message.toString()));
    });
  });
  reader.say({ op: 'hello' });
  reader.say({ op: 'subscribe', id: 1, filter: 'big/#', since: first.position! });
  expect(await answer).toMatchObject({ op: 'ok', id: 1, recovered: true });
  expect(bytes).toBeGreaterThan(3_000_000);
  await reader.end();
});
