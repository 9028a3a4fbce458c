/**
 * `tcp:HOST:PORT`: a probe behind a socket, as `earl emulate --tcp`, ser2net and socat offer it. Raw bytes; no telnet,
 * no baud rate.
 */

import { createConnection, type Socket } from 'node:net';
import { EarlError, errorMessage } from '../../errors/index.ts';
import { type OpenStream, StreamTransport } from './stream-transport.ts';
import type { Transport } from './transport.ts';

const CONNECT_TIMEOUT_MS = 5000;
/** How long `close` waits for a peer that does not read. */
const FLUSH_MS = 500;
/** A peer that vanished without a word is noticed by the system's keep-alive, which begins after this. */
const KEEP_ALIVE_AFTER_MS = 10_000;

const codes: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'TRANSPORT_NOT_FOUND',
  ENOTFOUND: 'TRANSPORT_NOT_FOUND',
  EAI_AGAIN: 'TRANSPORT_NOT_FOUND',
  EHOSTUNREACH: 'TRANSPORT_NOT_FOUND',
  ENETUNREACH: 'TRANSPORT_NOT_FOUND',
  EACCES: 'TRANSPORT_PERMISSION',
  EPERM: 'TRANSPORT_PERMISSION',
};

export interface TcpAddress {
  readonly host: string;
  readonly port: number;
}

/** Reads `tcp:HOST:PORT` or `tcp:[IPV6]:PORT`. Throws `USAGE`. */
export function parseTcpUrl(url: string): TcpAddress {
  const match = /^tcp:(?:\[([^\]]+)\]|([^:[\]/?]+)):(\d+)$/.exec(url);
  const port = Number(match?.[3]);
  if (!match || port < 1 || port > 65_535) {
    throw new EarlError('USAGE', `"${url}" is no TCP address: write tcp:HOST:PORT, e.g. tcp:127.0.0.1:4000`);
  }
  return { host: match[1] ?? match[2]!, port };
}

/** Throws `USAGE` when the URL cannot be read. */
export function tcpTransport(url: string): Transport {
  const address = parseTcpUrl(url);
  return new StreamTransport(url, (signal) => open(address, signal));
}

async function open(address: TcpAddress, signal: AbortSignal): Promise<OpenStream> {
  const socket = await connectTcp(address, signal);
  const close = () => {
    socket.destroySoon(); // what was written leaves first
    setTimeout(() => socket.destroy(), FLUSH_MS).unref();
  };
  return { stream: socket, close };
}

/** A connected socket. Rejects with `TRANSPORT_NOT_FOUND`, `TRANSPORT_PERMISSION` or `TRANSPORT_FAILED`. */
export async function connectTcp({ host, port }: TcpAddress, signal: AbortSignal): Promise<Socket> {
  const socket = createConnection({ host, port, signal, noDelay: true });
  socket.setKeepAlive(true, KEEP_ALIVE_AFTER_MS);
  try {
    await connected(socket);
  } catch (error) {
    socket.destroy();
    const system = (error as NodeJS.ErrnoException).code ?? '';
    const code = codes[system] ?? 'TRANSPORT_FAILED';
    const hint = system === 'ECONNREFUSED' ? ': nothing listens there' : '';
    throw new EarlError(code, `cannot connect to ${host} port ${port}${hint} (${errorMessage(error)})`, {
      cause: error,
    });
  }
  return socket;
}

function connected(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => reject(new Error(`no answer within ${CONNECT_TIMEOUT_MS / 1000} s`)));
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.setTimeout(0);
      socket.off('error', reject);
      resolve();
    });
  });
}
