/**
 * The cloud: one HTTP server with the WebSocket at `/`, the dashboard's files and `/health`.
 */

import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { EarlError, errorMessage } from '../../errors/index.ts';
import type { Broker } from '../broker/index.ts';
import { closeCodes, SUBPROTOCOL_BINARY, SUBPROTOCOL_ECHO, SUBPROTOCOL_MQTT } from '../protocol/index.ts';
import { connectBackplane, ownBroker } from './brokers.ts';
import type { Cloud } from './cloud-api.ts';
import { CommandRouter } from './command-router.ts';
import type { Connection, ConnectionHandlers } from './connection.ts';
import { Directory } from './directory.ts';
import { spread } from './drain.ts';
import { EchoSession } from './echo-session.ts';
import { FrameCache } from './frames.ts';
import type { HandshakePolicy } from './handshake.ts';
import { Handshakes } from './handshakes.ts';
import { DeliveryCheck } from './health.ts';
import { HttpAnswers } from './http-answers.ts';
import { boundConnections, httpTimes, listenError, listenOn } from './listening.ts';
import { Metrics } from './metrics.ts';
import { MqttServer } from './mqtt.ts';
import { type CloudCounters, type CloudOptions, defaultServerLimits, noCounts, type ServerLimits } from './options.ts';
import { QueueBudget } from './outbox.ts';
import { Presence } from './presence.ts';
import { Session } from './session.ts';
import type { SessionServices } from './session-services.ts';
import { Certificate } from './tls.ts';
import { generateToken, isLoopback, TokenGate } from './tokens.ts';
import type { Grant } from './tokens-jwt.ts';
import { WebSockets } from './websockets.ts';
import { Wills } from './wills.ts';

export type { Cloud } from './cloud-api.ts';

/**
 * Starts a cloud; resolves when it listens. Rejects with `PORT_IN_USE`, `PORT_PERMISSION` or `HOST_UNAVAILABLE`, and
 * as the options say.
 */
export async function startCloud(options: CloudOptions = {}): Promise<Cloud> {
  const backplane = options.backplane === undefined ? undefined : await connectBackplane(options);
  const cloud = new CloudServer(options, backplane);
  await cloud.listen(options.host ?? '127.0.0.1', options.port ?? 8080);
  return cloud;
}

class CloudServer implements Cloud {
  readonly token: string | undefined;
  mqttPort: number | undefined;
  readonly #id = randomBytes(8).toString('hex');
  readonly #options: CloudOptions;
  readonly #limits: ServerLimits;
  readonly #gate: TokenGate;
  readonly #policy: HandshakePolicy;
  readonly #broker: Broker;
  readonly #directory: Directory;
  readonly #commands: CommandRouter;
  readonly #delivery: DeliveryCheck;
  readonly #metrics: Metrics;
  readonly #services: SessionServices;
  readonly #certificate: Certificate | undefined;
  readonly #handshakes: Handshakes;
  readonly #http: Server;
  readonly #webSockets: WebSockets;
  readonly #mqtt: MqttServer;
  readonly #counters: CloudCounters = noCounts();
  #sessions = 0;
  #address = { host: '', port: 0 };
  #closed: Promise<void> | undefined;
  #draining = false;
  readonly #cut = new AbortController();

  /** @param backplane is closed with the cloud */
  constructor(options: CloudOptions, backplane: Broker | undefined) {
    const loopback = isLoopback(options.host ?? '127.0.0.1');
    this.token = options.token ?? (loopback || options.keys !== undefined ? undefined : generateToken());
    this.#gate = new TokenGate(this.token, options.keys);
    this.#options = options;
    this.#limits = { ...defaultServerLimits, ...options.limits };
    this.#policy = { gate: this.#gate, allowedOrigins: options.allowedOrigins ?? [], loopback };
    this.#broker = options.broker ?? backplane ?? ownBroker(options);
    this.#directory = new Directory(this.#broker, this.#id, this.#limits.serverBeatMs);
    this.#commands = new CommandRouter(this.#broker, this.#directory, this.#id, this.#limits.servedCommands);
    this.#delivery = new DeliveryCheck(this.#broker, this.#id, this.#limits.canaryTimeoutMs);
    this.#metrics = new Metrics({
      broker: this.#broker,
      counters: this.#counters,
      connections: () => this.#connectionsNow,
      waitingBytes: () => this.#waitingBytes,
      isDraining: () => this.#draining,
    });
    this.#services = {
      broker: this.#metrics.broker,
      commands: this.#commands,
      frames: new FrameCache(),
      limits: this.#limits,
      counters: this.#counters,
      serverName: options.serverName ?? 'earl',
      presence: new Presence(this.#directory, this.#commands.served, this.#limits),
      wills: new Wills(this.#broker, this.#directory, this.#limits, (line) => this.#log(line)),
      newSession: () => `${this.#id}-${++this.#sessions}`,
      gate: this.#gate,
      queues: new QueueBudget(this.#limits.allQueuesBytes),
    };
    const answers = new HttpAnswers({
      broker: this.#broker,
      counters: this.#counters,
      delivery: this.#delivery,
      metrics: this.#metrics,
      policy: this.#policy,
      serverName: this.#services.serverName,
      webRoot: options.webRoot,
      seat: options.seat,
      sockets: () => this.sockets,
      connections: () => this.#connectionsNow,
      isDraining: () => this.#draining,
    });
    const handle = (request: IncomingMessage, response: ServerResponse) => {
      answers.answer(request, response).catch((error: unknown) => {
        // The query may hold a token.
        this.#log(`answering ${request.method} ${request.url?.split('?', 1)[0]}: ${errorMessage(error)}`);
        response.destroy();
      });
    };
    const times = httpTimes(this.#limits);
    this.#certificate = options.tls && new Certificate(options.tls, times, handle);
    this.#http = this.#certificate?.server ?? createServer(times, handle);
    boundConnections(this.#http, this.#limits, options.seat !== undefined, () => this.#webSockets.taken);
    this.#handshakes = new Handshakes({
      policy: this.#policy,
      limits: this.#limits,
      counters: this.#counters,
      connections: () => this.#connectionsNow,
      isDraining: () => this.#draining,
      log: (line) => this.#log(line),
    });
    this.#webSockets = new WebSockets(this.#limits, this.#counters, this.#services.queues, options.tls !== undefined);
    this.#mqtt = new MqttServer(this.#services, () => this.#handshakes.noRoom() !== undefined);
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
  }

  get url(): string {
    const { port } = this.#address;
    // Programs listen on all addresses, but nobody can connect to "all".
    const host = { '0.0.0.0': '127.0.0.1', '::': '::1' }[this.#address.host] ?? this.#address.host;
    return `http${this.#certificate ? 's' : ''}://${host.includes(':') ? `[${host}]` : host}:${port}`;
  }

  get sockets(): string {
    return this.#webSockets.serving;
  }

  get port(): number {
    return this.#address.port;
  }

  async listen(host: string, port: number): Promise<void> {
    try {
      await this.#gate.start(this.#limits.fileCheckMs, (line) => this.#log(line));
      await this.#certificate?.start(this.#limits.fileCheckMs, (line) => this.#log(line));
      await this.#commands.start();
      await this.#directory.start();
      await this.#delivery.start();
      this.#metrics.start();
      await listenOn(this.#http, host, port);
    } catch (error) {
      await this.#stopParts();
      throw error instanceof EarlError ? error : listenError(error as NodeJS.ErrnoException, host, port);
    }
    await this.#listenForMqtt(host);
    this.#http.on('error', (error) => this.#log(`the listener failed: ${error.message}`));
    this.#address = { host, port: (this.#http.address() as AddressInfo).port };
  }

  async drain(overMs: number): Promise<void> {
    this.#draining = true;
    // MQTT by TCP has no word for "come back later": who is refused a connection tries the next server.
    await this.#mqtt.takeConnections(false);
    const leave = (connection: Pick<Connection, 'close'>) =>
      connection.close(closeCodes.shuttingDown, 'the cloud is shutting down: connect again');
    await spread([...this.#webSockets.connections, ...this.#mqtt.links], overMs, leave, this.#cut.signal);
    await this.close();
  }

  get connections(): number {
    return this.#connectionsNow;
  }

  metricsText(): Promise<string> {
    return this.#metrics.text();
  }

  async takeConnections(taking: boolean): Promise<void> {
    const { host, port } = this.#address;
    if (this.#draining && taking) return;
    if (taking && !this.#http.listening) await listenOn(this.#http, host, port);
    if (!taking && this.#http.listening) this.#http.close();
    await this.#mqtt.takeConnections(taking);
  }

  async shed(share: number, overMs: number): Promise<void> {
    const all = [...this.#webSockets.connections, ...this.#mqtt.links];
    // Evenly from both.
    const some = all.filter((_, index) => Math.floor((index + 1) * share) > Math.floor(index * share));
    const leave = (connection: Pick<Connection, 'close'>) =>
      connection.close(closeCodes.shuttingDown, 'another worker has room: connect again');
    await spread(some, Math.max(1, overMs), leave, this.#cut.signal);
  }

  close(): Promise<void> {
    this.#draining = true;
    this.#cut.abort();
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#http.close(() => resolve()));
    const ended = this.#webSockets.close(closeCodes.shuttingDown, 'the cloud is shutting down');
    this.#http.closeIdleConnections();
    // Downloads that do not end by themselves; WebSockets have their own deadline in Connection.close.
    const deadline = setTimeout(() => this.#http.closeAllConnections(), this.#limits.closeGraceMs);
    await Promise.all([closed, ended, this.#mqtt.close()]);
    clearTimeout(deadline);
    await this.#stopParts();
  }

  async #stopParts(): Promise<void> {
    await this.#webSockets.close(closeCodes.shuttingDown, 'the cloud is shutting down');
    this.#metrics.stop();
    this.#gate.stop();
    this.#certificate?.stop();
    this.#services.presence.stop();
    await this.#services.wills.stop();
    await this.#commands.stop();
    await this.#directory.stop();
    await this.#delivery.stop();
    if (this.#options.broker === undefined) await this.#broker.close();
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#handshakes.take(request, socket, ({ subprotocol, grant }) => {
      this.#webSockets.upgrade(request, socket, head, (connection) => this.#session(connection, subprotocol, grant));
    });
  }

  #session(connection: Connection, subprotocol: string, grant: Grant | undefined): ConnectionHandlers {
    if (subprotocol === SUBPROTOCOL_ECHO) return new EchoSession(connection, this.#services, grant!);
    if (subprotocol === SUBPROTOCOL_MQTT) return this.#mqtt.webSocketSession(connection, grant);
    return new Session(connection, this.#services, this.#services.newSession(), {
      grant,
      binary: subprotocol === SUBPROTOCOL_BINARY,
    });
  }

  get #connectionsNow(): number {
    return this.#webSockets.connections.size + this.#mqtt.connections;
  }

  get #waitingBytes(): number {
    let bytes = 0;
    for (const connection of this.#webSockets.connections) bytes += connection.waitingBytes;
    return bytes + this.#mqtt.waitingBytes;
  }

  async #listenForMqtt(host: string): Promise<void> {
    const port = this.#options.mqttPort;
    if (port === undefined) return;
    try {
      this.mqttPort = await this.#mqtt.listen(host, port, this.#certificate, (line) => this.#log(line));
    } catch (error) {
      this.#http.close();
      await this.#stopParts();
      throw listenError(error as NodeJS.ErrnoException, host, port);
    }
  }

  #log(line: string): void {
    this.#options.log?.(line);
  }
}
