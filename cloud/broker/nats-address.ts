/**
 * The address of NATS, and how it is connected to.
 *
 *     nats://[user:password@]HOST[:PORT][?home=DOMAIN][&credentials=FILE][&ca=FILE]     tls:// insists on TLS
 *
 * `home` is the JetStream domain that keeps the messages when the server at this address is a leaf node with a domain of
 * its own. `credentials` is a `.creds` file; `ca` holds the certificates of who signed the server's.
 */

import { readFileSync } from 'node:fs';
import { credsAuthenticator, type NodeConnectionOptions, type TlsOptions } from '@nats-io/transport-node';
import { EarlError, errorMessage } from '../../errors/index.ts';

export interface NatsAddress {
  /** Host and port, without secrets. */
  readonly host: string;
  readonly home: string | undefined;
  readonly connection: NodeConnectionOptions;
}

const parameters = ['home', 'credentials', 'ca'];
const example = 'nats://127.0.0.1:4222, or nats://127.0.0.1:4222?home=DOMAIN at a leaf node';

/** Throws `BACKPLANE_BAD_URL`. */
export function parseNatsAddress(text: string): NatsAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^(nats|tls):$/.test(url.protocol) || url.hostname === '') {
    throw new EarlError('BACKPLANE_BAD_URL', `the address of NATS must be like ${example}`);
  }
  const unknown = [...url.searchParams.keys()].find((name) => !parameters.includes(name));
  if (unknown !== undefined) {
    throw new EarlError(
      'BACKPLANE_BAD_URL',
      `the address of NATS may have ?${parameters.join(', ?')}, not ?${unknown}`,
    );
  }
  const home = url.searchParams.get('home') ?? undefined;
  if (home !== undefined && !/^[\w-]+$/.test(home)) {
    throw new EarlError('BACKPLANE_BAD_URL', `home is the name of a JetStream domain, as in ${example}`);
  }
  return { host: url.host, home, connection: connectionOptions(url) };
}

function connectionOptions(url: URL): NodeConnectionOptions {
  const credentials = url.searchParams.get('credentials');
  const ca = url.searchParams.get('ca');
  return {
    servers: url.host,
    ...(url.username ? { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) } : {}),
    ...(credentials === null ? {} : { authenticator: credsAuthenticator(readFile(credentials)) }),
    ...(ca !== null || url.protocol === 'tls:' ? { tls: tlsOptions(url.hostname, ca) } : {}),
    maxReconnectAttempts: -1,
    reconnectTimeWait: 100,
    reconnectJitter: 200,
    ignoreAuthErrorAbort: true,
    // A server that hangs is left after two of these without an answer.
    pingInterval: 5_000,
  };
}

/** `host` is passed on to Node, which otherwise takes an address without a name for `localhost`. */
function tlsOptions(host: string, ca: string | null): TlsOptions & { host: string } {
  return { host: host.replace(/^\[|\]$/g, ''), ...(ca === null ? {} : { ca: readFile(ca).toString('utf8') }) };
}

function readFile(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new EarlError('BACKPLANE_BAD_URL', `a file that the address of NATS names: ${errorMessage(error)}`);
  }
}
