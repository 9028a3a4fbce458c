import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { parseTcpUrl, tcpTransport } from './tcp.ts';

const silent = { onData: () => {}, onClose: () => {} };

test('reads a URL', () => {
  expect(parseTcpUrl('tcp:127.0.0.1:4000')).toEqual({ host: '127.0.0.1', port: 4000 });
  expect(parseTcpUrl('tcp:bench.local:1')).toEqual({ host: 'bench.local', port: 1 });
  expect(parseTcpUrl('tcp:[::1]:65535')).toEqual({ host: '::1', port: 65_535 });
});

test.each(['tcp:', 'tcp:4000', 'tcp:host', 'tcp:host:', 'tcp:host:0', 'tcp:host:65536', 'tcp:::1:4000', 'tcp://h:1'])(
  'refuses %s',
  (url) => {
    expect(() => parseTcpUrl(url)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  },
);

test('where nothing listens is not found', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  await expect(tcpTransport(`tcp:127.0.0.1:${port}`).connect(silent)).rejects.toMatchObject({
    code: 'TRANSPORT_NOT_FOUND',
    message: expect.stringContaining('nothing listens there'),
  });
});

test('dispose while connecting ends the attempt', async () => {
  const transport = tcpTransport('tcp:127.0.0.1:9');
  const attempt = transport.connect(silent);
  attempt.catch(() => {});
  await transport.dispose();
  await expect(attempt).rejects.toMatchObject({ code: expect.stringMatching(/^TRANSPORT_/) });
});

test('a peer that does not read fills the 64 KiB, is refused more, and close does not wait for it', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.pause();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const transport = tcpTransport(`tcp:127.0.0.1:${(server.address() as AddressInfo).port}`);
  const connection = await transport.connect(silent);
  let refused: unknown;
  const writes: Promise<unknown>[] = [];
  for (let n = 0; refused === undefined && n < 5000; n++) {
    writes.push(
      connection.write(new Uint8Array(8192)).catch((error: unknown) => {
        refused ??= error;
      }),
    );
    if (n % 8 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(refused).toMatchObject({ code: 'TRANSPORT_FULL' });
  await connection.close();
  await Promise.all(writes);
  server.close();
});
