/**
 * A `navigator.bluetooth` for a page under test, behind which real parts stand: emulated boards with released firmware,
 * each with an emulated module (host/bridge) whose radio is this file.
 *
 * The page's half follows the Web Bluetooth specification as far as Earl's page goes: choosing needs a user's gesture and
 * a filter that fits, services that were not asked for are hidden, one GATT operation at a time, 20 bytes a write, and
 * `gattserverdisconnected`. Left out: pairing, reads, descriptors, advertisements.
 */

import type { Page } from 'playwright-core';
import {
  type BridgeKind,
  BridgeModule,
  type BridgeRadio,
  type BridgeRadioEvents,
  personalities,
} from '../../host/bridge/index.ts';
import { Board, Pacer } from '../../host/emulator/index.ts';
import { buildInfoSegment, parseId } from '../../host/link/index.ts';
import { readImage } from '../../host/transport/firmware-image.ts';
import { nodeTimers } from '../../host/transport/node-timers.ts';

export interface NearbyOptions {
  readonly image: string;
  readonly id: string;
  readonly key?: Uint8Array;
  readonly bridge?: BridgeKind;
}

/** What Playwright's `evaluate` runs in the page; typed by hand, for Node's types know no DOM. */
interface PageHalf {
  earlFakeBluetooth: {
    notify(device: string, bytes: number[]): void;
    disconnected(device: string): void;
  };
}
declare const window: PageHalf;

/** 16-bit UUIDs as browsers write them. */
export function canonical(uuid: string): string {
  return uuid.length === 4 ? `0000${uuid}-0000-1000-8000-00805f9b34fb` : uuid;
}

/** A probe with a module, within reach of the page. */
class Nearby implements BridgeRadio {
  readonly address = 'c0:ff:ee:00:00:01';
  readonly board: Board;
  readonly module: BridgeModule;
  name = '';
  readonly id: string;
  private readonly pacer: Pacer;
  private readonly tell: PageHalf['earlFakeBluetooth'];
  private events!: BridgeRadioEvents;
  private connected = false;
  /** Out of reach: connections fail. */
  reachable = true;

  constructor({ image, id, key, bridge = 'nus' }: NearbyOptions, tell: PageHalf['earlFakeBluetooth']) {
    this.id = id;
    this.tell = tell;
    this.board = new Board({ info: { D: buildInfoSegment(parseId(id), key) } });
    this.pacer = new Pacer(this.board, nodeTimers);
    this.module = new BridgeModule({
      kind: bridge,
      board: this.board,
      radio: (events) => {
        this.events = events;
        return this;
      },
      name: `Earl${id.slice(-8)}`,
      wake: () => this.pacer.kick(),
    });
    this.board.uart.onQueued = () => this.pacer.kick();
    this.board.load(readImage(image));
    this.pacer.start();
  }

  get services() {
    const { service, characteristics } = this.module.personality;
    return [
      {
        uuid: canonical(service),
        characteristics: characteristics.map(({ uuid, properties }) => ({ uuid: canonical(uuid), properties })),
      },
    ];
  }

  // ---- the module's radio

  advertise(name: string | undefined): void {
    this.name = name ?? '';
  }

  notify(packet: Uint8Array): boolean {
    this.tell.notify(this.id, [...packet]);
    return true;
  }

  disconnect(): void {
    if (!this.connected) return;
    this.connected = false;
    this.events.onDisconnected();
    this.tell.disconnected(this.id);
  }

  async close(): Promise<void> {
    this.pacer.stop();
  }

  // ---- asked by the page

  connect(): void {
    if (!this.reachable) throw new Error('Bluetooth Device is no longer in range.');
    this.connected = true;
    this.events.onConnected('5e:00:00:00:00:01');
  }

  subscribe(): void {
    this.events.onSubscribed(20);
  }

  write(bytes: number[]): Promise<void> {
    return new Promise((taken) => this.events.onWritten(Uint8Array.from(bytes), taken));
  }

  /** The probe is carried away. */
  lose(): void {
    this.reachable = false;
    this.disconnect();
  }
}

export type { Nearby };

/** The probes within reach, and who is chosen from the browser's list. */
export class FakeBluetooth {
  /** What the user picks from the list; undefined: the list is closed. */
  choice: string | undefined;
  readonly probes = new Map<string, Nearby>();
  private readonly page: Page;
  private tail: Promise<unknown> = Promise.resolve();

  /** Puts itself into a page that has not been loaded yet. */
  static async install(page: Page): Promise<FakeBluetooth> {
    const fake = new FakeBluetooth(page);
    await page.exposeFunction('earlFakeGatt', (op: string, ...args: unknown[]) => fake.answer(op, args));
    await page.addInitScript(pageHalf);
    return fake;
  }

  private constructor(page: Page) {
    this.page = page;
  }

  /** Switches a probe on and puts it first in the list. */
  add(options: NearbyOptions): Nearby {
    const probe = new Nearby(options, {
      notify: (id, bytes) =>
        this.tell(([id, bytes]) => window.earlFakeBluetooth.notify(id, bytes), [id, bytes] as const),
      disconnected: (id) => this.tell((id) => window.earlFakeBluetooth.disconnected(id), id),
    });
    this.probes.set(options.id, probe);
    this.choice = options.id;
    return probe;
  }

  async close(): Promise<void> {
    for (const probe of this.probes.values()) await probe.module.close();
    this.probes.clear();
  }

  /** In order, like what comes over the air; a page that has gone hears nothing. */
  private tell<Argument>(run: (argument: Argument) => void, argument: Argument): void {
    this.tail = this.tail.then(() => this.page.evaluate(run as never, argument as never)).catch(() => {});
  }

  private async answer(op: string, [id, value]: unknown[]): Promise<unknown> {
    if (op === 'choose') return this.choose(id as { services: string[] }[]);
    const probe = this.probes.get(String(id))!;
    if (op === 'connect') return probe.connect();
    if (op === 'subscribe') return probe.subscribe();
    if (op === 'disconnect') return probe.disconnect();
    return probe.write(value as number[]);
  }

  private choose(filters: readonly { services: string[] }[]) {
    const probe = this.choice === undefined ? undefined : this.probes.get(this.choice);
    if (probe === undefined) return null;
    const offered = probe.services.map(({ uuid }) => uuid);
    const fits = filters.some(({ services }) => services.every((uuid) => offered.includes(uuid)));
    return fits ? { id: probe.id, name: probe.name, services: probe.services } : null;
  }
}

/** Runs in the page before its own scripts. */
const pageHalf = `(() => {
  const gatt = (...args) => window.earlFakeGatt(...args).catch((error) => {
    throw new DOMException(error.message, 'NetworkError');
  });
  const devices = new Map();

  class Characteristic extends EventTarget {
    constructor(device, { uuid, properties }) {
      super();
      this.device = device;
      this.uuid = uuid;
      this.properties = Object.fromEntries(properties.map((name) => [name, true]));
      this.busy = false;
    }
    async one(run) {
      if (!this.device.gatt.connected) throw new DOMException('GATT Server is disconnected.', 'NetworkError');
      if (this.device.busy) throw new DOMException('GATT operation already in progress.', 'NetworkError');
      this.device.busy = true;
      try { return await run(); } finally { this.device.busy = false; }
    }
    async startNotifications() {
      if (!this.properties.notify) throw new DOMException('no notifications', 'NotSupportedError');
      await this.one(() => gatt('subscribe', this.device.id));
      this.device.stream = this;
      return this;
    }
    async put(value) {
      if (value.byteLength > 20) throw new DOMException('longer than the MTU allows', 'NetworkError');
      const bytes = [...new Uint8Array(value.buffer, value.byteOffset, value.byteLength)];
      await this.one(() => gatt('write', this.device.id, bytes));
    }
    async writeValueWithResponse(value) {
      if (!this.properties.write) throw new DOMException('GATT operation not permitted.', 'NotSupportedError');
      await this.put(value);
    }
    async writeValueWithoutResponse(value) {
      if (!this.properties.writeWithoutResponse) throw new DOMException('GATT operation not permitted.', 'NotSupportedError');
      await this.put(value);
    }
  }

  class Device extends EventTarget {
    constructor({ id, name, services }, allowed) {
      super();
      this.id = id;
      this.name = name;
      this.busy = false;
      const device = this;
      this.gatt = {
        device,
        connected: false,
        async connect() {
          await gatt('connect', id);
          this.connected = true;
          return this;
        },
        disconnect() {
          if (!this.connected) return;
          this.connected = false;
          void gatt('disconnect', id);
          device.dispatchEvent(new Event('gattserverdisconnected'));
        },
        async getPrimaryServices() {
          return services.filter(({ uuid }) => allowed.includes(uuid)).map(({ uuid, characteristics }) => ({
            uuid,
            async getCharacteristic(wanted) {
              const found = characteristics.find((one) => one.uuid === wanted);
              if (found === undefined) throw new DOMException('No such characteristic', 'NotFoundError');
              return new Characteristic(device, found);
            },
          }));
        },
      };
    }
  }

  const bluetooth = {
    getAvailability: async () => true,
    getDevices: async () => [],
    async requestDevice({ filters, optionalServices = [] }) {
      if (!navigator.userActivation.isActive) {
        throw new DOMException('Must be handling a user gesture to show a permission request.', 'SecurityError');
      }
      const found = await gatt('choose', filters);
      if (found === null) throw new DOMException('User cancelled the requestDevice() chooser.', 'NotFoundError');
      if (!devices.has(found.id)) {
        devices.set(found.id, new Device(found, [...filters.flatMap(({ services }) => services), ...optionalServices]));
      }
      return devices.get(found.id);
    },
  };
  Object.defineProperty(navigator, 'bluetooth', { value: bluetooth, configurable: true });

  window.earlFakeBluetooth = {
    notify(id, bytes) {
      const stream = devices.get(id)?.stream;
      if (stream === undefined) return;
      stream.value = new DataView(Uint8Array.from(bytes).buffer);
      stream.dispatchEvent(new Event('characteristicvaluechanged'));
    },
    disconnected(id) {
      const device = devices.get(id);
      if (!device?.gatt.connected) return;
      device.gatt.connected = false;
      device.dispatchEvent(new Event('gattserverdisconnected'));
    },
  };
})()`;

/** All modules. */
export const bridgeKinds = Object.keys(personalities) as BridgeKind[];
