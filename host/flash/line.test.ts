/** Ports that cannot be had: each has its message. */
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { EchoPty } from '../../test/contract/pty.ts';
import { openFlashLine } from './line.ts';

test('a port that is not there', async () => {
  await expect(openFlashLine('/dev/ttyNOTHERE')).rejects.toMatchObject({ code: 'TRANSPORT_NOT_FOUND' });
});

test('a port that this process has: who holds it is said', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'earl-line-'));
  const pty = new EchoPty(join(folder, 'port'));
  await pty.start();
  const held = openSync(pty.path, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
  try {
    const line = await openFlashLine(pty.path).catch((error: unknown) => error);
    // A pseudo-terminal knows no modem lines, but it can be locked.
    if (!(line instanceof Error)) {
      const second = openFlashLine(pty.path);
      await expect(second).rejects.toMatchObject({
        code: 'TRANSPORT_BUSY',
        message: expect.stringContaining(`process ${process.pid}`),
      });
      await (line as Awaited<ReturnType<typeof openFlashLine>>).close();
    }
    expect(line).not.toBeInstanceOf(Error);
  } finally {
    closeSync(held);
    await pty.stop();
    rmSync(folder, { recursive: true });
  }
});

test('a file that is no serial port', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'earl-line-'));
  writeFileSync(join(folder, 'file'), '');
  await expect(openFlashLine(join(folder, 'file'))).rejects.toMatchObject({ code: 'TRANSPORT_FAILED' });
  rmSync(folder, { recursive: true });
});

test('a server that does not speak RFC 2217', async () => {
  const server = createServer((socket) => socket.pipe(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await expect(openFlashLine(`rfc2217://127.0.0.1:${port}`)).rejects.toMatchObject({
    code: 'TRANSPORT_FAILED',
    message: expect.stringContaining('tcp:HOST:PORT'),
  });
  server.close();
});

test.each(['rfc2217:host', 'rfc2217://host', 'rfc2217://host:0', 'rfc2217://h:1?x=1'])('refuses %s', async (url) => {
  await expect(openFlashLine(url)).rejects.toMatchObject({ code: 'USAGE' });
});
