/**
 * Unmodified noble against unmodified bleno, over Earl's controllers on a virtual air.
 */
import { afterEach, expect, test } from 'vitest';
import { type Central, openCentral, openPeripheral, type Peripheral, VirtualAir } from '../../host/radio/index.ts';

const open: { close(): Promise<void> | void }[] = [];

afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

const SERVICE = '6e400001b5a3f393e0a9e50e24dcca9e';
const WRITE = '6e400002b5a3f393e0a9e50e24dcca9e';
const NOTIFY = '6e400003b5a3f393e0a9e50e24dcca9e';

test('scan, connect, discover, write, notify and disconnect', async () => {
  const air = new VirtualAir({ seed: 7 });
  open.push(air);
  const peripheral: Peripheral = await openPeripheral(air.attach({ name: 'probe' }).port);
  open.push(peripheral);
  const central: Central = await openCentral(air.attach({ name: 'gateway' }).port);
  open.push(central);
  const { bleno } = peripheral;
  const written: string[] = [];
  let update: ((data: Buffer) => void) | undefined;
  const characteristics = [
    new bleno.Characteristic({
      uuid: WRITE,
      properties: ['write', 'writeWithoutResponse'],
      onWriteRequest: (_handle, data, _offset, _without, done) => {
        written.push(data.toString('hex'));
        done(0);
      },
    }),
    new bleno.Characteristic({
      uuid: NOTIFY,
      properties: ['notify'],
      onSubscribe: (_handle, _size, callback) => {
        update = callback;
      },
    }),
  ];
  await bleno.setServicesAsync([new bleno.PrimaryService({ uuid: SERVICE, characteristics })]);
  await bleno.startAdvertisingAsync('Earl44556677', [SERVICE]);
  const { noble } = central;
  const found = new Promise<import('@stoprocent/noble').Peripheral>((resolve) => noble.once('discover', resolve));
  await noble.startScanningAsync([SERVICE], false);
  const probe = await found;
  expect(probe.advertisement.localName).toBe('Earl44556677');
  await probe.connectAsync();
  const { characteristics: remote } = await probe.discoverSomeServicesAndCharacteristicsAsync([SERVICE], []);
  const rx = remote.find((c) => c.uuid === WRITE)!;
  const tx = remote.find((c) => c.uuid === NOTIFY)!;
  const received: number[] = [];
  const all = new Promise<void>((resolve) => {
    tx.on('data', (data: Buffer) => {
      received.push(data.readUInt16LE(0));
      if (received.length === 200) resolve();
    });
  });
  await tx.subscribeAsync();
  await rx.writeAsync(Buffer.from('0102', 'hex'), false);
  expect(written).toEqual(['0102']);
  for (let index = 0; index < 200; index++) update!(Buffer.from([index, 0, 9, 9]));
  await all;
  expect(received).toEqual(Array.from({ length: 200 }, (_, index) => index));
  await probe.disconnectAsync();
});
