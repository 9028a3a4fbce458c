/** Modules on a virtual air, met by an unmodified noble; the probe is a second UART. */
import type { Characteristic, Peripheral } from '@stoprocent/noble';
import { afterEach, describe, expect, it } from 'vitest';
import { UartPeer } from '../emulator/devices/uart-peer.ts';
import { Pin } from '../emulator/peripherals/pin.ts';
import { Scheduler } from '../emulator/scheduler.ts';
import { openCentral, VirtualAir } from '../radio/index.ts';
import { attachBridge } from './attach.ts';
import type { BridgeModule } from './module.ts';
import { type BridgeKind, personalities } from './personality.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A module on an air of its own, a central beside it, and what it takes to let board time pass. */
async function onAir(kind: BridgeKind) {
  const air = new VirtualAir();
  const scheduler = new Scheduler(1_000_000);
  const [up, down] = [new Pin('TXD'), new Pin('RXD')];
  const probe = new UartPeer(scheduler, up, down);
  const heard: number[] = [];
  probe.onByte = (byte) => heard.push(byte);
  const levels: (boolean | undefined)[] = [];
  const board = {
    uart: new UartPeer(scheduler, down, up),
    mcu: { scheduler },
    setBridge: (level?: boolean) => levels.push(level),
  };
  const module = await attachBridge({ kind, board, adapter: air.attach().port, name: 'Earl44556677' });
  closers.push(() => module.close());
  const central = await openCentral(air.attach().port);
  closers.push(() => central.close());
  const { noble } = central;
  return {
    module,
    noble,
    probe,
    heard,
    levels,
    run: (s: number) => scheduler.advanceTo(scheduler.now + scheduler.cycles(s)),
  };
}

type OnAir = Awaited<ReturnType<typeof onAir>>;

/** The first device that offers the service of a kind. */
function discover({ noble }: Pick<OnAir, 'noble'>, kind: BridgeKind) {
  return new Promise<Peripheral>((resolve) => {
    noble.on('discover', (peripheral: Peripheral) => {
      void noble.stopScanningAsync().then(() => resolve(peripheral));
    });
    void noble.startScanningAsync([bare(personalities[kind].service)], false);
  });
}

function bare(uuid: string): string {
  return uuid.replaceAll('-', '');
}

/** Connects and finds the characteristics of the module's service. */
async function characteristicsOf(peripheral: Peripheral, kind: BridgeKind) {
  await peripheral.connectAsync();
  const { characteristics } = await peripheral.discoverAllServicesAndCharacteristicsAsync();
  const { service } = personalities[kind];
  const own = characteristics.filter((found) => (found as { _serviceUuid?: string })._serviceUuid === bare(service));
  return new Map<string, Characteristic>(own.map((found) => [found.uuid, found]));
}

function until(condition: () => boolean): Promise<void> {
  return expect.poll(condition, { timeout: 5000, interval: 5 }).toBe(true);
}

describe.each(Object.values(personalities))('$kind on the air', ({ kind, characteristics, maxMtu, service }) => {
  it('advertises its service and name, and carries bytes both ways', async () => {
    const rig = await onAir(kind);
    const peripheral = await discover(rig, kind);
    expect(peripheral.advertisement.localName).toBe('Earl44556677');
    expect(peripheral.advertisement.serviceUuids).toEqual([bare(service)]);
    const found = await characteristicsOf(peripheral, kind);
    expect(peripheral.mtu).toBe(maxMtu === 23 ? 23 : Math.min(maxMtu, peripheral.mtu ?? 0));
    for (const { uuid, properties } of characteristics) {
      expect([uuid, [...found.get(bare(uuid))!.properties].sort()]).toEqual([uuid, [...properties].sort()]);
    }

    const stream = found.get(bare(characteristics.find((one) => one.stream)!.uuid))!;
    const received: number[] = [];
    stream.on('data', (bytes: Buffer) => received.push(...bytes));
    await stream.subscribeAsync();
    await until(() => rig.levels.at(-1) === true);
    rig.run(0.2);
    rig.heard.length = 0;
    const bytes = Array.from({ length: 90 }, (_, index) => (index * 3) & 0xff);
    rig.probe.send(Uint8Array.from(bytes));
    await until(() => {
      rig.run(0.01);
      return received.length >= bytes.length;
    });
    expect(received).toEqual(bytes);

    const input = found.get(bare(characteristics.find(({ written }) => written === 'uart')!.uuid))!;
    await input.writeAsync(Buffer.from([1, 2, 3, 0]), !input.properties.includes('write'));
    await until(() => {
      rig.run(0.01);
      return rig.heard.length === 4;
    });
    expect(rig.heard).toEqual([1, 2, 3, 0]);
    await peripheral.disconnectAsync();
    await until(() => rig.module.connectedTo === undefined);
    expect(rig.module.counters).toMatchObject({ connections: 1, toBoard: 4, lostToAir: 0, lostToBoard: 0 });
  });
});

describe('a module with a central', () => {
  it('does not advertise, and is found again after it was left', async () => {
    const rig = await onAir('nus');
    const first = await discover(rig, 'nus');
    await characteristicsOf(first, 'nus');
    const seen: string[] = [];
    rig.noble.on('discover', ({ advertisement }) => seen.push(advertisement.localName));
    await rig.noble.startScanningAsync([], true);
    const { module }: { module: BridgeModule } = rig;
    expect(module.connectedTo).toBeDefined();
    expect(seen).toEqual([]);
    await first.disconnectAsync();
    await until(() => seen.includes('Earl44556677'));
    await rig.noble.stopScanningAsync();
  });
});
