/** Both sides of one conversation: a bleno that sends back what is written to it, and a noble that checks it. */
import type { Noble, Peripheral as RemotePeripheral } from '@stoprocent/noble';
import type { Bleno } from '../../host/radio/index.ts';

const SERVICE = '6e400001b5a3f393e0a9e50e24dcca9e';
const WRITE = '6e400002b5a3f393e0a9e50e24dcca9e';
const NOTIFY = '6e400003b5a3f393e0a9e50e24dcca9e';

/** Advertises a Nordic UART service under that name; what is written comes back as notifications. */
export async function serveEcho(bleno: Bleno, name: string): Promise<void> {
  let update: ((data: Buffer) => void) | undefined;
  const write = new bleno.Characteristic({
    uuid: WRITE,
    properties: ['write', 'writeWithoutResponse'],
    onWriteRequest: (_handle, data, _offset, _withoutResponse, done) => {
      done(0);
      update?.(data);
    },
  });
  const notify = new bleno.Characteristic({
    uuid: NOTIFY,
    properties: ['notify'],
    onSubscribe: (_handle, _maxSize, callback) => {
      update = callback;
    },
  });
  bleno.on('disconnect', () => {
    update = undefined;
  });
  bleno.on('accept', () => bleno.stopAdvertising());
  await bleno.setServicesAsync([new bleno.PrimaryService({ uuid: SERVICE, characteristics: [write, notify] })]);
  await bleno.startAdvertisingAsync(name, [SERVICE]);
}

/** The first device found under that name. */
export async function find(noble: Noble, name: string): Promise<RemotePeripheral> {
  const found = new Promise<RemotePeripheral>((resolve) => {
    const look = (peripheral: RemotePeripheral) => {
      if (peripheral.advertisement.localName !== name) return;
      noble.removeListener('discover', look);
      resolve(peripheral);
    };
    noble.on('discover', look);
  });
  await noble.startScanningAsync([SERVICE], false);
  return found;
}

/** Connects; again when the request was lost on the air, which noble tells by a link that ends at once. */
export async function connectToEcho(peripheral: RemotePeripheral) {
  for (let attempt = 1; ; attempt++) {
    try {
      await peripheral.connectAsync();
      const { characteristics } = await within(
        peripheral,
        peripheral.discoverSomeServicesAndCharacteristicsAsync([SERVICE], [WRITE, NOTIFY]),
      );
      const write = characteristics.find(({ uuid }) => uuid === WRITE)!;
      const notify = characteristics.find(({ uuid }) => uuid === NOTIFY)!;
      await within(peripheral, notify.subscribeAsync());
      return { write, notify };
    } catch (error) {
      if (attempt === 10) throw error;
    }
  }
}

/** noble leaves calls open when the link ends. */
function within<T>(peripheral: RemotePeripheral, work: Promise<T>): Promise<T> {
  return Promise.race([
    work,
    new Promise<never>((_, reject) => peripheral.once('disconnect', () => reject(new Error('the link ended')))),
  ]);
}

/** Writes `count` numbers of four octets, and returns those that came back, when there are as many. */
export async function echo(link: Awaited<ReturnType<typeof connectToEcho>>, count: number): Promise<number[]> {
  const received: number[] = [];
  const all = new Promise<void>((resolve) => {
    link.notify.on('data', (data: Buffer) => {
      received.push(data.readUInt32LE(0));
      if (received.length === count) resolve();
    });
  });
  for (let index = 0; index < count; index++) {
    const data = Buffer.alloc(18);
    data.writeUInt32LE(index);
    await link.write.writeAsync(data, index % 2 === 0);
  }
  await all;
  return received;
}
