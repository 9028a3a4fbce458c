/**
 * The BLE modules that Earl meets on a probe's UART, by their GATT services. All three do the same: what is written to one
 * characteristic leaves the module's TXD, what comes in at its RXD is notified on another, or on the same one.
 *
 * Sources: Nordic UART Service (nRF Connect SDK, "NUS"); Microchip RN4870/71 user's guide DS50002466, appendix on the
 * transparent UART service; Jinan Huamao HM-10 data sheet (one characteristic, FFE1, for both directions).
 */

export type BridgeKind = 'nus' | 'rn487x' | 'hm10';

export interface Bridge {
  readonly kind: BridgeKind;
  /** For people. */
  readonly name: string;
  /** UUIDs as noble writes them: lower case, no dashes, 16-bit ones short. */
  readonly service: string;
  /** Written by the central, sent by the module's UART. */
  readonly write: string;
  /** Notified to the central: what the module's UART received. */
  readonly notify: string;
}

export const bridges: readonly Bridge[] = [
  {
    kind: 'nus',
    name: 'Nordic UART service',
    service: '6e400001b5a3f393e0a9e50e24dcca9e',
    write: '6e400002b5a3f393e0a9e50e24dcca9e',
    notify: '6e400003b5a3f393e0a9e50e24dcca9e',
  },
  {
    kind: 'rn487x',
    name: 'Microchip transparent UART',
    service: '49535343fe7d4ae58fa99fafd205e455',
    write: '49535343884143f4a8d4ecbe34729bb3',
    notify: '495353431e4d4bd9ba6123c647249616',
  },
  { kind: 'hm10', name: 'HM-10', service: 'ffe0', write: 'ffe1', notify: 'ffe1' },
];

/** What a scan is filtered by. */
export const bridgeServices: readonly string[] = bridges.map(({ service }) => service);

/** The short form of a UUID of the Bluetooth base, as noble has it; others without dashes. */
export function shortUuid(uuid: string): string {
  const plain = uuid.replaceAll('-', '').toLowerCase();
  return /^0000([0-9a-f]{4})00001000800000805f9b34fb$/.exec(plain)?.[1] ?? plain;
}

/** The first bridge of the table whose service is among these. */
export function bridgeAmong(serviceUuids: readonly string[] | undefined): Bridge | undefined {
  const services = new Set(serviceUuids?.map(shortUuid));
  return bridges.find(({ service }) => services.has(service));
}
