/** From what a user types to a Transport: the scheme decides which file is loaded. */

import { EarlError } from '../../errors/index.ts';
import type { BleAdapters } from './ble.ts';
import type { EmulatedOptions } from './emulated.ts';
import type { SerialBinding } from './serial.ts';
import type { Transport } from './transport.ts';

export interface OpenTransportOptions {
  /** For tests: what serial ports are opened with instead of the machine's. */
  readonly serialBinding?: SerialBinding;
  /** For `emu:`, e.g. where its traces go. */
  readonly emulated?: EmulatedOptions;
  /** For `ble:`: the adapters that all transports of a process share; of its own when absent. */
  readonly ble?: BleAdapters;
}

type Opener = (url: string, options: OpenTransportOptions) => Promise<Transport>;

interface Scheme {
  readonly form: string;
  readonly open: Opener;
}

const schemes: Readonly<Record<string, Scheme>> = {
  serial: {
    form: 'serial:PATH[?baud=9600]',
    open: async (url, { serialBinding }) => (await import('./serial.ts')).serialTransport(url, serialBinding),
  },
  tcp: {
    form: 'tcp:HOST:PORT',
    open: async (url) => (await import('./tcp.ts')).tcpTransport(url),
  },
  rfc2217: {
    form: 'rfc2217://HOST:PORT[?baud=9600]',
    open: async (url) => (await import('./rfc2217.ts')).rfc2217Transport(url),
  },
  emu: {
    form: 'emu:KIND (e.g. emu:ball) or emu:IMAGE',
    open: async (url, { emulated }) => (await import('./emulated.ts')).emulatedTransport(url, emulated),
  },
  ble: {
    form: 'ble:NAME or ble:ADDRESS',
    open: async (url, { ble }) => (await import('./ble.ts')).bleTransport(url, ble),
  },
};

/** The schemes as a user types them, for messages and `--help`. */
export const transportForms: readonly string[] = Object.values(schemes).map(({ form }) => form);

/** Makes a transport; does not connect. Rejects with `USAGE` when the URL cannot be read. */
export async function openTransport(url: string, options: OpenTransportOptions = {}): Promise<Transport> {
  const scheme = /^([a-z][a-z0-9]*):./.exec(url)?.[1] ?? '';
  if (!Object.hasOwn(schemes, scheme)) {
    throw new EarlError('USAGE', `"${url}" is no transport: write one of ${transportForms.join(', ')}`);
  }
  return schemes[scheme]!.open(url, options);
}
