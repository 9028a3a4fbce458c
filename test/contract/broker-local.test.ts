/** The broker of one process keeps the contract, in memory and with a journal. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Journal, LocalBroker } from '../../cloud/broker/index.ts';
import { brokerContract } from './broker.contract.ts';

brokerContract('in memory', async () => ({
  broker: new LocalBroker(),
  settle: () => new Promise((resolve) => setImmediate(resolve)),
}));

brokerContract('with a journal', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'earl-journal-'));
  const broker = new LocalBroker({ journal: new Journal({ folder }) });
  const close = broker.close.bind(broker);
  broker.close = async () => {
    await close();
    rmSync(folder, { recursive: true, force: true });
  };
  // A repeated message is accepted when all before it is written, and delivered.
  const settle = async () => broker.publish('fence', Buffer.alloc(0), { dedupe: { publisher: 'fence', seq: 1 } });
  await settle();
  return { broker, settle };
});
