/**
 * The WebSockets of a cloud: who serves each socket, how many there are, their keepalive and their end.
 *
 * Sockets of plain TCP are served by the addon (cloud/native) where there is one; all others by `ws`. Sessions do not know.
 * `EARL_NATIVE=0` in the environment turns the addon off; `EARL_NATIVE_PAUSE_MS` is the time between its looks at busy
 * sockets, by default 1 ms, and 0 to look at once always.
 */

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { NativeSockets } from '../native/index.ts';
import type { ConnectionHandlers, ConnectionServices, ServerConnection } from './connection.ts';
import { chooseSubprotocol } from './handshake.ts';
import { NativeConnection } from './native-connection.ts';
import type { CloudCounters, ServerLimits } from './options.ts';
import type { QueueBudget } from './outbox.ts';
import { type UpgradedSocket, UpgradedWebSocket } from './upgrade.ts';
import { WsConnection } from './ws-connection.ts';

const standardPauseMs = 1;
const mostNativeConnections = 2 ** 20 - 1;

export class WebSockets {
  /** Those that are open or closing. */
  readonly connections = new Set<ServerConnection>();
  /** What serves plain TCP; or why `ws` does. */
  readonly native: NativeSockets | string;
  readonly #server: WebSocketServer;
  readonly #services: ConnectionServices;
  #keepalive: NodeJS.Timeout | undefined;
  #onEmpty: (() => void) | undefined;
  #closed: Promise<void> | undefined;

  constructor(limits: ServerLimits, counters: CloudCounters, queues: QueueBudget, isTls: boolean) {
    this.native = isTls ? 'TLS' : openNative(limits);
    this.#services = { limits, counters, queues, ended: (connection) => this.#ended(connection) };
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: limits.messageBytes,
      maxFragments: limits.fragments,
      perMessageDeflate: false,
      handleProtocols: (offered) => chooseSubprotocol(offered) ?? false,
      WebSocket: UpgradedWebSocket as typeof WebSocket,
    });
    this.#keepalive = setInterval(() => {
      for (const connection of this.connections) connection.keepalive();
    }, limits.keepaliveMs);
    this.#keepalive.unref();
  }

  /** Who serves the sockets: `native`, or `ws` and why. */
  get serving(): string {
    return typeof this.native === 'string' ? `ws (${this.native})` : 'native';
  }

  /** Connections that the addon has taken over from Node. */
  get taken(): number {
    return typeof this.native === 'string' ? 0 : this.native.connections;
  }

  /** Answers a handshake that was accepted. `session` makes what hears of the connection. */
  upgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    session: (connection: ServerConnection) => ConnectionHandlers,
  ): void {
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      const connection = this.#connection(webSocket as UpgradedWebSocket);
      this.#services.counters.connections += 1;
      this.connections.add(connection);
      connection.attach(session(connection));
    });
  }

  /** Closes all connections, and resolves when they are gone. */
  close(code: number, reason: string): Promise<void> {
    this.#closed ??= this.#close(code, reason);
    return this.#closed;
  }

  async #close(code: number, reason: string): Promise<void> {
    clearInterval(this.#keepalive);
    for (const connection of this.connections) connection.close(code, reason);
    if (this.connections.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onEmpty = resolve;
      });
    }
    if (typeof this.native !== 'string') this.native.close();
  }

  #connection(webSocket: UpgradedWebSocket): ServerConnection {
    const upgraded = webSocket.upgraded as UpgradedSocket;
    const native =
      typeof this.native === 'string' ? undefined : NativeConnection.take(upgraded, this.#services, this.native);
    if (native !== undefined) return native;
    webSocket.begin();
    return new WsConnection(this.#services, webSocket, upgraded.stream);
  }

  #ended(connection: ServerConnection): void {
    this.connections.delete(connection);
    if (this.connections.size === 0) this.#onEmpty?.();
  }
}

function openNative({ connections, messageBytes, fragments }: ServerLimits): NativeSockets | string {
  if (process.env.EARL_NATIVE === '0') return 'turned off by EARL_NATIVE=0';
  const pauseMs = Number(process.env.EARL_NATIVE_PAUSE_MS ?? standardPauseMs);
  return NativeSockets.open({
    connections: Math.min(connections, mostNativeConnections),
    messageBytes,
    fragments,
    pauseMs: Number.isInteger(pauseMs) && pauseMs >= 0 ? pauseMs : standardPauseMs,
  });
}
