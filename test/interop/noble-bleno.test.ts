/**
 * Unmodified noble and bleno over Earl's controllers: against each other on every kind of H4 end, in one process and in
 * two, through loss and with one buffer, many at once; and each alone against a host that speaks raw HCI.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import type { Noble } from '@stoprocent/noble';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type Bleno,
  openCentral,
  openPeripheral,
  serveAir,
  servePty,
  VirtualAir,
  type VirtualController,
  VirtualTimers,
} from '../../host/radio/index.ts';
import { RawHost } from '../radio/raw-host.ts';
import { connectToEcho, echo, find, serveEcho } from './noble-echo.ts';

const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

function newAir(options: ConstructorParameters<typeof VirtualAir>[0] = {}): VirtualAir {
  const air = new VirtualAir({ seed: 7, ...options });
  closers.push(() => air.close());
  return air;
}

async function central(adapter: Parameters<typeof openCentral>[0]): Promise<Noble> {
  const opened = await openCentral(adapter);
  closers.push(() => opened.close());
  return opened.noble;
}

async function peripheral(adapter: Parameters<typeof openPeripheral>[0]): Promise<Bleno> {
  const opened = await openPeripheral(adapter);
  closers.push(() => opened.close());
  return opened.bleno;
}

/** Adapters at three kinds of ends. */
const ends = {
  'in process': async () => {
    const air = newAir();
    return () => Promise.resolve(air.attach().port);
  },
  TCP: async () => {
    const server = await serveAir(newAir(), { port: 0 });
    closers.push(() => server.close());
    return () => Promise.resolve(server.url);
  },
  'a pseudo-terminal': async () => {
    const air = newAir();
    return async () => {
      const end = await servePty(air.attach());
      closers.push(() => end.close());
      return `uart:${end.path}`;
    };
  },
};

describe('in one process', () => {
  test.each(Object.entries(ends))('everything that is written comes back in order, over %s', async (_name, open) => {
    const adapter = await open();
    const bleno = await peripheral(await adapter());
    const noble = await central(await adapter());
    await serveEcho(bleno, 'Earl44556677');
    const remote = await find(noble, 'Earl44556677');
    expect(remote.address).toBe(bleno.address);
    const link = await connectToEcho(remote);
    expect(remote.mtu).toBe(256);
    expect(await echo(link, 40)).toEqual(upTo(40));
    expect(await remote.updateRssiAsync()).toBe(-50);
    const gone = once(bleno, 'disconnect');
    await remote.disconnectAsync();
    await gone;
  });

  test('with the UART drivers that the packages bring, on pseudo-terminals', async () => {
    const air = newAir();
    const [up, down] = [await servePty(air.attach()), await servePty(air.attach())];
    closers.push(
      () => up.close(),
      () => down.close(),
    );
    const require = createRequire(import.meta.url);
    const options = (port: string) => ({ hciDriver: 'uart', bindParams: { uart: { port, baudRate: 1_000_000 } } });
    const bleno: Bleno = require('bleno/lib/resolve-bindings.js')('hci', options(up.path));
    const noble: Noble = require('noble/lib/resolve-bindings.js')('hci', options(down.path));
    closers.push(() => {
      noble.stop();
      (bleno as unknown as { stop(): void }).stop();
    });
    await bleno.waitForPoweredOnAsync();
    await noble.waitForPoweredOnAsync();
    await serveEcho(bleno, 'uart');
    expect(await echo(await connectToEcho(await find(noble, 'uart')), 20)).toEqual(upTo(20));
  });
});

describe('in two processes', () => {
  async function blenoElsewhere(adapter: string): Promise<ChildProcess> {
    const child = spawn(process.execPath, ['tools/run.mjs', 'test/interop/bleno-peer.ts', adapter, 'far'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    closers.push(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.stdin!.end();
      await once(child, 'exit');
    });
    await once(child.stdout!, 'data');
    return child;
  }

  test('over TCP; a process that ends hangs up first', async () => {
    const server = await serveAir(newAir(), { port: 0 });
    closers.push(() => server.close());
    const child = await blenoElsewhere(server.url);
    const remote = await find(await central(server.url), 'far');
    expect(await echo(await connectToEcho(remote), 20)).toEqual(upTo(20));
    const gone = once(remote, 'disconnect');
    child.stdin!.end();
    expect((await gone)[0]).toBe(0x13);
    if (child.exitCode === null) await once(child, 'exit');
    expect(child.exitCode).toBe(0);
  });

  test('over a pseudo-terminal', async () => {
    const air = newAir();
    const end = await servePty(air.attach());
    closers.push(() => end.close());
    await blenoElsewhere(`uart:${end.path}`);
    const remote = await find(await central(air.attach().port), 'far');
    expect(await echo(await connectToEcho(remote), 20)).toEqual(upTo(20));
  });

  test('a process that is killed is missed after the supervision timeout', async () => {
    const server = await serveAir(newAir(), { port: 0 });
    closers.push(() => server.close());
    const child = await blenoElsewhere(server.url);
    const remote = await find(await central(server.url), 'far');
    await connectToEcho(remote);
    const gone = once(remote, 'disconnect');
    child.kill('SIGKILL');
    expect((await gone)[0]).toBe(0x08);
  });
});

/** Turns the air's clock until `work` is done: radio time passes as fast as this machine allows. */
async function inRadioTime<T>(timers: VirtualTimers, work: Promise<T>): Promise<T> {
  let isDone = false;
  const finished = work.finally(() => {
    isDone = true;
  });
  finished.catch(() => {});
  for (let ms = 0; !isDone && ms < 600_000; ms++) await timers.advance(1);
  if (!isDone) throw new Error('not done within ten minutes of radio time');
  return finished;
}

async function overVirtualTime(
  options: ConstructorParameters<typeof VirtualAir>[0],
  attach: Parameters<VirtualAir['attach']>[0] = {},
) {
  const timers = new VirtualTimers();
  const air = newAir({ timers, ...options });
  const nodes: VirtualController[] = [air.attach(attach), air.attach(attach)];
  const bleno = await inRadioTime(timers, peripheral(nodes[0]!.port));
  const noble = await inRadioTime(timers, central(nodes[1]!.port));
  closers.push(() => {
    for (const node of nodes) node.detach();
  });
  await inRadioTime(timers, serveEcho(bleno, 'echo'));
  const remote = await inRadioTime(timers, find(noble, 'echo'));
  return { timers, air, nodes, bleno, noble, remote };
}

describe('under hard conditions, on a virtual clock', () => {
  test('10 % of the packets lost: everything arrives, once and in order', async () => {
    const { timers, air, nodes, remote } = await overVirtualTime({ lossRate: 0.1 });
    const link = await inRadioTime(timers, connectToEcho(remote));
    expect(await inRadioTime(timers, echo(link, 200))).toEqual(upTo(200));
    expect(air.counters.lost).toBeGreaterThan(50);
    const [end] = [...nodes[0]!.connections.values()].map((connection) => connection.end);
    expect(end!.counters.retransmissions).toBeGreaterThan(5);
  });

  test('one buffer of 27 octets', async () => {
    const { timers, nodes, remote } = await overVirtualTime(
      {},
      { aclBuffers: { octets: 27, count: 1 }, maxDataOctets: 27 },
    );
    const link = await inRadioTime(timers, connectToEcho(remote));
    expect(await inRadioTime(timers, echo(link, 60))).toEqual(upTo(60));
    for (const node of nodes) expect(node.counters.overflows).toBe(0);
  });

  test('out of range, both notice after the supervision timeout and can meet again', async () => {
    const { timers, air, nodes, bleno, noble, remote } = await overVirtualTime({});
    await inRadioTime(timers, connectToEcho(remote));
    const gone = Promise.all([once(remote, 'disconnect'), once(bleno, 'disconnect')]);
    air.setPath(nodes[0]!, nodes[1]!, { rssiDbm: -120 });
    const start = timers.now();
    const [[reason]] = await inRadioTime(timers, gone);
    expect(reason).toBe(0x08);
    // noble asks for 420 ms.
    expect(timers.now() - start).toBeLessThan(500);
    air.setPath(nodes[0]!, nodes[1]!, {});
    await inRadioTime(timers, bleno.startAdvertisingAsync('echo', []));
    expect(noble.state).toBe('poweredOn');
    const link = await inRadioTime(timers, connectToEcho(remote));
    expect(await inRadioTime(timers, echo(link, 5))).toEqual(upTo(5));
  });

  test('20 peripherals and one central', async () => {
    const timers = new VirtualTimers();
    const air = newAir({ timers });
    const noble = await inRadioTime(timers, central(air.attach().port));
    const links: Awaited<ReturnType<typeof connectToEcho>>[] = [];
    for (let index = 0; index < 20; index++) {
      const bleno = await inRadioTime(timers, peripheral(air.attach().port));
      await inRadioTime(timers, serveEcho(bleno, `echo ${index}`));
      links.push(await inRadioTime(timers, find(noble, `echo ${index}`).then(connectToEcho)));
    }
    closers.push(() => {
      for (const node of air.controllers) node.detach();
    });
    const all = await inRadioTime(timers, Promise.all(links.map((link) => echo(link, 10))));
    expect(all).toEqual(links.map(() => upTo(10)));
    expect(air.connections).toBe(20);
  });
});

describe('each alone against raw HCI', () => {
  const L2CAP_ATT = 4;
  const attPdu = (pdu: readonly number[]) => Uint8Array.from([pdu.length, 0, L2CAP_ATT, 0, ...pdu]);

  test('noble scans, connects and asks for its MTU', async () => {
    const air = newAir();
    const node = air.attach();
    const host = new RawHost(node.port);
    host.reset();
    host.advertise('raw');
    const requests: number[][] = [];
    host.onAcl = ({ handle, data }) => {
      const pdu = [...data.subarray(4)];
      requests.push(pdu);
      // Exchange MTU Request: 100 octets will do.
      if (pdu[0] === 0x02) host.sendAcl(handle, attPdu([0x03, 100, 0]));
    };
    const noble = await central(air.attach().port);
    const found = once(noble, 'discover');
    await noble.startScanningAsync([], false);
    const [remote] = await found;
    expect(remote.advertisement.localName).toBe('raw');
    const mtu = once(remote, 'mtu');
    await remote.connectAsync();
    expect(await mtu).toEqual([100]);
    expect(requests[0]).toEqual([0x02, 0, 1]);
    await remote.disconnectAsync();
    expect(host.disconnectReasons).toEqual([0x13]);
  });

  test('bleno is found, connected to and tells its services', async () => {
    const air = newAir();
    const host = new RawHost(air.attach().port);
    host.reset();
    const bleno = await peripheral(air.attach({ address: 'c0:ff:ee:00:00:01' }).port);
    await serveEcho(bleno, 'Earl');
    const made = once(bleno, 'accept');
    host.connect(Uint8Array.from([0x01, 0, 0, 0xee, 0xff, 0xc0]));
    await made;
    const answer = new Promise<Uint8Array>((resolve) => {
      host.onAcl = ({ data }) => resolve(data.subarray(4));
    });
    // Read By Group Type Request: primary services of 16 bits, all handles.
    host.sendAcl(host.handles[0]!, attPdu([0x10, 0x01, 0, 0xff, 0xff, 0x00, 0x28]));
    // Generic Access and Generic Attribute; the one of 128 bits comes in an answer of its own.
    const services = await answer;
    expect([services[0], services[1]]).toEqual([0x11, 6]);
    expect([...services.subarray(6, 8)]).toEqual([0x00, 0x18]);
  });
});

describe('what is left behind', () => {
  test('no listener of the process, and nothing that keeps it alive', async () => {
    const listeners = () => ['SIGINT', 'SIGTERM', 'exit'].map((event) => process.listenerCount(event));
    const before = listeners();
    const air = newAir();
    for (let round = 0; round < 12; round++) {
      const up = await openPeripheral(air.attach().port);
      const down = await openCentral(air.attach().port);
      expect(listeners()).toEqual(before);
      await Promise.all([up.close(), down.close()]);
    }
    expect(air.controllers).toEqual([]);
    expect(listeners()).toEqual(before);
  });

  test('an adapter that goes away is told once', async () => {
    const air = newAir();
    const node = air.attach();
    const port = node.port;
    const errors: string[] = [];
    const opened = await openCentral(port, { onGone: (error) => errors.push(error.code) });
    closers.push(() => opened.close());
    const state = once(opened.noble, 'stateChange');
    node.detach();
    expect((await state)[0]).toBe('poweredOff');
    expect(errors).toEqual(['TRANSPORT_LOST']);
  });
});
