/** The contract holds for a broker that answers later, so an engine on the network can keep it. */
import { brokerContract } from './broker.contract.ts';
import { LateBroker } from './late-broker.ts';

brokerContract('late', async () => ({
  broker: new LateBroker(),
  settle: async () => {
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  },
}));
