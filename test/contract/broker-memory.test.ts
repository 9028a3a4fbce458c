/** The in-process broker keeps the contract. */
import { MemoryBroker } from '../../cloud/broker/index.ts';
import { brokerContract } from './broker.contract.ts';

brokerContract('memory', async () => ({
  broker: new MemoryBroker(),
  settle: () => new Promise((resolve) => setImmediate(resolve)),
}));
