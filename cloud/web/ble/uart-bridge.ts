/**
 * A probe's UART behind a BLE module, by the browser's GATT: which of the modules that Earl knows it is, its
 * notifications, and writing.
 *
 * A browser says nothing about the MTU, so a write holds 20 bytes, which every connection carries; and it runs one GATT
 * operation at a time, so writes stand in a queue of `MAX_WAITING` bytes, beyond which they are refused. What it leaves
 * out: reconnecting (direct-probe.ts), pairing.
 */

/// <reference types="web-bluetooth" />

import { EarlError } from '../../../errors/index.ts';

/** A module, by its service: where the stream comes from and where writes go. */
export interface BridgeService {
  readonly name: string;
  readonly service: string;
  readonly notify: string;
  readonly write: string;
}

export const bridgeServices: readonly BridgeService[] = [
  {
    name: 'Nordic UART service',
    service: '6e400001-b5a3-f393-e0a9-e50e24dcca9e',
    notify: '6e400003-b5a3-f393-e0a9-e50e24dcca9e',
    write: '6e400002-b5a3-f393-e0a9-e50e24dcca9e',
  },
  {
    name: 'RN487x transparent UART',
    service: '49535343-fe7d-4ae5-8fa9-9fafd205e455',
    notify: '49535343-1e4d-4bd9-ba61-23c647249616',
    write: '49535343-8841-43f4-a8d4-ecbe34729bb3',
  },
  {
    name: 'HM-10',
    service: '0000ffe0-0000-1000-8000-00805f9b34fb',
    notify: '0000ffe1-0000-1000-8000-00805f9b34fb',
    write: '0000ffe1-0000-1000-8000-00805f9b34fb',
  },
];

/** What the browser's list shows: devices that offer one of the services. */
export const requestOptions: RequestDeviceOptions = {
  filters: bridgeServices.map(({ service }) => ({ services: [service] })),
};

/** ATT_MTU 23 less the header of a write. */
const WRITE_BYTES = 20;
const MAX_WAITING = 4096;

export class UartBridge {
  /** Which module it is, for people. */
  readonly name: string;
  private readonly input: BluetoothRemoteGATTCharacteristic;
  private tail: Promise<void> = Promise.resolve();
  private waiting = 0;

  /**
   * Connects and listens.
   * @param onData called for each notification
   * Rejects with the browser's errors, or `TRANSPORT_FAILED` when the device has none of the services.
   */
  static async open(device: BluetoothDevice, onData: (bytes: Uint8Array) => void): Promise<UartBridge> {
    if (device.gatt === undefined)
      throw new EarlError('TRANSPORT_FAILED', 'the browser gives no access to this device');
    const server = await device.gatt.connect();
    const services = await server.getPrimaryServices();
    for (const kind of bridgeServices) {
      const service = services.find(({ uuid }) => uuid === kind.service);
      if (service === undefined) continue;
      const output = await service.getCharacteristic(kind.notify);
      const input = kind.write === kind.notify ? output : await service.getCharacteristic(kind.write);
      output.addEventListener('characteristicvaluechanged', () => {
        const { value } = output;
        if (value) onData(new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice());
      });
      await output.startNotifications();
      return new UartBridge(kind.name, input);
    }
    throw new EarlError('TRANSPORT_FAILED', 'it offers no serial service that this page knows');
  }

  private constructor(name: string, input: BluetoothRemoteGATTCharacteristic) {
    this.name = name;
    this.input = input;
  }

  /** Resolves when the browser took the last part. Rejects with `TRANSPORT_FULL`, or the browser's error. */
  write(bytes: Uint8Array): Promise<void> {
    if (this.waiting + bytes.length > MAX_WAITING) {
      return Promise.reject(new EarlError('TRANSPORT_FULL', `more than ${MAX_WAITING} bytes wait for the air`));
    }
    this.waiting += bytes.length;
    const copy = bytes.slice();
    const done = this.tail.then(() => this.writeParts(copy));
    // A failed write ends nothing by itself: the connection's end does.
    this.tail = done.catch(() => {});
    return done.finally(() => {
      this.waiting -= copy.length;
    });
  }

  private async writeParts(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const { input } = this;
    for (let at = 0; at < bytes.length; at += WRITE_BYTES) {
      const part = bytes.slice(at, at + WRITE_BYTES);
      if (input.properties.writeWithoutResponse) await input.writeValueWithoutResponse(part);
      else await input.writeValueWithResponse(part);
    }
  }
}
