/**
 * From an adapter's URL to something that noble or bleno can run on.
 *
 * `hciN` the system's adapter, `uart:PORT[?baud=N]` a controller on a serial port (H4), `air:[HOST:PORT]` a controller on a
 * virtual air that some process serves, `auto` the first of these that is there. See docs/radio.md.
 */
import { EarlError } from '../../errors/index.ts';
import type { HciPort } from './hci-port.ts';
import { HciSocket } from './hci-socket.ts';

export interface OpenAdapterOptions {
  /** How long the adapter may take to power on. Default 5000. */
  readonly timeoutMs?: number;
  /** The adapter went away while in use: unplugged, its air closed. Not called after `close`. */
  readonly onGone?: (error: EarlError) => void;
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

export async function openAdapter(adapter: string | HciPort, _options: OpenAdapterOptions): Promise<Adapter> {
  if (typeof adapter !== 'string') return portAdapter('port', adapter);
  throw new EarlError('USAGE', `"${adapter}" is not an adapter`);
}

export function portAdapter(name: string, port: HciPort): PortAdapter {
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
