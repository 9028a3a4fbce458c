/** How a client is known from one connection to the next, on whatever server: one level of a topic. */

import { createHash } from 'node:crypto';

/**
 * @param session id of the connection, for clients without a name
 * @param publisher name of the client across connections; may hold what a topic may not
 */
export function clientKey(session: string, publisher: string | undefined): string {
  return publisher === undefined ? session : createHash('sha256').update(publisher).digest('hex').slice(0, 32);
}
