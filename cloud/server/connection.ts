/**
 * One WebSocket: its outbox, keepalive and orderly end. What the messages mean is the business of a session
 * (session.ts, echo-session.ts); by what the bytes come and go, of native-connection.ts and ws-connection.ts.
 */

import { closeCodes } from '../protocol/index.ts';
import type { DirectConnection } from './direct-delivery.ts';
import type { CloudCounters, ServerLimits } from './options.ts';
import { type FrameSink, goesStraight, Outbox, type QueueBudget } from './outbox.ts';

/** What a session hears from its connection. */
export interface ConnectionHandlers {
  onText(text: string): void;
  /** The message lies in `bytes` from `start` to `end`, by default all; valid during the call only. */
  onBinary(bytes: Buffer, start?: number, end?: number): void;
  /** The connection ended; nothing follows. The code is that of the side that closed it first, 1006 when nobody did. */
  onClose(code: number): void;
}

/** What a session may do. */
export interface Connection {
  /** Queues a whole frame. `retained` ones do not count against the byte limit (outbox.ts). */
  send(frame: Buffer, retained?: boolean): void;
  /** Undefined when the client has taken what was sent; else resolves when it has, or the connection is closing. */
  drained(): Promise<void> | undefined;
  /** Itself, when the addon serves it. */
  readonly direct?: DirectConnection | undefined;
  /** Bytes that the client has not taken. */
  readonly waitingBytes: number;
  readonly isClosing: boolean;
  /**
   * Stops or resumes reading, so that a client cannot ask faster than the broker accepts. There may be several reasons at
   * once: it is read again when as many calls have resumed as have stopped.
   */
  setReading(reading: boolean): void;
  /** Sends a close frame, and destroys the socket when the client does not answer it in time. */
  close(code: number, reason: string): void;
}

/** What the connections of a server share. */
export interface ConnectionServices {
  readonly limits: ServerLimits;
  readonly counters: CloudCounters;
  readonly queues: QueueBudget;
  /** The socket is gone. */
  ended(connection: ServerConnection): void;
}

export abstract class ServerConnection implements Connection, FrameSink {
  protected readonly services: ConnectionServices;
  /** Made when the socket does not take a frame: most never need it. */
  #outbox: Outbox | undefined;
  #handlers: ConnectionHandlers | undefined;
  #closing = false;
  #closedWith = 0;
  #heard = true;
  #holds = 0;
  #deadline: NodeJS.Timeout | undefined;

  constructor(services: ConnectionServices) {
    this.services = services;
  }

  /** Starts to listen. Messages arrive one by one, in order, until the connection is closing. */
  attach(handlers: ConnectionHandlers): void {
    this.#handlers = handlers;
  }

  send(frame: Buffer, retained = false): void {
    if (this.#closing) return;
    this.services.counters.messagesOut += 1;
    if (this.#outbox === undefined && goesStraight(this, frame)) this.write(frame);
    else this.#needOutbox().push(frame, retained);
  }

  drained(): Promise<void> | undefined {
    return this.#outbox?.drained();
  }

  get waitingBytes(): number {
    if (this.#outbox !== undefined) return this.#outbox.waitingBytes;
    return this.#closing ? 0 : this.bufferedAmount;
  }

  get isClosing(): boolean {
    return this.#closing;
  }

  setReading(reading: boolean): void {
    this.#holds += reading ? -1 : 1;
    this.#heard = true;
    if (this.#closing) return;
    if (this.#holds === 0) this.readSocket(true);
    else if (!reading && this.#holds === 1) this.readSocket(false);
  }

  close(code: number, reason: string): void {
    if (this.#closing) return;
    this.#closedWith = code;
    if (this.#holds > 0) this.readSocket(true);
    this.onClosing();
    this.sendClose(code, reason);
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
    this.sendPing();
  }

  #needOutbox(): Outbox {
    const { limits, queues, counters } = this.services;
    const tooSlow = () => {
      counters.slowConsumers += 1;
      this.close(closeCodes.slowConsumer, 'too slow: messages piled up; reconnect and subscribe to less');
    };
    if (this.#outbox === undefined) this.onOutbox();
    this.#outbox ??= new Outbox(this, limits, tooSlow, queues);
    return this.#outbox;
  }

  // ---- what the socket says

  onHeard(): void {
    this.#heard = true;
  }

  /** Who hears a message that came now, which is counted; nobody once the connection is closing. */
  protected heardBy(): ConnectionHandlers | undefined {
    this.#heard = true;
    if (this.#closing) return undefined;
    this.services.counters.messagesIn += 1;
    return this.#handlers;
  }

  /** One side has begun to close: nothing more is sent, and the socket has a moment to end. */
  onClosing(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#outbox?.stop();
    this.#deadline = setTimeout(() => this.destroySocket(), this.services.limits.closeGraceMs);
    this.#deadline.unref();
  }

  onEnded(code: number): void {
    this.#closing = true;
    this.#outbox?.stop();
    clearTimeout(this.#deadline);
    this.services.ended(this);
    this.#handlers?.onClose(this.#closedWith || code);
  }

  /** From now on all frames must come by `send`. */
  protected onOutbox(): void {}

  // ---- what the socket does

  abstract readonly bufferedAmount: number;
  abstract write(frame: Buffer, written?: (error?: Error | null) => void): void;
  protected abstract readSocket(reading: boolean): void;
  /** Sends a close frame after what was written; `onEnded` follows. */
  protected abstract sendClose(code: number, reason: string): void;
  protected abstract destroySocket(): void;
  protected abstract sendPing(): void;
}
