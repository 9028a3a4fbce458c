/**
 * RFC 2217 with peers that nobody here wrote: pyserial's client against our server, our client against ser2net.
 * Skipped where they are not installed (`make setup`: python3-serial, ser2net).
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { freePort } from '../../cloud/workers/free-port.ts';
import { readImage } from '../../host/transport/firmware-image.ts';
import { openTransport } from '../../host/transport/open.ts';
import { EchoPty } from '../contract/pty.ts';
import { serveBoard } from '../flash/board-server.ts';

const python = '/usr/bin/python3';
const hasPyserial = spawnSync(python, ['-c', 'import serial.rfc2217']).status === 0;
const hasSer2net = spawnSync('ser2net', ['-v']).status === 0;

/** Reads the program's frames, enters the boot loader by the modem lines, asks its version, and lets the program run. */
const script = `
import sys, time, serial
s = serial.serial_for_url(sys.argv[1], baudrate=9600, timeout=10)
s.read(4)
print('program talks', s.cts)
s.parity = 'E'
s.dtr = False
for level in (True, False, True, False):
    s.rts = level
s.dtr = True
s.rts = True
time.sleep(0.25)
s.reset_input_buffer()
s.write(bytes([0x80]))
print('sync', s.read(1).hex())
s.write(bytes.fromhex('801e040400000000' + sys.argv[2]))
print('version', s.read(22)[4:6].hex())
s.dtr = False
s.dtr = True
s.parity = 'N'
s.reset_input_buffer()
print('program talks again', len(s.read(4)))
s.close()
`;

describe.skipIf(!hasPyserial)('pyserial', () => {
  it('drives rate, parity and modem lines of an emulated board', async () => {
    const server = await serveBoard(readImage('ball'), 2);
    try {
      const sums = [0x80, 0x1e, 4, 4, 0, 0, 0, 0].reduce(
        ([a, b], byte, index) => (index % 2 ? [a!, b! ^ byte] : [a! ^ byte, b!]),
        [0xff, 0xff],
      );
      const child = spawn(python, ['-c', script, server.url, Buffer.from(sums).toString('hex')]);
      let text = '';
      child.stdout.on('data', (part) => {
        text += part;
      });
      child.stderr.on('data', (part) => {
        text += part;
      });
      await new Promise((resolve) => child.on('close', resolve));
      expect(text).toBe('program talks True\nsync 90\nversion 2553\nprogram talks again 4\n');
    } finally {
      await server.close();
    }
  });
});

describe.skipIf(!hasSer2net)('ser2net', () => {
  it('passes bytes of every value, at the rate that we ask for', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'earl-ser2net-'));
    const pty = new EchoPty(join(folder, 'port'));
    await pty.start();
    const port = await freePort();
    writeFileSync(
      join(folder, 'ser2net.yaml'),
      `connection: &one\n  accepter: telnet(rfc2217),tcp,127.0.0.1,${port}\n  connector: serialdev,${pty.path},9600n81,local\n`,
    );
    const child: ChildProcess = spawn('ser2net', ['-n', '-c', join(folder, 'ser2net.yaml')], { stdio: 'ignore' });
    try {
      await vi.waitFor(() => reachable(port), { timeout: 10_000 });
      const transport = await openTransport(`rfc2217://127.0.0.1:${port}?baud=38400`);
      const received: number[] = [];
      const connection = await transport.connect({ onData: (bytes) => received.push(...bytes), onClose: () => {} });
      const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
      await connection.write(bytes);
      await vi.waitFor(() => expect(Uint8Array.from(received)).toEqual(bytes), { timeout: 10_000 });
      expect(execFileSync('stty', ['-F', pty.path, 'speed'], { encoding: 'utf8' }).trim()).toBe('38400');
      await transport.dispose();
    } finally {
      child.kill();
      await pty.stop();
      rmSync(folder, { recursive: true });
    }
  });
});

function reachable(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}
