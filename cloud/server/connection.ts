/**
 * One WebSocket: its outbox, keepalive and orderly end. What the messages mean is the business of a session
 * (session.ts, echo-session.ts).
 */

import type { Socket } from 'node:net';
import type { RawData, WebSocket } from 'ws';
import { closeCodes } from '../protocol/index.ts';
import { takeBinary } from './frame-intake.ts';
import type { CloudCounters, ServerLimits } from './options.ts';
import { Outbox, type QueueBudget } from './outbox.ts';
import { TurnWriter } from './turn-writer.ts';

/** What a session hears from its connection. */
export interface ConnectionHandlers {
  onText(text: string): void;
  /** The bytes are valid during the call only. */
  onBinary(bytes: Buffer): void;
  /** The connection ended; nothing follows. The code is that of the side that closed it first, 1006 when nobody did. */
  onClose(code: number): void;
}

export class Connection {
  readonly #socket: WebSocket;
  readonly #stream: Socket;
  readonly #writer: TurnWriter;
  readonly #outbox: Outbox;
  readonly #limits: ServerLimits;
  readonly #counters: CloudCounters;
  #closing = false;
  #closedWith: number | undefined;
  #heard = true;
  #holds = 0;

  /** @param stream the socket under the WebSocket, which takes and brings whole frames */
  constructor(socket: WebSocket, stream: Socket, limits: ServerLimits, counters: CloudCounters, queues: QueueBudget) {
    this.#socket = socket;
    this.#stream = stream;
    this.#limits = limits;
    this.#counters = counters;
    this.#writer = new TurnWriter(stream);
    const tooSlow = () => {
      counters.slowConsumers += 1;
      this.close(closeCodes.slowConsumer, 'too slow: messages piled up; reconnect and subscribe to less');
    };
    this.#outbox = new Outbox(this.#writer, limits, tooSlow, queues);
  }

  /** Starts to listen. Texts arrive one by one, in order, until the connection is closing. */
  attach(handlers: ConnectionHandlers): void {
    const socket = this.#socket;
    const take = (data: Buffer, isBinary: boolean): void => {
      this.#heard = true;
      if (this.#closing) return;
      this.#counters.messagesIn += 1;
      if (isBinary) handlers.onBinary(data);
      else handlers.onText(data.toString('utf8'));
    };
    takeBinary(this.#stream, socket, this.#limits.messageBytes, (data) => take(data, true));
    socket.on('message', (data: RawData, isBinary: boolean) => take(data as Buffer, isBinary));
    socket.on('pong', () => {
      this.#heard = true;
    });
    // Too large a message, or bytes that are no WebSocket: `ws` closes the connection itself, with 1009, 1007 or 1002.
    socket.on('error', () => this.#outbox.stop());
    socket.on('close', (code: number) => {
      this.#closing = true;
      this.#outbox.stop();
      handlers.onClose(this.#closedWith ?? code);
    });
  }

  /** Queues a whole frame. `retained` ones do not count against the byte limit (outbox.ts). */
  send(frame: Buffer, retained = false): void {
    if (this.#closing) return;
    this.#counters.messagesOut += 1;
    this.#outbox.push(frame, retained);
  }

  /** Bytes that the client has not taken. */
  get waitingBytes(): number {
    return this.#outbox.waitingBytes;
  }

  get isClosing(): boolean {
    return this.#closing;
  }

  /**
   * Stops or resumes reading, so that a client cannot ask faster than the broker accepts. There may be several reasons at
   * once: it is read again when as many calls have resumed as have stopped.
   */
  setReading(reading: boolean): void {
    this.#holds += reading ? -1 : 1;
    this.#heard = true;
    if (this.#closing) return;
    if (this.#holds === 0) this.#socket.resume();
    else if (!reading && this.#holds === 1) this.#socket.pause();
  }

  /** Sends a close frame, and destroys the socket when the client does not answer it in time. */
  close(code: number, reason: string): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#closedWith = code;
    this.#outbox.stop();
    this.#writer.flush();
    this.#socket.resume();
    this.#socket.close(code, reason);
    const deadline = setTimeout(() => this.#socket.terminate(), this.#limits.closeGraceMs);
    deadline.unref();
    this.#socket.once('close', () => clearTimeout(deadline));
  }

  /** Called once per keepalive period: closes the connection when nothing was heard since the last call. */
  keepalive(): void {
    // Who is not read cannot be heard answering.
    if (this.#closing || this.#holds > 0) return;
    if (!this.#heard) {
      this.close(closeCodes.keepalive, 'no answer to a ping');
      return;
    }
    this.#heard = false;
    this.#socket.ping();
  }
}
