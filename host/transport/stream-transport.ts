/**
 * A Transport over anything that Node gives as a duplex stream: serial ports and sockets. Keeps the contract of
 * transport.ts (one connection at a time, bounded writing, one `onClose`); how a stream is opened and closed, and what
 * its errors mean, the two files that use this say.
 */

import type { Duplex } from 'node:stream';
import { EarlError, errorMessage } from '../../errors/index.ts';
import type { Connection, ConnectionHandlers, Transport } from './transport.ts';

/** Most bytes that may wait to be written. */
export const MAX_WAITING_BYTES = 64 * 1024;

/** An open stream and how to close it; `close` leads to the stream's `close` event. */
export interface OpenStream {
  readonly stream: Duplex;
  close(): void;
}

/** Opens the stream; when `signal` is aborted meanwhile, closes it and rejects. Rejects with an `EarlError`. */
export type StreamOpener = (signal: AbortSignal) => Promise<OpenStream>;

export class StreamTransport implements Transport {
  readonly url: string;
  readonly baud?: number;
  private readonly open: StreamOpener;
  private readonly aborter = new AbortController();
  private disposed = false;
  private opening: Promise<unknown> | undefined;
  private connection: StreamConnection | undefined;

  /** @param baud of the UART at the far end, where that is known */
  constructor(url: string, open: StreamOpener, baud?: number) {
    this.url = url;
    this.open = open;
    if (baud !== undefined) this.baud = baud;
  }

  async connect(handlers: ConnectionHandlers): Promise<Connection> {
    if (this.disposed) throw new EarlError('TRANSPORT_FAILED', `${this.url} was disposed of`);
    if (this.opening !== undefined || this.connection !== undefined) {
      throw new EarlError('TRANSPORT_BUSY', `${this.url} is connected already: close that connection first`);
    }
    const opening = this.open(this.aborter.signal);
    this.opening = opening.catch(() => {});
    try {
      const opened = await opening;
      const connection = new StreamConnection(this.url, opened, handlers, () => {
        this.connection = undefined;
      });
      this.connection = connection;
      return connection;
    } finally {
      this.opening = undefined;
    }
  }

  async dispose(): Promise<void> {
    this.disposed = true;
    await this.connection?.close();
    this.aborter.abort();
    await this.opening;
  }
}

class StreamConnection implements Connection {
  private readonly url: string;
  private readonly opened: OpenStream;
  private readonly handlers: ConnectionHandlers;
  /** Rejects of the writes that wait. */
  private readonly waiting = new Set<(error: EarlError) => void>();
  private waitingBytes = 0;
  private cause: unknown;
  private closing = false;
  private over = false;
  private readonly closed: Promise<void>;

  constructor(url: string, opened: OpenStream, handlers: ConnectionHandlers, onOver: () => void) {
    this.url = url;
    this.opened = opened;
    this.handlers = handlers;
    const { stream } = opened;
    stream.on('error', (error) => {
      this.cause ??= error;
    });
    // A serial port hands its reason to `close`, a socket a boolean.
    this.closed = new Promise((resolve) => {
      stream.once('close', (reason: unknown) => {
        if (reason instanceof Error) this.cause ??= reason;
        onOver();
        this.finish();
        resolve();
      });
    });
    stream.once('end', () => this.opened.close());
    // Later, so that whoever awaits connect() holds the connection before its first bytes come.
    setImmediate(() => {
      stream.on('data', (chunk: Buffer) => this.receive(chunk));
    });
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.closing || this.over) return Promise.reject(this.closedError());
    if (this.waitingBytes + bytes.length > MAX_WAITING_BYTES) {
      return Promise.reject(
        new EarlError('TRANSPORT_FULL', `${this.url} does not keep up: ${this.waitingBytes} bytes wait already`),
      );
    }
    this.waitingBytes += bytes.length;
    return new Promise((resolve, reject) => {
      this.waiting.add(reject);
      this.opened.stream.write(Buffer.from(bytes), (error) => {
        if (!this.waiting.delete(reject)) return;
        this.waitingBytes -= bytes.length;
        if (error) reject(this.closedError(error));
        else resolve();
      });
    });
  }

  close(): Promise<void> {
    if (!this.closing && !this.over) {
      this.closing = true;
      this.opened.close();
    }
    return this.closed;
  }

  private receive(chunk: Buffer): void {
    if (!this.closing && !this.over) this.handlers.onData(Uint8Array.from(chunk));
  }

  private finish(): void {
    if (this.over) return;
    this.over = true;
    for (const reject of this.waiting) reject(this.closedError());
    this.waiting.clear();
    if (this.closing) this.handlers.onClose();
    else this.handlers.onClose(this.lostError());
  }

  private lostError(): EarlError {
    const why = this.cause === undefined ? 'the other end closed it' : errorMessage(this.cause);
    return new EarlError('TRANSPORT_LOST', `${this.url} was lost: ${why}`, { cause: this.cause });
  }

  private closedError(cause: unknown = this.cause): EarlError {
    return new EarlError('TRANSPORT_CLOSED', `${this.url} is closed: connect again before writing`, { cause });
  }
}
