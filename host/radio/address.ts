/** Bluetooth device addresses: written `aa:bb:cc:dd:ee:ff`, on the wire the other way round. Core Spec Vol 6 Part B 1.3. */
import { EarlError } from '../../errors/index.ts';

export const ADDRESS_TYPE = { PUBLIC: 0, RANDOM: 1 } as const;

/** A device as others see it. `key` compares: type and address in one string. */
export interface DeviceAddress {
  readonly type: number;
  /** Least significant byte first, as in HCI and on the air. */
  readonly bytes: Uint8Array;
  readonly key: string;
}

export function deviceAddress(type: number, bytes: Uint8Array): DeviceAddress {
  const own = bytes.slice(0, 6);
  return { type, bytes: own, key: `${type} ${formatAddress(own)}` };
}

export function formatAddress(bytes: Uint8Array): string {
  return [...bytes]
    .reverse()
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join(':');
}

export function parseAddress(text: string): Uint8Array {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) {
    throw new EarlError('BAD_ADDRESS', `"${text}" is not a Bluetooth address; write six bytes as in c0:ff:ee:00:00:01`);
  }
  return Uint8Array.from(text.split(':').reverse(), (byte) => Number.parseInt(byte, 16));
}
