/**
 * A virtual air for other processes: each TCP connection is one controller, H4 both ways, like a dongle on a serial port.
 *
 * Anything that speaks H4 to a TCP port can join. A connection that ends takes its controller off the air without a
 * word to its peers, as pulling out a dongle would. No authentication: serve it on loopback.
 */
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { EarlError, errorMessage } from '../../errors/index.ts';
import type { VirtualAir } from './air.ts';
import type { ControllerOptions, VirtualController } from './controller.ts';
import { H4Parser } from './h4.ts';
import type { HciPort } from './hci-port.ts';
import { streamPort } from './stream-port.ts';

export const DEFAULT_AIR_HOST = '127.0.0.1';
/** Of `air:` without an address. */
export const DEFAULT_AIR_PORT = 7433;
const CONNECT_TIMEOUT_MS = 5000;
/** How long a closing end waits for what it has written to leave. */
const FLUSH_MS = 500;
/** A host that does not read loses its controller. */
const MAX_WAITING_OCTETS = 1 << 20;

export interface ServeAirOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 7433; 0 takes a free one. */
  readonly port?: number;
  /** What each new controller is like; the default is as `VirtualAir.attach` has it. */
  readonly controller?: (peer: string) => ControllerOptions;
  readonly onJoin?: (controller: VirtualController) => void;
  readonly onLeave?: (controller: VirtualController) => void;
  /** A host that spoke no H4 or did not read was turned out. */
  readonly onTurnedOut?: (peer: string, why: EarlError) => void;
}

export interface AirServer {
  readonly host: string;
  readonly port: number;
  /** `air:127.0.0.1:7433`. */
  readonly url: string;
  /** Turns everybody out and stops listening; the air itself goes on. */
  close(): Promise<void>;
}

/** Rejects with `PORT_IN_USE`, or `TRANSPORT_FAILED` when it cannot listen there. */
export async function serveAir(air: VirtualAir, options: ServeAirOptions = {}): Promise<AirServer> {
  const host = options.host ?? DEFAULT_AIR_HOST;
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    join(air, socket, options);
  });
  await listen(server, host, options.port ?? DEFAULT_AIR_PORT);
  const { port } = server.address() as { port: number };
  return {
    host,
    port,
    url: `air:${host.includes(':') ? `[${host}]` : host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) endSoon(socket);
      }),
  };
}

function join(air: VirtualAir, socket: Socket, options: ServeAirOptions): void {
  const peer = `${socket.remoteAddress}:${socket.remotePort}`;
  const controller = air.attach({ name: `tcp ${peer}`, ...options.controller?.(peer) });
  options.onJoin?.(controller);
  let isIn = true;
  const leave = () => {
    controller.detach();
    if (isIn) options.onLeave?.(controller);
    isIn = false;
  };
  const turnOut = (why: EarlError) => {
    leave();
    socket.destroy();
    options.onTurnedOut?.(peer, why);
  };
  serveController(controller, socket, MAX_WAITING_OCTETS, turnOut);
  socket.on('error', leave);
  socket.on('close', leave);
}

/** Connects a controller with a stream at whose other end is its host. */
function serveController(
  controller: VirtualController,
  socket: Socket,
  limit: number,
  turnOut: (why: EarlError) => void,
): void {
  const parser = new H4Parser((packet) => controller.port.write(packet), true);
  socket.on('data', (bytes: Uint8Array) => {
    try {
      parser.push(bytes);
    } catch (error) {
      turnOut(error instanceof EarlError ? error : new EarlError('H4_OUT_OF_STEP', errorMessage(error)));
    }
  });
  controller.port.onPacket = (packet) => {
    socket.write(packet);
    if (socket.writableLength > limit) {
      turnOut(new EarlError('TRANSPORT_FULL', `the host has ${socket.writableLength} octets of events unread`));
    }
  };
  controller.port.onClose = () => endSoon(socket);
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const isTaken = error.code === 'EADDRINUSE';
      const message = isTaken
        ? `port ${port} of ${host} is in use, perhaps by another air: join that one, or take another port`
        : `cannot serve an air on ${host} port ${port}: ${error.message}`;
      reject(new EarlError(isTaken ? 'PORT_IN_USE' : 'TRANSPORT_FAILED', message, { cause: error }));
    });
    server.listen(port, host, () => resolve());
  });
}

/** Reads `HOST:PORT`, `HOST`, `[IPV6]:PORT` or nothing, with or without `air:` before it. Throws `USAGE`. */
export function parseAirAddress(text: string): { host: string; port: number } {
  const address = text.replace(/^air:/, '');
  const match = /^(?:\[([^\]]+)\]|([^:[\]/?]*))(?::(\d+))?$/.exec(address);
  const port = Number(match?.[3] ?? DEFAULT_AIR_PORT);
  if (!match || port < 1 || port > 65_535) {
    throw new EarlError('USAGE', `"${text}" is no address of an air: write air:HOST:PORT, e.g. air:127.0.0.1:7433`);
  }
  return { host: match[1] ?? (match[2] || DEFAULT_AIR_HOST), port };
}

/** A controller of its own on the air that is served there. Rejects with `TRANSPORT_NOT_FOUND` or `TRANSPORT_FAILED`. */
export async function connectAir(address = ''): Promise<HciPort> {
  const { host, port } = parseAirAddress(address);
  const socket = createConnection({ host, port, noDelay: true });
  try {
    await connected(socket);
  } catch (error) {
    socket.destroy();
    const isRefused = (error as NodeJS.ErrnoException).code === 'ECONNREFUSED';
    throw new EarlError(
      isRefused ? 'TRANSPORT_NOT_FOUND' : 'TRANSPORT_FAILED',
      isRefused
        ? `no virtual air is served on ${host} port ${port}: start one with \`earl air${port === DEFAULT_AIR_PORT ? '' : ` --port ${port}`}\``
        : `cannot reach the virtual air on ${host} port ${port} (${errorMessage(error)})`,
      { cause: error },
    );
  }
  return streamPort(`air:${host}:${port}`, socket, () => endSoon(socket));
}

function connected(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => reject(new Error(`no answer within ${CONNECT_TIMEOUT_MS / 1000} s`)));
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.setTimeout(0);
      socket.removeListener('error', reject);
      resolve();
    });
  });
}

function endSoon(socket: Socket): void {
  socket.destroySoon();
  setTimeout(() => socket.destroy(), FLUSH_MS).unref();
}
