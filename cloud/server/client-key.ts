/** How a client is known from one connection to the next, on whatever server. */

import { createHash } from 'node:crypto';
import type { Grant } from './tokens-jwt.ts';

/**
 * One level of a topic.
 *
 * @param session id of the connection, for clients without a name
 * @param publisher name of the client across connections; may hold what a topic may not
 */
export function clientKey(session: string, publisher: string | undefined): string {
  return publisher === undefined ? session : createHash('sha256').update(publisher).digest('hex').slice(0, 32);
}

/** Names of publishers belong to a subject, so that nobody can use up the sequence numbers of another's. */
export function publisherOf({ subject }: Grant, name: string | undefined): string | undefined {
  return subject === undefined || name === undefined ? name : JSON.stringify([subject, name]);
}
