/**
 * The address of Redis, and how it is connected to.
 *
 *     redis://[user:password@]HOST[:PORT][/DATABASE]      rediss://…[?ca=FILE] for TLS
 *
 * `ca` holds the certificates of who signed the server's, when the system does not know them.
 */

import { readFileSync } from 'node:fs';
import type { RedisOptions } from 'ioredis';
import { EarlError, errorMessage } from '../../errors/index.ts';
import { RedisConnector } from './redis-connector.ts';

export interface RedisAddress {
  /** Host and port, without secrets. */
  readonly host: string;
  readonly database: number;
  readonly connection: RedisOptions;
}

const example = 'redis://127.0.0.1:6379 or redis://user:password@host:6379/0';
const mostRetryMs = 2_000;

/**
 * Throws `BACKPLANE_BAD_URL`.
 *
 * @param isUsed the first connection is the operator's to correct; later ones are made again, not by all servers at once
 */
export function parseRedisAddress(text: string, isUsed: () => boolean): RedisAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const database = Number(url?.pathname.slice(1) || 0);
  if (url === undefined || !/^rediss?:$/.test(url.protocol) || url.hostname === '' || !Number.isInteger(database)) {
    throw new EarlError('BACKPLANE_BAD_URL', `the address of Redis must be like ${example}`);
  }
  const unknown = [...url.searchParams.keys()].find((name) => name !== 'ca' || url.protocol !== 'rediss:');
  if (unknown !== undefined) {
    throw new EarlError('BACKPLANE_BAD_URL', `the address of Redis may have ?ca= with rediss:, not ?${unknown}`);
  }
  const connection = {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || 6379),
    db: database,
    lazyConnect: true,
    Connector: RedisConnector,
    connectTimeout: 5_000,
    ...(url.username ? { username: decodeURIComponent(url.username) } : {}),
    ...(url.password ? { password: decodeURIComponent(url.password) } : {}),
    ...(url.protocol === 'rediss:' ? { tls: tlsOptions(url.searchParams.get('ca')) } : {}),
    retryStrategy: (attempt: number) =>
      isUsed() ? Math.min(mostRetryMs, 50 * 2 ** attempt) * (0.5 + Math.random()) : null,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    // What is under way when the connection is lost is rejected, not left unanswered.
    maxRetriesPerRequest: 0,
  };
  return { host: url.host, database, connection };
}

function tlsOptions(ca: string | null): { ca?: Buffer } {
  if (ca === null) return {};
  try {
    return { ca: readFileSync(ca) };
  } catch (error) {
    throw new EarlError('BACKPLANE_BAD_URL', `the certificates for Redis cannot be read: ${errorMessage(error)}`);
  }
}

/** Without the cause itself, which may hold the password. */
export function unreachableError(host: string, error: unknown): EarlError {
  const advice = 'is redis-server running there, and does the URL name the right user, password and port?';
  return new EarlError('BACKPLANE_UNREACHABLE', `no use of Redis at ${host}: ${errorMessage(error)}; ${advice}`);
}
