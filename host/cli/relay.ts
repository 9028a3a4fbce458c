/** A gateway with everything around it, as `earl gateway` and `earl up` start it: client, transports, and their end. */

import { connect } from '../../cloud/client/index.node.ts';
import { errorMessage } from '../../errors/index.ts';
import { Gateway, type Log, SerialWatch, systemClock } from '../gateway/index.ts';
import type { EmulatedTransport } from '../transport/emulated.ts';
import { listSerialPorts } from '../transport/list.ts';
import { openTransport } from '../transport/open.ts';
import type { Transport } from '../transport/transport.ts';

export interface RelayOptions {
  /** `ws://…` of the cloud. */
  readonly cloudUrl: string;
  readonly token?: string | undefined;
  readonly site: string;
  /** Transports by their URLs, `serial:auto` for every known board; all are checked before anything is opened. */
  readonly probes: readonly string[];
  readonly log: Log;
  readonly countersMs?: number | undefined;
  /** The cloud refuses this gateway for good. */
  readonly onRefused?: (error: unknown) => void;
}

/** Not a port, but all that have a known board behind them. */
const AUTO = 'serial:auto';

export interface Relay {
  readonly gateway: Gateway;
  close(): Promise<void>;
}

/** Throws `USAGE` and the errors of `openTransport` for a probe that cannot be, `CLOUD_BAD_URL` for the cloud. */
export async function startRelay(options: RelayOptions): Promise<Relay> {
  const { cloudUrl: url, token, site, log, countersMs, onRefused } = options;
  const urls = options.probes.filter((probe) => probe !== AUTO);
  const transports = await Promise.all(urls.map((probe) => openTransport(probe)));
  const client = connect({
    url,
    ...(token !== undefined && { token }),
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
    ...(onRefused && { onRefused }),
  });
  const watch = options.probes.includes(AUTO) ? watchPorts(gateway, log) : undefined;
  return {
    gateway,
    async close() {
      watch?.stop();
      await gateway.close();
      await client.close();
    },
  };
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
