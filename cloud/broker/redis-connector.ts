/**
 * Opens the sockets to Redis. ioredis' own way hears the first error of a socket only, and a TLS connection that is given up
 * in its handshake may have a second one: nobody would catch that.
 */

import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { AbstractConnector, type RedisOptions } from 'ioredis';

export class RedisConnector extends AbstractConnector {
  readonly #options: RedisOptions;

  /** @param options RedisOptions, though ioredis does not say so */
  constructor(options: unknown) {
    const known = options as RedisOptions;
    super(known.disconnectTimeout ?? 2_000);
    this.#options = known;
  }

  async connect(): Promise<Socket> {
    this.connecting = true;
    await new Promise((resolve) => process.nextTick(resolve));
    if (!this.connecting) throw new Error('the connection was given up');
    const { host = '127.0.0.1', port = 6379, tls } = this.#options;
    const socket = tls ? connectTls({ host, port, ...tls }) : connectTcp({ host, port });
    socket.on('error', (error) => {
      this.firstError ??= error;
    });
    this.stream = socket;
    return socket;
  }
}
