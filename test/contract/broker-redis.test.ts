/** The broker over Redis keeps the contract. */
import { afterAll, beforeAll } from 'vitest';
import { publishJson } from '../../cloud/broker/index.ts';
import { RedisBroker } from '../../cloud/broker/redis.ts';
import { brokerContract } from './broker.contract.ts';
import { Engine } from './engines.ts';

let engine: Engine;
let clouds = 0;
beforeAll(async () => {
  engine = await Engine.redis('--appendfsync', 'no');
});
afterAll(() => engine.remove());

brokerContract('over Redis', async () => {
  const broker = await RedisBroker.connect({ url: engine.url, prefix: `test${++clouds}` });
  let arrived = () => {};
  await broker.subscribe('$fence', () => arrived());
  return {
    broker,
    // What Redis publishes arrives in its order, so after the fence there is nothing from before.
    settle: async () => {
      const fence = new Promise<void>((resolve) => {
        arrived = resolve;
      });
      await publishJson(broker, '$fence', null);
      await fence;
    },
  };
});
