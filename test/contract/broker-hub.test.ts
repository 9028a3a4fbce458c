/** The broker of a worker, over the hub's real socket, keeps the contract: in memory, and with the journal. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { HubBroker } from '../../cloud/broker/hub.ts';
import { HubFolder } from '../../cloud/broker/hub-folder.ts';
import { HubServer } from '../../cloud/broker/hub-server.ts';
import { Journal, LocalBroker } from '../../cloud/broker/index.ts';
import { brokerContract } from './broker.contract.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function createOver(local: LocalBroker) {
  const folder = new HubFolder();
  const hub = await HubServer.listen({ broker: local, socket: folder.socket, secret: 'secret' });
  cleanups.push(
    () => folder.remove(),
    () => local.close(),
    () => hub.close(),
  );
  const broker = await HubBroker.connect({ socket: folder.socket, secret: 'secret', worker: 1 });
  return { broker, settle: () => broker.caughtUp() };
}

brokerContract('over a hub in memory', () => createOver(new LocalBroker()));

brokerContract('over a hub with a journal', () => {
  const folder = mkdtempSync(join(tmpdir(), 'earl-hub-journal-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return createOver(new LocalBroker({ journal: new Journal({ folder }) }));
});
