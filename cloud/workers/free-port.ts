/**
 * A port that nobody uses now. Workers share a port by its number, so the primary chooses one where the user leaves it
 * open; between the choice and the first worker another program may take it, and another port is tried then.
 */

import { type AddressInfo, createServer } from 'node:net';

/** Rejects as `listen` does. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const server = createServer();
  return await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
