/** Who serves the cloud's sockets, and that connections end with the cloud when the addon does. */

import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { cloudsForTests, health, RawClient } from './raw-client.ts';

const start = cloudsForTests();
const onLinux = it.skipIf(process.platform !== 'linux');

onLinux('is the addon, and /health says so', async () => {
  const cloud = await start();
  expect(cloud.sockets).toBe('native');
  expect(await health(cloud)).toMatchObject({ sockets: 'native' });
});

onLinux('takes what was sent together with the handshake', async () => {
  const cloud = await start();
  const socket = connect({ port: cloud.port, host: '127.0.0.1' });
  const hello = Buffer.from('{"op":"hello"}');
  const lines = [
    'GET / HTTP/1.1',
    `Host: 127.0.0.1:${cloud.port}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Protocol: earl.v1.json',
    '\r\n',
  ];
  // A mask of zeros changes nothing.
  socket.write(
    Buffer.concat([Buffer.from(lines.join('\r\n')), Buffer.from([0x81, 0x80 | hello.length, 0, 0, 0, 0]), hello]),
  );
  let text = '';
  while (!text.includes('"welcome"')) text += String((await once(socket, 'data'))[0]);
  expect(text).toMatch(/^HTTP\/1\.1 101 /);
  socket.destroy();
});

onLinux('closes a cloud whose clients do not answer, in time', async () => {
  const cloud = await start({ limits: { closeGraceMs: 20 } });
  const client = await RawClient.join(cloud);
  client.socket.pause();
  await cloud.close();
  client.socket.resume();
  expect(await client.closed).toEqual({ code: 4101, reason: 'the cloud is shutting down' });
});

onLinux('leaves the bound on what is no WebSocket as it is', async () => {
  const cloud = await start({ limits: { connections: 2, httpConnections: 1 } });
  const clients = [await RawClient.join(cloud), await RawClient.join(cloud)];
  const waiting = connect({ port: cloud.port, host: '127.0.0.1' });
  await once(waiting, 'connect');
  const beyond = connect({ port: cloud.port, host: '127.0.0.1' });
  beyond.on('error', () => {});
  await once(beyond, 'close');
  await Promise.all(clients.map((client) => client.end()));
  const again = await RawClient.join(cloud);
  await again.end();
  waiting.destroy();
});
