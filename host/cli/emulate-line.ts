/**
 * The serial line of an emulated board outside this process: a pseudo-terminal or a TCP port.
 *
 * Both are as deaf as a real line: bytes that come while nobody listens are lost, and so are those beyond 64 KiB that a
 * listener does not read; both are counted. Left out: modem control lines and changing the baud rate from outside.
 */

import { execFileSync } from 'node:child_process';
import { closeSync, constants, lstatSync, openSync, readlinkSync, symlinkSync, unlinkSync, writeSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { EarlError, errorMessage } from '../../errors/index.ts';

const BUFFER_LIMIT = 65536;
const RETRY_MS = 10;

export interface Line {
  /** What a person connects to. */
  readonly description: string;
  /** Bytes that found no reader. */
  readonly lost: number;
  /** Bytes from the board. */
  write(bytes: Uint8Array): void;
  close(): Promise<void>;
}

/** What the native part of node-pty gives for `open`, which its type declarations leave out. */
interface PtyPair {
  readonly ptsName: string;
  readonly fd: number;
  readonly master: NodeJS.ReadStream;
  readonly slave: NodeJS.ReadStream;
}

/** Opens a pseudo-terminal and links it at `path`. Throws `TRANSPORT_BUSY` when something else is there. */
export async function openPty(path: string, onData: (bytes: Uint8Array) => void): Promise<Line> {
  const pty = (await import('@lydell/node-pty')) as unknown as { open(options: { encoding: null }): PtyPair };
  let pair: PtyPair;
  try {
    pair = pty.open({ encoding: null });
  } catch (error) {
    throw new EarlError('TRANSPORT_FAILED', `no pseudo-terminal: ${errorMessage(error)}`, { cause: error });
  }
  let held: number | undefined;
  try {
    // Held open, the terminal survives its users; by a plain descriptor, because node-pty's own end would read.
    held = openSync(pair.ptsName, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
    pair.slave.destroy();
    execFileSync('stty', ['-F', pair.ptsName, 'raw', '-echo']);
    linkPty(path, pair.ptsName);
  } catch (error) {
    if (held !== undefined) closeSync(held);
    pair.slave.destroy();
    pair.master.destroy();
    throw error;
  }
  return new PtyLine(path, pair, held, onData);
}

/** Links of earlier runs that were killed are replaced, anything else is left alone. */
function linkPty(path: string, target: string): void {
  const existing = lstatSync(path, { throwIfNoEntry: false });
  if (existing) {
    const ours = existing.isSymbolicLink() && readlinkSync(path).startsWith('/dev/pts/');
    if (!ours) throw new EarlError('TRANSPORT_BUSY', `${path} exists and is no pseudo-terminal: give another path`);
    unlinkSync(path);
  }
  try {
    symlinkSync(target, path);
  } catch (error) {
    throw new EarlError('TRANSPORT_FAILED', `cannot make ${path}: ${errorMessage(error)}`, { cause: error });
  }
}

class PtyLine implements Line {
  readonly description: string;
  lost = 0;

  private readonly path: string;
  private readonly pair: PtyPair;
  private readonly held: number;
  private waiting: Buffer = Buffer.alloc(0);
  private retry: NodeJS.Timeout | undefined;
  private closed = false;

  /** @param held keeps the terminal open while nobody uses it */
  constructor(path: string, pair: PtyPair, held: number, onData: (bytes: Uint8Array) => void) {
    this.path = path;
    this.pair = pair;
    this.held = held;
    this.description = `${path} (${pair.ptsName})`;
    pair.master.on('data', (bytes: Buffer) => onData(new Uint8Array(bytes)));
    pair.master.on('error', () => {});
  }

  write(bytes: Uint8Array): void {
    if (this.closed) return;
    const room = BUFFER_LIMIT - this.waiting.length;
    if (bytes.length > room) this.lost += bytes.length - room;
    this.waiting = Buffer.concat([this.waiting, bytes.subarray(0, room)]);
    this.flush();
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.retry);
    if (readlink(this.path) === this.pair.ptsName) unlinkSync(this.path);
    closeSync(this.held);
    this.pair.master.destroy();
  }

  /** The terminal takes some kilobytes that nobody reads; then it says EAGAIN. */
  private flush(): void {
    clearTimeout(this.retry);
    this.retry = undefined;
    while (this.waiting.length > 0) {
      try {
        this.waiting = this.waiting.subarray(writeSync(this.pair.fd, this.waiting));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
        this.retry = setTimeout(() => this.flush(), RETRY_MS);
        return;
      }
    }
  }
}

function readlink(path: string): string | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ? readlinkSync(path) : undefined;
}

/** Listens on a port of 127.0.0.1, 0 for any; one client at a time. Rejects with `PORT_IN_USE`. */
export function openTcp(port: number, onData: (bytes: Uint8Array) => void): Promise<Line> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    const line = new TcpLine(server, onData);
    server.once('error', (error: NodeJS.ErrnoException) => {
      const code = error.code === 'EADDRINUSE' ? 'PORT_IN_USE' : 'TRANSPORT_FAILED';
      reject(new EarlError(code, `cannot listen on 127.0.0.1:${port}: ${error.message}`, { cause: error }));
    });
    server.listen(port, '127.0.0.1', () => resolve(line));
  });
}

class TcpLine implements Line {
  lost = 0;

  private readonly server: Server;
  private client: Socket | undefined;

  constructor(server: Server, onData: (bytes: Uint8Array) => void) {
    this.server = server;
    server.on('connection', (socket) => this.accept(socket, onData));
  }

  get description(): string {
    const address = this.server.address();
    return `tcp:127.0.0.1:${address !== null && typeof address === 'object' ? address.port : '?'}`;
  }

  write(bytes: Uint8Array): void {
    if (this.client === undefined || this.client.writableLength + bytes.length > BUFFER_LIMIT) {
      this.lost += bytes.length;
    } else this.client.write(bytes);
  }

  close(): Promise<void> {
    this.client?.destroy();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  /** A serial line has one other end: whoever comes second is sent away. */
  private accept(socket: Socket, onData: (bytes: Uint8Array) => void): void {
    if (this.client) {
      socket.destroy();
      return;
    }
    this.client = socket;
    socket.setNoDelay(true);
    socket.on('data', (bytes) => onData(new Uint8Array(bytes)));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.client = undefined;
    });
  }
}
