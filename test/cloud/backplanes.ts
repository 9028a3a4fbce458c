/** What several servers of a test share: a real engine, or the hub of workers. */

import { HubBroker } from '../../cloud/broker/hub.ts';
import { HubFolder } from '../../cloud/broker/hub-folder.ts';
import { HubServer } from '../../cloud/broker/hub-server.ts';
import { type Broker, LocalBroker, openBackplane } from '../../cloud/broker/index.ts';
import { Engine } from '../contract/engines.ts';

export type Backplane = 'hub' | 'redis' | 'nats';

/**
 * Resolves with what opens one server's broker.
 *
 * @param cleanups gets what ends all of it; the latest must be called first
 */
export async function startBackplane(name: Backplane, cleanups: (() => unknown)[]): Promise<() => Promise<Broker>> {
  const open = name === 'hub' ? await startHub(cleanups) : await startEngine(name, cleanups);
  return async () => {
    const broker = await open();
    cleanups.push(() => broker.close());
    return broker;
  };
}

async function startEngine(name: 'redis' | 'nats', cleanups: (() => unknown)[]): Promise<() => Promise<Broker>> {
  const engine = await Engine[name]();
  cleanups.push(() => engine.remove());
  return () => openBackplane(engine.url);
}

async function startHub(cleanups: (() => unknown)[]): Promise<() => Promise<Broker>> {
  const [folder, broker] = [new HubFolder(), new LocalBroker()];
  const hub = await HubServer.listen({ broker, socket: folder.socket, secret: 'secret' });
  cleanups.push(
    () => folder.remove(),
    () => broker.close(),
    () => hub.close(),
  );
  let workers = 0;
  return () => HubBroker.connect({ socket: folder.socket, secret: 'secret', worker: ++workers });
}
