/**
 * The hub: shares one broker with the workers of this machine (docs/adr/0011-workers.md), which speak to it by
 * hub-records.ts.
 *
 * Each worker subscribes here once for each filter, whoever and how many want it there, and gets each message once. The
 * broker must be one whose `subscribe` takes effect before it returns, as LocalBroker's does: then the records of a
 * worker are in the broker's order, and a subscription begins at one place in it.
 *
 * A worker that does not read is held to `waitingBytes`: beyond, its messages are dropped until it has taken the rest,
 * then it is told of a gap, and its clients resume from the history. What answers its requests is never dropped, but its
 * requests are not read meanwhile.
 */

import { chmodSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { EarlError } from '../../errors/index.ts';
import type { Broker } from './broker.ts';
import { HubConnection } from './hub-connection.ts';

export interface HubServerOptions {
  readonly broker: Broker;
  /** Where to listen: a path in a folder that nobody else may enter (hub-folder.ts). */
  readonly socket: string;
  /** What workers must show. */
  readonly secret: string;
  /** Bytes that may wait for one worker. Default 64 MiB. */
  readonly waitingBytes?: number;
  /** Called with a line for each thing an operator should know. Default: nothing. */
  readonly log?: (line: string) => void;
}

/** One worker as the hub sees it. */
export interface HubPeer {
  readonly worker: number;
  /** Bytes that it has not taken. */
  readonly waitingBytes: number;
  /** How often messages for it were dropped since it connected. */
  readonly gaps: number;
}

export class HubServer {
  readonly #server: Server;
  readonly #options: HubServerOptions;
  readonly #connections = new Set<HubConnection>();
  #gaps = 0;

  /** Resolves when workers may connect. Rejects with `HUB_FAILED`. The broker stays open when the hub is closed. */
  static async listen(options: HubServerOptions): Promise<HubServer> {
    const hub = new HubServer(options);
    await new Promise<void>((resolve, reject) => {
      hub.#server.once('error', (error) =>
        reject(new EarlError('HUB_FAILED', `no socket for the workers: ${error.message}`, { cause: error })),
      );
      hub.#server.listen(options.socket, resolve);
    });
    chmodSync(options.socket, 0o600);
    return hub;
  }

  private constructor(options: HubServerOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  get peers(): readonly HubPeer[] {
    return [...this.#connections].filter(({ worker }) => worker !== undefined) as readonly HubPeer[];
  }

  /** How often messages for a worker were dropped, since the start. */
  get gaps(): number {
    return this.#gaps;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections) void connection.end();
    await closed;
  }

  #accept(socket: Socket): void {
    const { broker, secret, waitingBytes = 64 * 1024 * 1024, log = () => {} } = this.#options;
    const connection = new HubConnection(socket, broker, secret, waitingBytes, (line, isGap) => {
      if (isGap) this.#gaps += 1;
      log(line);
    });
    this.#connections.add(connection);
    socket.once('close', () => this.#connections.delete(connection));
  }
}
