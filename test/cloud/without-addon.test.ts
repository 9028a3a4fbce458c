/** What matters most of the protocol once more where `ws` serves the sockets: the other tests have the addon (cloud/native). */

import { expect, it } from 'vitest';
import { startCloud } from '../../cloud/server/index.ts';

it('is served by ws, and says so', async () => {
  const cloud = await startCloud({ port: 0 });
  expect(cloud.sockets).toBe('ws (turned off by EARL_NATIVE=0)');
  const health = await (await fetch(`${cloud.url}/health`)).json();
  expect(health).toMatchObject({ sockets: cloud.sockets });
  await cloud.close();
});

process.env.EARL_NATIVE = '0';
await import('./conformance.test.ts');
await import('./slow-consumer.test.ts');
await import('./fuzz.test.ts');
