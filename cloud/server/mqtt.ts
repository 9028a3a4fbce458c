/**
 * MQTT 3.1.1 beside the other protocols: sessions on the cloud's WebSocket (subprotocol `mqtt`), and a TCP listener.
 */

import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import type { Connection, ConnectionHandlers } from './connection.ts';
import { listenOn } from './listening.ts';
import { MqttClients } from './mqtt-clients.ts';
import { MqttFrames } from './mqtt-frames.ts';
import { type MqttLink, MqttTcpLink, MqttWebSocketLink } from './mqtt-link.ts';
import { MqttSession } from './mqtt-session.ts';
import type { SessionServices } from './session-services.ts';
import type { Certificate } from './tls.ts';
import type { Grant } from './tokens-jwt.ts';

export class MqttServer {
  readonly #services: SessionServices;
  readonly #isFull: () => boolean;
  readonly #clients: MqttClients;
  readonly #frames = new MqttFrames();
  readonly #links = new Set<MqttTcpLink>();
  readonly #sessions = new Set<MqttSession>();
  /** Those in their TLS handshake included. */
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #address = { host: '', port: 0 };

  /** @param isFull whether another TCP connection would be too many; it is closed without a word then */
  constructor(services: SessionServices, isFull: () => boolean) {
    this.#services = services;
    this.#isFull = isFull;
    this.#clients = new MqttClients(services.broker, services.limits, randomBytes(8).toString('hex'));
  }

  /** TCP connections now. */
  get connections(): number {
    return this.#links.size;
  }

  /** TCP connections, to be sent away before the server ends; by then it should not listen any more. */
  get links(): ReadonlySet<MqttLink> {
    return this.#links;
  }

  /** Bytes that wait for clients: those by TCP, and the messages that wait for acknowledgements of earlier ones. */
  get waitingBytes(): number {
    let bytes = 0;
    for (const link of this.#links) bytes += link.waitingBytes;
    for (const session of this.#sessions) bytes += session.waitingBytes;
    return bytes;
  }

  /** The session of a WebSocket. `grant`: what the handshake's token gave. */
  webSocketSession(connection: Connection, grant: Grant | undefined): ConnectionHandlers {
    const link = new MqttWebSocketLink(connection, this.#frames);
    const session = this.#session(link, grant);
    return {
      onText: () => session.bad('MQTT comes in binary messages'),
      onBinary: (bytes, start, end) => session.onBytes(bytes.subarray(start, end)),
      onClose: () => this.#end(session),
    };
  }

  /**
   * Listens for TCP, by TLS with a certificate; resolves with the port. Rejects with what Node says.
   */
  listen(
    host: string,
    port: number,
    certificate: Certificate | undefined,
    log: (line: string) => void,
  ): Promise<number> {
    const accept = (socket: Socket) => this.#accept(socket);
    const server = certificate?.listener(accept) ?? createServer(accept);
    this.#server = server;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    return listenOn(server, host, port).then(() => {
      server.on('error', (error) => log(`the MQTT listener failed: ${error.message}`));
      this.#address = { host, port: (server.address() as AddressInfo).port };
      return this.#address.port;
    });
  }

  /** Leaves the port to other workers, or takes connections again. */
  async takeConnections(taking: boolean): Promise<void> {
    const server = this.#server;
    if (server === undefined || taking === server.listening) return;
    if (taking) await listenOn(server, this.#address.host, this.#address.port);
    else server.close();
  }

  /**
   * Ends all TCP connections; resolves when they are gone and what is kept of all sessions is written. Those by WebSocket
   * are the cloud's to end.
   */
  async close(): Promise<void> {
    if (this.#server) await this.#closeServer(this.#server);
    for (const session of [...this.#sessions]) this.#end(session);
    await this.#clients.stop();
  }

  async #closeServer(server: Server): Promise<void> {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const link of [...this.#links]) link.close();
    const deadline = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, this.#services.limits.closeGraceMs);
    await closed;
    clearTimeout(deadline);
  }

  #accept(socket: Socket): void {
    if (this.#isFull()) {
      this.#services.counters.refusedHandshakes += 1;
      socket.destroy();
      return;
    }
    const { limits, counters, queues } = this.#services;
    const link = new MqttTcpLink(socket, this.#frames, limits, counters, queues);
    const session = this.#session(link, undefined);
    counters.connections += 1;
    this.#links.add(link);
    link.attach({
      onBytes: (bytes) => session.onBytes(bytes),
      onClose: () => {
        this.#links.delete(link);
        this.#end(session);
      },
    });
  }

  #session(link: MqttLink, grant: Grant | undefined): MqttSession {
    const session = new MqttSession(link, this.#services, this.#clients, grant);
    this.#sessions.add(session);
    return session;
  }

  #end(session: MqttSession): void {
    this.#sessions.delete(session);
    session.onClose();
  }
}
