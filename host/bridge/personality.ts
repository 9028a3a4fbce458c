/**
 * What tells one UART bridge from another: its GATT table, its default name, how it cuts the UART's bytes into packets.
 *
 * Sources: Nordic nRF5 SDK, "UART/Serial Port Emulation over BLE" (nus); Microchip DS50002466 and the appendix
 * "Transparent UART Service UUIDs" (rn487x); JNHuaMao HM-10 data sheet V5xx (hm10). No data sheet states idle times and
 * buffer sizes: those are ours, of the order that such modules show. Left out: the device information and battery
 * services, pairing, credits of the RN487x's control point (what is written there is taken and ignored).
 */

export type BridgeKind = 'nus' | 'rn487x' | 'hm10';

export type GattProperty = 'read' | 'write' | 'writeWithoutResponse' | 'notify';

export interface GattCharacteristic {
  readonly uuid: string;
  readonly properties: readonly GattProperty[];
  /** `uart`: what is written goes to the UART; `none`: it is taken and ignored. */
  readonly written: 'uart' | 'none';
  /** The UART's bytes leave here as notifications. */
  readonly stream: boolean;
}

export interface Personality {
  readonly kind: BridgeKind;
  readonly service: string;
  readonly characteristics: readonly GattCharacteristic[];
  /** Largest ATT_MTU that the module agrees to. */
  readonly maxMtu: number;
  /** Advertised while nobody has named the module; absent: `Earl` and the end of the probe's id. */
  readonly factoryName?: string;
  /** A pause of the UART after which what has been collected is sent, however little. */
  readonly idleSeconds: number;
  /** Bytes from the UART that may wait for the radio. */
  readonly airBufferBytes: number;
  /** Bytes from the radio that may wait for the UART. */
  readonly uartBufferBytes: number;
  /** When its state pin is high: with a connection, or only once somebody listens to the stream. */
  readonly connectedWhen: 'connected' | 'subscribed';
}

const nus: Personality = {
  kind: 'nus',
  service: '6e400001-b5a3-f393-e0a9-e50e24dcca9e',
  characteristics: [
    {
      uuid: '6e400002-b5a3-f393-e0a9-e50e24dcca9e',
      properties: ['write', 'writeWithoutResponse'],
      written: 'uart',
      stream: false,
    },
    { uuid: '6e400003-b5a3-f393-e0a9-e50e24dcca9e', properties: ['notify'], written: 'none', stream: true },
  ],
  maxMtu: 247,
  idleSeconds: 0.01,
  airBufferBytes: 1024,
  uartBufferBytes: 1024,
  connectedWhen: 'subscribed',
};

const rn487x: Personality = {
  kind: 'rn487x',
  service: '49535343-fe7d-4ae5-8fa9-9fafd205e455',
  characteristics: [
    {
      uuid: '49535343-1e4d-4bd9-ba61-23c647249616',
      properties: ['write', 'notify'],
      written: 'uart',
      stream: true,
    },
    {
      uuid: '49535343-8841-43f4-a8d4-ecbe34729bb3',
      properties: ['write', 'writeWithoutResponse'],
      written: 'uart',
      stream: false,
    },
    {
      uuid: '49535343-4c8a-39b3-2f49-511cff073b7e',
      properties: ['write', 'notify'],
      written: 'none',
      stream: false,
    },
  ],
  maxMtu: 151,
  idleSeconds: 0.01,
  airBufferBytes: 512,
  uartBufferBytes: 512,
  connectedWhen: 'connected',
};

const hm10: Personality = {
  kind: 'hm10',
  service: 'ffe0',
  characteristics: [
    { uuid: 'ffe1', properties: ['read', 'writeWithoutResponse', 'notify'], written: 'uart', stream: true },
  ],
  // A CC2541 with Bluetooth 4.0 knows no other.
  maxMtu: 23,
  factoryName: 'HMSoft',
  idleSeconds: 0.01,
  airBufferBytes: 512,
  uartBufferBytes: 512,
  connectedWhen: 'connected',
};

export const personalities: Readonly<Record<BridgeKind, Personality>> = { nus, rn487x, hm10 };

/** Most characters of a name: more do not fit an HM-10. */
export const MAX_NAME = 12;

/** What a probe's module is called: `Earl` and the last 8 digits of its id. @param id 16 hex digits */
export function bridgeName(id: string): string {
  return `Earl${id.slice(-8).toLowerCase()}`;
}
