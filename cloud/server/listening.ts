/** How the cloud listens: the times of its HTTP server, and what is said when an address cannot be had. */

import type { Server, Socket } from 'node:net';
import { EarlError } from '../../errors/index.ts';
import type { ServerLimits } from './options.ts';

/** Slow senders of headers (slowloris) and of TLS handshakes are ended. */
export function httpTimes({ headersTimeoutMs }: ServerLimits) {
  return {
    headersTimeout: headersTimeoutMs,
    requestTimeout: headersTimeoutMs,
    connectionsCheckingInterval: Math.ceil(headersTimeoutMs / 5),
  };
}

/** Resolves when it listens; rejects with what Node says. */
export function listenOn(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/**
 * Ends TCP connections beyond the limits at once.
 * @param taken connections that the addon has taken over, which the server does not count any more
 */
export function boundConnections(server: Server, limits: ServerLimits, isWorker: boolean, taken: () => number): void {
  const most = limits.connections + limits.httpConnections;
  if (!isWorker) {
    // Node asks for it at each connection.
    Object.defineProperty(server, 'maxConnections', { get: () => most - taken() });
    return;
  }
  // A worker whose `maxConnections` is reached hands connections back to the primary, which offers them again, without end.
  let open = 0;
  server.on('connection', (socket: Socket) => {
    if (open >= most - taken()) {
      socket.destroy();
      return;
    }
    open += 1;
    socket.once('close', () => {
      open -= 1;
    });
  });
}

export function listenError(error: NodeJS.ErrnoException, host: string, port: number): EarlError {
  switch (error.code) {
    case 'EADDRINUSE':
      return new EarlError(
        'PORT_IN_USE',
        `port ${port} of ${host} is taken by another program: stop it, or choose another port (0 takes a free one)`,
        { cause: error },
      );
    case 'EACCES':
      return new EarlError('PORT_PERMISSION', `port ${port} may not be used by this user: choose one from 1024 on`, {
        cause: error,
      });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new EarlError('HOST_UNAVAILABLE', `${host} is no address of this machine: try 127.0.0.1 or 0.0.0.0`, {
        cause: error,
      });
    default:
      return new EarlError('LISTEN_FAILED', `cannot listen on ${host}:${port}: ${error.message}`, { cause: error });
  }
}
