/**
 * From an adapter's URL to something that noble or bleno can run on.
 *
 * `hciN` the system's adapter, `uart:PORT[?baud=N]` a controller on a serial port (H4), `air:[HOST:PORT]` a controller on a
 * virtual air that some process serves, `auto` the first of these that is there. See docs/radio.md.
 */
import { EarlError } from '../../errors/index.ts';
import { connectAir, DEFAULT_AIR_HOST, DEFAULT_AIR_PORT, parseAirAddress } from './air-server.ts';
import type { HciPort } from './hci-port.ts';
import { HciSocket } from './hci-socket.ts';
import { checkSystemAdapter, type SystemRoots, systemAdapters, systemBinding, systemRoots } from './system-adapter.ts';
import { openUart, parseUartUrl } from './uart-adapter.ts';

export interface OpenAdapterOptions {
  /** How long the adapter may take to power on. Default 5000. */
  readonly timeoutMs?: number;
  /** The adapter went away while in use: unplugged, its air closed. Not called after `close`. */
  readonly onGone?: (error: EarlError) => void;
  /** Where the system's adapters are looked for; for tests. */
  readonly systemRoots?: SystemRoots;
}

interface AnyAdapter {
  readonly name: string;
  onGone: (error?: EarlError) => void;
  /** Waits until the peers have been told that links end, for a second at most. */
  flush(): Promise<void>;
  release(): void;
}

export interface PortAdapter extends AnyAdapter {
  readonly kind: 'port';
  readonly socket: HciSocket;
}

export interface SystemAdapter extends AnyAdapter {
  readonly kind: 'system';
  readonly binding: string;
  readonly bindingOptions: object;
}

export type Adapter = PortAdapter | SystemAdapter;

/** Throws `USAGE` when the URL cannot be read; opens nothing. */
export function checkAdapterUrl(url: string): void {
  if (url === 'auto' || /^hci\d+$/.test(url)) return;
  if (url.startsWith('uart:')) parseUartUrl(url);
  else if (url.startsWith('air:')) parseAirAddress(url);
  else {
    throw new EarlError(
      'USAGE',
      `"${url}" is no Bluetooth adapter: write hci0, uart:/dev/ttyACM0, air:127.0.0.1:7433 or auto`,
    );
  }
}

/** Rejects as `openCentral` does. */
export async function openAdapter(
  adapter: string | HciPort,
  stack: 'noble' | 'bleno',
  options: OpenAdapterOptions,
): Promise<Adapter> {
  if (typeof adapter !== 'string') return portAdapter('port', adapter);
  checkAdapterUrl(adapter);
  const roots = options.systemRoots ?? systemRoots;
  if (adapter === 'auto') return openAuto(stack, roots);
  if (adapter.startsWith('uart:')) return portAdapter(`uart:${parseUartUrl(adapter).path}`, await openUart(adapter));
  if (adapter.startsWith('air:')) return openAir(adapter);
  return openSystem(adapter, stack, roots);
}

async function openAir(url: string): Promise<Adapter> {
  const { host, port } = parseAirAddress(url);
  return portAdapter(`air:${host}:${port}`, await connectAir(url));
}

function openSystem(name: string, stack: 'noble' | 'bleno', roots: SystemRoots): SystemAdapter {
  checkSystemAdapter(name, roots);
  return {
    kind: 'system',
    name,
    ...systemBinding(name, stack, roots),
    onGone: () => {},
    flush: () => Promise.resolve(),
    release: () => {},
  };
}

async function openAuto(stack: 'noble' | 'bleno', roots: SystemRoots): Promise<Adapter> {
  const [name] = systemAdapters(roots);
  if (name !== undefined) return openSystem(name, stack, roots);
  const local = `air:${DEFAULT_AIR_HOST}:${DEFAULT_AIR_PORT}`;
  try {
    return await openAir(local);
  } catch (error) {
    throw new EarlError(
      'TRANSPORT_NOT_FOUND',
      `this machine has no Bluetooth adapter and no virtual air is served on ${local}: plug in an adapter, ` +
        'run `earl air` in another terminal, or name one with --adapter uart:PORT',
      { cause: error },
    );
  }
}

function portAdapter(name: string, port: HciPort): PortAdapter {
  const adapter: PortAdapter = {
    kind: 'port',
    name,
    socket: new HciSocket(port, (error) => adapter.onGone(error)),
    onGone: () => {},
    flush: () => adapter.socket.linksEnded(),
    release: () => port.close(),
  };
  return adapter;
}
