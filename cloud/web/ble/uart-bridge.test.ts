/** A module behind the browser's GATT, which here is a few objects that keep its rules. */
import { describe, expect, it } from 'vitest';
import { bridgeServices, UartBridge } from './uart-bridge.ts';

interface Written {
  readonly bytes: number[];
  readonly withResponse: boolean;
}

/** A device with one service; `release` lets the write go on that is under way. */
function deviceWith(service: string, characteristics: Record<string, readonly string[]>) {
  const written: Written[] = [];
  const waiting: (() => void)[] = [];
  let underway = 0;
  let most = 0;
  const outputs = new Map<string, EventTarget & { value?: DataView; uuid?: string }>();
  const put = (withResponse: boolean) => async (part: Uint8Array) => {
    most = Math.max(most, ++underway);
    await new Promise<void>((resolve) => waiting.push(resolve));
    underway--;
    written.push({ bytes: [...part], withResponse });
  };
  const characteristic = (uuid: string) => {
    const properties = Object.fromEntries(characteristics[uuid]!.map((name) => [name, true]));
    const made = Object.assign(new EventTarget(), {
      uuid,
      properties,
      startNotifications: async () => {},
      writeValueWithResponse: put(true),
      writeValueWithoutResponse: put(false),
    });
    outputs.set(uuid, made);
    return made;
  };
  const server = {
    getPrimaryServices: async () => [
      { uuid: service, getCharacteristic: async (uuid: string) => characteristic(uuid) },
    ],
  };
  const device = { gatt: { connect: async () => server } } as unknown as BluetoothDevice;
  return {
    device,
    written,
    get mostAtOnce() {
      return most;
    },
    notify(uuid: string, bytes: number[]) {
      const output = outputs.get(uuid)!;
      output.value = new DataView(Uint8Array.from([99, ...bytes]).buffer, 1);
      output.dispatchEvent(new Event('characteristicvaluechanged'));
    },
    async release(writes: number) {
      for (let count = 0; count < writes; count++) {
        while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve));
        waiting.shift()!();
      }
    },
  };
}

const [nus, rn487x, hm10] = bridgeServices as [
  (typeof bridgeServices)[0],
  (typeof bridgeServices)[0],
  (typeof bridgeServices)[0],
];
const nusDevice = () =>
  deviceWith(nus.service, { [nus.notify]: ['notify'], [nus.write]: ['write', 'writeWithoutResponse'] });

describe('UartBridge', () => {
  it.each([
    [nus, { [nus.notify]: ['notify'], [nus.write]: ['write', 'writeWithoutResponse'] }, false],
    [rn487x, { [rn487x.notify]: ['write', 'notify'], [rn487x.write]: ['write'] }, true],
    [hm10, { [hm10.notify]: ['read', 'writeWithoutResponse', 'notify'] }, false],
  ] as const)('finds the %j, listens, and writes as it allows', async (kind, characteristics, withResponse) => {
    const remote = deviceWith(kind.service, characteristics);
    const heard: number[][] = [];
    const bridge = await UartBridge.open(remote.device, (bytes) => heard.push([...bytes]));
    expect(bridge.name).toBe(kind.name);
    remote.notify(kind.notify, [1, 2, 3]);
    expect(heard).toEqual([[1, 2, 3]]);
    const done = bridge.write(Uint8Array.of(4, 5));
    await remote.release(1);
    await done;
    expect(remote.written).toEqual([{ bytes: [4, 5], withResponse }]);
  });

  it('cuts writes to 20 bytes, and has one under way at a time, in order', async () => {
    const remote = nusDevice();
    const bridge = await UartBridge.open(remote.device, () => {});
    const bytes = Uint8Array.from({ length: 45 }, (_, index) => index);
    const done = Promise.all([bridge.write(bytes), bridge.write(Uint8Array.of(100))]);
    bytes.fill(0);
    await remote.release(4);
    await done;
    expect(remote.written.map(({ bytes }) => bytes.length)).toEqual([20, 20, 5, 1]);
    expect(remote.written.flatMap(({ bytes }) => bytes)).toEqual([...Array.from({ length: 45 }, (_, i) => i), 100]);
    expect(remote.mostAtOnce).toBe(1);
  });

  it('refuses what is too much, and takes more when there is room again', async () => {
    const remote = nusDevice();
    const bridge = await UartBridge.open(remote.device, () => {});
    const first = bridge.write(new Uint8Array(4096));
    await expect(bridge.write(Uint8Array.of(1))).rejects.toMatchObject({ code: 'TRANSPORT_FULL' });
    await remote.release(Math.ceil(4096 / 20));
    await first;
    const next = bridge.write(Uint8Array.of(1));
    await remote.release(1);
    await next;
  });

  it('says so when the device is none of its modules', async () => {
    const { device } = deviceWith('0000180f-0000-1000-8000-00805f9b34fb', {});
    await expect(UartBridge.open(device, () => {})).rejects.toMatchObject({ code: 'TRANSPORT_FAILED' });
  });
});
