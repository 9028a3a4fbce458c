/** The broker over Redis keeps the contract. */
import { afterAll, beforeAll } from 'vitest';
import { RedisBroker } from '../../cloud/broker/redis.ts';
import { brokerContract } from './broker.contract.ts';
import { Engine } from './engines.ts';
import { fenced } from './fence.ts';

let engine: Engine;
let clouds = 0;
beforeAll(async () => {
  engine = await Engine.redis('--appendfsync', 'no');
});
afterAll(() => engine.remove());

brokerContract('over Redis', async () =>
  fenced(await RedisBroker.connect({ url: engine.url, prefix: `test${++clouds}` })),
);
