/** The broker over NATS keeps the contract. */
import { afterAll, beforeAll } from 'vitest';
import { NatsBroker } from '../../cloud/broker/nats.ts';
import { brokerContract } from './broker.contract.ts';
import { Engine } from './engines.ts';
import { fenced } from './fence.ts';

let engine: Engine;
let clouds = 0;
beforeAll(async () => {
  engine = await Engine.nats();
});
afterAll(() => engine.remove());

brokerContract('over NATS', async () =>
  fenced(await NatsBroker.connect({ url: engine.url, prefix: `test${++clouds}` })),
);
