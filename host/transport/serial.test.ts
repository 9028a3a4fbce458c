import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SerialPortMock } from 'serialport';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EchoPty } from '../../test/contract/pty.ts';
import { parseSerialUrl, type SerialBinding, serialTransport } from './serial.ts';

const silent = { onData: () => {}, onClose: () => {} };
const mock = SerialPortMock.binding;

beforeEach(() => mock.reset());

test('reads a URL', () => {
  expect(parseSerialUrl('serial:/dev/ttyACM0')).toEqual({ path: '/dev/ttyACM0', baud: 9600 });
  expect(parseSerialUrl('serial:/dev/ttyUSB0?baud=115200')).toEqual({ path: '/dev/ttyUSB0', baud: 115_200 });
  expect(parseSerialUrl('serial:COM3')).toEqual({ path: 'COM3', baud: 9600 });
});

test.each([
  ['serial:', /path is missing/],
  ['serial:?baud=9600', /path is missing/],
  ['serial:/dev/ttyACM0?baud=fast', /whole number from 300/],
  ['serial:/dev/ttyACM0?baud=0', /whole number from 300/],
  ['serial:/dev/ttyACM0?baud=', /whole number from 300/],
  ['serial:/dev/ttyACM0?bauds=9600', /no parameter "bauds"/],
])('refuses %s', (url, message) => {
  expect(() => parseSerialUrl(url)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  expect(() => parseSerialUrl(url)).toThrow(message);
});

test('a port that does not exist is not found', async () => {
  await expect(serialTransport('serial:/dev/earl-no-such-port').connect(silent)).rejects.toMatchObject({
    code: 'TRANSPORT_NOT_FOUND',
    message: expect.stringContaining('no serial port /dev/earl-no-such-port: there '),
  });
});

test('a file that is no port fails with the reason of the system', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'earl-')), 'file');
  writeFileSync(path, '');
  await expect(serialTransport(`serial:${path}`).connect(silent)).rejects.toMatchObject({
    code: 'TRANSPORT_FAILED',
    message: expect.stringMatching(/cannot open .*file: /),
  });
});

/** A binding that refuses to open, with the words of the native one. */
function refusing(message: string): SerialBinding {
  return { list: async () => [], open: () => Promise.reject(new Error(message)) };
}

test('a forbidden port comes with the remedy', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'earl-'));
  const path = join(folder, 'port');
  writeFileSync(path, '');
  chmodSync(path, 0o600);
  const binding = refusing(`Error: Permission denied, cannot open ${path}`);
  await expect(serialTransport(`serial:${path}`, binding).connect(silent)).rejects.toMatchObject({
    code: 'TRANSPORT_PERMISSION',
    message: expect.stringMatching(/usermod -aG \S+ \$USER|udev rule/),
  });
  rmSync(folder, { recursive: true });
});

test.each([
  ['Opening COM9: Access denied', 'TRANSPORT_BUSY'],
  ['Error: Resource busy, cannot open /dev/cu.usbmodem1', 'TRANSPORT_BUSY'],
  ['Opening COM9: File not found', 'TRANSPORT_NOT_FOUND'],
  ['Error: Input/output error, cannot open /dev/x', 'TRANSPORT_FAILED'],
])('%s is %s', async (message, code) => {
  await expect(serialTransport('serial:/dev/x', refusing(message)).connect(silent)).rejects.toMatchObject({ code });
});

test('the LaunchPad refuses more than 9600 baud, an adapter does not', async () => {
  mock.createPort('/dev/ttyACM0', { vendorId: '0451', productId: 'F432' });
  mock.createPort('/dev/ttyUSB0', { vendorId: '0403', productId: '6001' });
  await expect(serialTransport('serial:/dev/ttyACM0?baud=115200', mock).connect(silent)).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining('passes at most 9600 baud, not 115200'),
  });
  const connection = await serialTransport('serial:/dev/ttyUSB0?baud=115200', mock).connect(silent);
  await connection.close();
  const slow = await serialTransport('serial:/dev/ttyACM0', mock).connect(silent);
  await slow.close();
});

test('a device that is gone without a word is noticed', async () => {
  mock.createPort('/dev/mock1');
  const binding: SerialBinding = {
    list: () => mock.list(),
    async open(options) {
      const port = await mock.open(options);
      port.getBaudRate = () => Promise.reject(new Error('Input/output error'));
      return port;
    },
  };
  const error = await new Promise((onClose) => {
    serialTransport('serial:/dev/mock1', binding).connect({ onData: () => {}, onClose });
  });
  expect(error).toMatchObject({ code: 'TRANSPORT_LOST', message: expect.stringContaining('Input/output error') });
});

const folder = mkdtempSync(join(tmpdir(), 'earl-busy-'));
const pty = new EchoPty(join(folder, 'port'));
afterEach(() => pty.stop());

test('a busy port names its holder', async () => {
  await pty.start();
  const ready = join(folder, 'ready');
  // flock(1) takes the lock that the binding takes, as any other program with serialport would.
  const holder = spawn('flock', ['-x', pty.path, 'sh', '-c', `touch ${ready}; exec cat`]);
  while (!existsSync(ready)) await new Promise((resolve) => setTimeout(resolve, 5));
  await expect(serialTransport(`serial:${pty.path}`).connect(silent)).rejects.toMatchObject({
    code: 'TRANSPORT_BUSY',
    message: expect.stringMatching(/is in use: it is held by .*(flock|cat|sh) \(process \d+/),
  });
  holder.stdin.end();
  await new Promise((resolve) => holder.once('exit', resolve));
});
