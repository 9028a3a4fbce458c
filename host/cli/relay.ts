/** A gateway with everything around it, as `earl gateway` and `earl up` start it: client, transports, and their end. */

import { hostname } from 'node:os';
import { type CloudClient, connect } from '../../cloud/client/index.node.ts';
import { limits as protocolLimits } from '../../cloud/protocol/index.ts';
import { EarlError, errorMessage } from '../../errors/index.ts';
import { BleWatch, Gateway, type Log, SerialWatch, systemClock } from '../gateway/index.ts';
import { ProbeStore, type TrustMode, TrustPolicy } from '../probes/index.ts';
import { BleAdapters, BleTransport } from '../transport/ble.ts';
import type { EmulatedTransport } from '../transport/emulated.ts';
import { listSerialPorts } from '../transport/list.ts';
import { openTransport } from '../transport/open.ts';
import type { Transport } from '../transport/transport.ts';
import { TokenFile, type TokenSource } from './token-file.ts';

export interface RelayOptions {
  /** `ws://…` of the cloud. */
  readonly cloudUrl: string;
  readonly token?: TokenSource | undefined;
  readonly site: string;
  /**
   * Transports by their URLs, `serial:auto` for every known board, `ble:auto` for every Bluetooth bridge; all are checked
   * before anything is opened.
   */
  readonly probes: readonly string[];
  /** URL of the Bluetooth adapter (host/radio) for probes that name none; `auto` when absent. */
  readonly adapter?: string | undefined;
  /** Connection interval for Bluetooth probes that name none; 30 when absent. */
  readonly bleIntervalMs?: number | undefined;
  /** Which probes are taken in, and on what proof (host/probes/trust.ts). */
  readonly trust: TrustMode;
  readonly log: Log;
  readonly countersMs?: number | undefined;
  /** The cloud refuses this gateway for good. */
  readonly onRefused?: (error: unknown) => void;
}

/** Not a port, but all that have a known board behind them. */
const AUTO = 'serial:auto';
/** Not a device, but all that advertise a serial bridge. */
export const BLE_AUTO = 'ble:auto';

export interface Relay {
  readonly gateway: Gateway;
  close(): Promise<void>;
}

/** Throws `USAGE` and the errors of `openTransport` for a probe that cannot be, `CLOUD_BAD_URL` for the cloud. */
export async function startRelay(options: RelayOptions): Promise<Relay> {
  const { cloudUrl: url, token, site, log, countersMs, onRefused } = options;
  const urls = options.probes.filter((probe) => probe !== AUTO && probe !== BLE_AUTO);
  // One that cannot be is told at once; one that is not there may still come.
  if (options.adapter !== undefined) (await import('../radio/index.ts')).checkAdapterUrl(options.adapter);
  const ble = new BleAdapters({
    ...(options.adapter !== undefined && { adapter: options.adapter }),
    ...(options.bleIntervalMs !== undefined && { intervalMs: options.bleIntervalMs }),
  });
  const transports = await Promise.all(urls.map((probe) => openTransport(probe, { ble })));
  const client = connect({
    url,
    client: { name: hostname().slice(0, protocolLimits.clientNameLength) || 'gateway', kind: 'gateway' },
    ...(token !== undefined && { token: shown(token) }),
    onHandlerError: (error) => log({ level: 'error', event: 'cloud-error', message: errorMessage(error) }),
  });
  try {
    // A board that cannot be switched on is a mistake to be told at once; every other transport may come later.
    await Promise.all(transports.map((transport) => (isEmulated(transport) ? transport.powerOn() : undefined)));
  } catch (error) {
    await Promise.allSettled([client.close(), ...transports.map((transport) => transport.dispose())]);
    throw error;
  }
  const gateway = new Gateway({
    site,
    transports,
    client,
    log,
    clock: systemClock,
    times: countersMs === undefined ? {} : { countersMs },
    ...(options.trust !== 'all' && { trust: new TrustPolicy({ mode: options.trust, store: new ProbeStore() }) }),
    ...(onRefused && { onRefused }),
  });
  const watch = options.probes.includes(AUTO) ? watchPorts(gateway, log) : undefined;
  const named = transports.filter((transport) => transport instanceof BleTransport);
  const unwatchToken = token instanceof TokenFile ? watchToken(token, client, log) : () => {};
  const bleWatch = options.probes.includes(BLE_AUTO) ? watchBridges(gateway, log, ble, named) : undefined;
  return {
    gateway,
    async close() {
      watch?.stop();
      unwatchToken();
      await Promise.all([bleWatch?.stop(), gateway.close()]);
      await client.close();
    },
  };
}

function shown(token: TokenSource): string | ((refused?: string) => string) {
  return typeof token === 'string' ? token : (refused) => token.read(refused);
}

/** A token that was put in place of another is shown at once: it may be there because the other one is withdrawn. */
function watchToken(file: TokenFile, client: CloudClient, log: Log): () => void {
  const renewed = (isRenewed: boolean) => {
    if (isRenewed)
      log({ level: 'info', event: 'token-renewed', message: `the cloud has the new token of ${file.path}` });
  };
  const failed = (error: unknown) => {
    // Where there is no connection, the next one begins with the new token.
    if (error instanceof EarlError && error.code === 'CLOUD_DISCONNECTED') return;
    log({ level: 'error', event: 'cloud-error', message: `the new token of ${file.path}: ${errorMessage(error)}` });
  };
  return file.watch(() => void client.refreshToken().then(renewed, failed));
}

function isEmulated(transport: Transport): transport is EmulatedTransport {
  return 'powerOn' in transport;
}

function watchPorts(gateway: Gateway, log: Log): SerialWatch {
  const failed = (error: unknown) => log({ level: 'error', event: 'transport-failed', message: errorMessage(error) });
  return new SerialWatch({
    clock: systemClock,
    log,
    list: () => listSerialPorts(),
    onFound: ({ url }) => void openTransport(url).then((transport) => gateway.add(transport), failed),
    onGone: ({ url }) => void gateway.remove(url).catch(failed),
  });
}

/** @param named transports of bridges that the user named, which are not served twice */
function watchBridges(gateway: Gateway, log: Log, ble: BleAdapters, named: readonly BleTransport[]): BleWatch {
  const found = new Map<string, BleTransport>();
  return new BleWatch({
    adapter: ble.get(),
    clock: systemClock,
    log,
    isServed: (sighting) => named.some((transport) => transport.names(sighting)),
    isConnected: (url) => found.get(url)?.bridge !== undefined,
    onFound: (url) => {
      const transport = new BleTransport(url, ble);
      found.set(url, transport);
      gateway.add(transport);
    },
    onGone: (url) => {
      found.delete(url);
      const failed = (error: unknown) =>
        log({ level: 'error', event: 'transport-failed', message: errorMessage(error) });
      void gateway.remove(url).catch(failed);
    },
  });
}
