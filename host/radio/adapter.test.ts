/** Adapter URLs, and what is said when there is no adapter, no permission, or Bluetooth is off. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { checkAdapterUrl } from './adapter.ts';
import { VirtualAir } from './air.ts';
import { connectAir, parseAirAddress, serveAir } from './air-server.ts';
import { openCentral } from './central.ts';
import { openPeripheral } from './peripheral.ts';
import { servePty } from './pty-end.ts';
import { systemAdapters, systemBinding } from './system-adapter.ts';
import { parseUartUrl } from './uart-adapter.ts';

const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A Linux as sysfs and /proc show it. */
function linux(adapters: Record<string, { soft?: string }>, capabilities = '000001ffffffffff') {
  const root = mkdtempSync(join(tmpdir(), 'earl-adapter-'));
  closers.push(() => rmSync(root, { recursive: true }));
  const [sys, proc] = [join(root, 'sys'), join(root, 'proc')];
  for (const [name, { soft }] of Object.entries(adapters)) {
    const rfkill = join(sys, 'class/bluetooth', name, 'rfkill0');
    mkdirSync(rfkill, { recursive: true });
    writeFileSync(join(rfkill, 'soft'), `${soft ?? '0'}\n`);
    writeFileSync(join(rfkill, 'hard'), '0\n');
  }
  mkdirSync(join(proc, 'self'), { recursive: true });
  writeFileSync(join(proc, 'self/status'), `Name:\tnode\nCapEff:\t${capabilities}\n`);
  return { sys, proc, platform: 'linux' as const };
}

describe('URLs', () => {
  test.each(['hci0', 'hci12', 'uart:/dev/ttyACM0', 'uart:COM3?baud=115200', 'air:', 'air:10.0.0.2:7000', 'auto'])(
    '%s is one',
    (url) => {
      expect(() => checkAdapterUrl(url)).not.toThrow();
    },
  );

  test.each(['', 'hci', 'usb:0', 'uart:', 'uart:/dev/x?speed=1', 'uart:/dev/x?baud=12', 'air:a:b', 'air:h:70000'])(
    '"%s" is none, which is said with an example',
    (url) => {
      expect(() => checkAdapterUrl(url)).toThrow(expect.objectContaining({ code: 'USAGE' }));
    },
  );

  test('their parts', () => {
    expect(parseUartUrl('uart:/dev/ttyACM0')).toEqual({ path: '/dev/ttyACM0', baud: 1_000_000, rtscts: false });
    expect(parseUartUrl('uart:COM3?baud=115200&rtscts')).toEqual({ path: 'COM3', baud: 115_200, rtscts: true });
    expect(parseAirAddress('air:')).toEqual({ host: '127.0.0.1', port: 7433 });
    expect(parseAirAddress('air:[::1]:7000')).toEqual({ host: '::1', port: 7000 });
    expect(parseAirAddress('lab.local')).toEqual({ host: 'lab.local', port: 7433 });
  });
});

describe("the system's adapter", () => {
  test('is not there: what to do instead is said', async () => {
    const systemRoots = linux({ hci1: {} });
    await expect(openCentral('hci0', { systemRoots })).rejects.toMatchObject({
      code: 'TRANSPORT_NOT_FOUND',
      message: expect.stringMatching(/there is hci1.*earl air/),
    });
  });

  test('is switched off by rfkill', async () => {
    const systemRoots = linux({ hci0: { soft: '1' } });
    await expect(openPeripheral('hci0', { systemRoots })).rejects.toMatchObject({
      code: 'BLUETOOTH_OFF',
      message: expect.stringContaining('rfkill unblock bluetooth'),
    });
  });

  test('needs CAP_NET_RAW', async () => {
    const systemRoots = linux({ hci0: {} }, '0000000000000000');
    await expect(openCentral('hci0', { systemRoots })).rejects.toMatchObject({
      code: 'TRANSPORT_PERMISSION',
      message: expect.stringContaining('setcap cap_net_raw'),
    });
  });

  test('auto takes the lowest, and without one and without an air says both ways out', async () => {
    expect(systemAdapters(linux({ hci10: {}, hci2: {} }))).toEqual(['hci2', 'hci10']);
    const systemRoots = linux({});
    await expect(openCentral('auto', { systemRoots })).rejects.toMatchObject({ code: 'TRANSPORT_NOT_FOUND' });
    const blocked = linux({ hci0: { soft: '1' } });
    await expect(openCentral('auto', { systemRoots: blocked })).rejects.toMatchObject({ code: 'BLUETOOTH_OFF' });
  });

  test('has a binding of its own on macOS and Windows', () => {
    const roots = (platform: NodeJS.Platform) => ({ sys: '', proc: '', platform });
    expect(systemBinding('hci0', 'noble', roots('darwin')).binding).toBe('mac');
    expect(systemBinding('hci0', 'noble', roots('win32')).binding).toBe('win');
    expect(systemBinding('hci3', 'bleno', roots('linux'))).toEqual({ binding: 'hci', bindingOptions: { deviceId: 3 } });
  });
});

describe('an air that is served', () => {
  test('nobody serves one there', async () => {
    await expect(connectAir('127.0.0.1:9')).rejects.toMatchObject({
      code: 'TRANSPORT_NOT_FOUND',
      message: expect.stringContaining('earl air --port 9'),
    });
  });

  test('the port is taken', async () => {
    const air = new VirtualAir();
    const first = await serveAir(air, { port: 0 });
    closers.push(() => first.close());
    await expect(serveAir(air, { port: first.port })).rejects.toMatchObject({ code: 'PORT_IN_USE' });
  });

  test('who speaks no H4 is turned out', async () => {
    const air = new VirtualAir();
    closers.push(() => air.close());
    const turnedOut = new Promise<string>((resolve) => {
      const options = { port: 0, onTurnedOut: (_peer: string, why: Error) => resolve(why.message) };
      void serveAir(air, options).then((server) => {
        closers.push(() => server.close());
        void fetch(`http://127.0.0.1:${server.port}/`).catch(() => {});
      });
    });
    expect(await turnedOut).toContain('begins no H4 packet');
    expect(air.controllers).toEqual([]);
  });

  test('an air that ends is told to who uses it', async () => {
    const air = new VirtualAir();
    const server = await serveAir(air, { port: 0 });
    const gone = new Promise<string>((resolve) => {
      void openCentral(server.url, { onGone: (error) => resolve(error.code) }).then((opened) => {
        closers.push(() => opened.close());
        void server.close();
      });
    });
    expect(await gone).toBe('TRANSPORT_LOST');
  });

  test('something that answers nothing is no adapter', async () => {
    const deaf = createServer((socket) => socket.on('error', () => {}));
    await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
    closers.push(() => deaf.close());
    const { port } = deaf.address() as { port: number };
    await expect(openCentral(`air:127.0.0.1:${port}`, { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'TRANSPORT_FAILED',
      message: expect.stringContaining('did not power on'),
    });
  });
});

describe('a serial port', () => {
  test('that is not there', async () => {
    await expect(openCentral('uart:/dev/ttyNONE')).rejects.toMatchObject({ code: 'TRANSPORT_NOT_FOUND' });
  });

  test('that is pulled out while noble uses it', async () => {
    const air = new VirtualAir();
    closers.push(() => air.close());
    const end = await servePty(air.attach());
    const gone = new Promise<string>((resolve) => {
      void openCentral(`uart:${end.path}`, { onGone: (error) => resolve(error.code) }).then((opened) => {
        closers.push(() => opened.close());
        end.close();
      });
    });
    expect(await gone).toBe('TRANSPORT_LOST');
  });
});
