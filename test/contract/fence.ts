/** When an engine's broker has delivered what it accepted before. */
import { type Broker, publishJson } from '../../cloud/broker/index.ts';
import type { BrokerUnderTest } from './broker.contract.ts';

/** An engine delivers in its order, so after the fence there is nothing from before. */
export async function fenced(broker: Broker): Promise<BrokerUnderTest> {
  let arrived = () => {};
  await broker.subscribe('$fence', () => arrived());
  return {
    broker,
    settle: async () => {
      const fence = new Promise<void>((resolve) => {
        arrived = resolve;
      });
      await publishJson(broker, '$fence', null);
      await fence;
    },
  };
}
