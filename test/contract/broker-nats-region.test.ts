/** The broker in a region whose NATS is a leaf node keeps the contract. */
import { afterAll, beforeAll } from 'vitest';
import { brokerContract } from './broker.contract.ts';
import { fenced } from './fence.ts';
import { type Region, Regions } from './regions.ts';

let regions: Regions;
let eu: Region;
let clouds = 0;
beforeAll(async () => {
  regions = await Regions.start();
  eu = await regions.leaf('eu');
});
afterAll(() => regions.stop());

brokerContract('over NATS in a region', async () => fenced(await regions.connect(eu, { prefix: `test${++clouds}` })));
