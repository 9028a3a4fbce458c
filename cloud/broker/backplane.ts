/** Opens the engine that several servers share. The packages that talk to engines are loaded when one is asked for. */

import { EarlError } from '../../errors/index.ts';
import type { Broker, BrokerMessage } from './broker.ts';

export interface BackplaneOptions {
  /** Called when a subscriber throws. Default: nothing. */
  readonly onSubscriberError?: (error: unknown, message: BrokerMessage) => void;
  /** Called with a line for each thing an operator should know. Default: nothing. */
  readonly log?: (line: string) => void;
}

/**
 * The broker over the engine at `redis://`, `rediss://` or `nats://`. Rejects with `BACKPLANE_BAD_URL` or
 * `BACKPLANE_UNREACHABLE`.
 */
export async function openBackplane(url: string, options: BackplaneOptions = {}): Promise<Broker> {
  if (/^rediss?:\/\//.test(url)) return await (await import('./redis.ts')).RedisBroker.connect({ url, ...options });
  if (/^(nats|tls):\/\//.test(url)) return await (await import('./nats.ts')).NatsBroker.connect({ url, ...options });
  throw new EarlError('BACKPLANE_BAD_URL', 'a backplane is redis://HOST:PORT[/DATABASE] or nats://HOST:PORT');
}
