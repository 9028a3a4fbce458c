/**
 * Keeps one connection to a cloud alive: connects, says hello, notices silence (heartbeat.ts), reconnects (backoff.ts).
 * Close codes 4000 to 4099 end it for good (docs/protocol.md, "What goes wrong").
 */

import { errorMessage } from '../../errors/index.ts';
import {
  type ClientMessage,
  closeCodes,
  FieldProblem,
  parseServerMessage,
  type ServerMessage,
} from '../protocol/index.ts';
import { Backoff, type BackoffLimits } from './backoff.ts';
import { Heartbeat } from './heartbeat.ts';
import { bytesOf, type SocketClass, type SocketLike, wantBytes } from './socket.ts';
import { TokenRefused } from './token-keeper.ts';

export interface LinkOptions {
  readonly url: string;
  readonly Socket: SocketClass;
  /** In the order of preference. */
  readonly subprotocols: readonly string[];
  /**
   * Called for each connection; when it rejects, the connection is given up and tried again later, but for
   * `TokenRefused`, which is the end.
   */
  readonly hello: () => Promise<Extract<ClientMessage, { op: 'hello' }>>;
  /** Each `hello` may bring another token: one that is refused, or has expired, is no reason to give up. */
  readonly renewsToken: boolean;
  readonly backoffMs: BackoffLimits;
  readonly keepaliveMs: number;
  readonly pongMs: number;
}

export interface LinkHandlers {
  /** The server has welcomed this client, which speaks this subprotocol with it. */
  onUp(welcome: Extract<ServerMessage, { op: 'welcome' }>, subprotocol: string): void;
  /**
   * The connection has ended, or the first attempt has failed; further attempts that fail are not reported. With
   * `final` it will not come back.
   */
  onDown(reason: string, final?: FinalEnd): void;
  onMessage(message: ServerMessage): void;
  /** Throws a `FieldProblem` for what it does not understand. */
  onBinary(bytes: Uint8Array): void;
  /** The server must say something: ask it. */
  onSilence(): void;
  /** The token that was shown is not taken: it has expired, or it is wrong. */
  onTokenRefused(isWrong: boolean): void;
}

/** Why there is no reconnecting. */
export type FinalEnd = 'closed' | 'unauthorized' | 'refused';

type Timer = ReturnType<typeof setTimeout>;

const OPEN = 1;
/** Longest wait for the other side to close. */
const closingMs = 1_000;

export class Link {
  readonly #options: LinkOptions;
  readonly #handlers: LinkHandlers;
  readonly #backoff: Backoff;
  readonly #heartbeat: Heartbeat;
  readonly #onOnline = () => this.#hurry();
  #socket: SocketLike | undefined;
  #up = false;
  #upSince = 0;
  #stopped = false;
  #downReported = false;
  #timer: Timer | undefined;

  constructor(options: LinkOptions, handlers: LinkHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#backoff = new Backoff(options.backoffMs);
    this.#heartbeat = new Heartbeat({
      keepaliveMs: options.keepaliveMs,
      pongMs: options.pongMs,
      ask: () => handlers.onSilence(),
      onDead: (reason) => this.abandon(reason),
      onWake: () => this.#hurry(),
    });
    // Browsers tell when the network is back.
    page.addEventListener?.('online', this.#onOnline);
  }

  get isUp(): boolean {
    return this.#up;
  }

  /** Bytes that the socket has not sent. */
  get bufferedAmount(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** Opens the connection, now. */
  start(): void {
    const { Socket, url, subprotocols } = this.#options;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const socket = new Socket(url, [...subprotocols]);
    this.#socket = socket;
    this.#heartbeat.start();
    wantBytes(socket);
    socket.onopen = () => void this.#greet(socket);
    socket.onmessage = ({ data }) => this.#receive(socket, data);
    // A close event follows every error; `ws` tells the cause only here.
    let cause = '';
    socket.onerror = (event: { message?: string }) => {
      cause = event.message ?? '';
    };
    socket.onclose = ({ code, reason }) => this.#ended(socket, code, reason || cause);
  }

  send(data: string | Uint8Array): void {
    if (this.#up && this.#socket?.readyState === OPEN) this.#socket.send(data);
  }

  /** Ends the connection for good; resolves when it is closed, or after a second without an answer. */
  async stop(reason: string): Promise<void> {
    const socket = this.#socket;
    this.#end();
    this.#down(reason, 'closed');
    if (socket === undefined) return;
    await new Promise<void>((resolve) => {
      const deadline = setTimeout(() => {
        socket.terminate?.();
        resolve();
      }, closingMs);
      socket.onclose = () => {
        clearTimeout(deadline);
        resolve();
      };
      socket.close(1000);
    });
    this.#socket = undefined;
  }

  /** Gives the connection up without waiting for the other side, which may be gone, and reconnects later. */
  abandon(reason: string): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.onerror = () => {};
    if (socket.terminate) socket.terminate();
    else socket.close();
    this.#ended(socket, 1006, reason);
  }

  async #greet(socket: SocketLike): Promise<void> {
    try {
      const hello = await this.#options.hello();
      if (socket === this.#socket && socket.readyState === OPEN) socket.send(JSON.stringify(hello));
    } catch (error) {
      if (socket !== this.#socket) return;
      if (error instanceof TokenRefused) this.#end();
      this.abandon(error instanceof TokenRefused ? error.message : `no token: ${errorMessage(error)}`);
    }
  }

  #receive(socket: SocketLike, data: unknown): void {
    this.#heartbeat.heard();
    try {
      if (typeof data === 'string') this.#receiveText(socket, data);
      else this.#handlers.onBinary(bytesOf(data));
    } catch (error) {
      if (!(error instanceof FieldProblem)) throw error;
      this.abandon(`the server sent a bad message: ${error.message}`);
    }
  }

  #receiveText(socket: SocketLike, text: string): void {
    const parsed = parseServerMessage(text);
    if (!parsed.ok) throw new FieldProblem(parsed.problem);
    if (parsed.message.op === 'welcome') {
      this.#up = true;
      this.#downReported = false;
      this.#upSince = Date.now();
      this.#heartbeat.welcomed();
      this.#handlers.onUp(parsed.message, socket.protocol ?? '');
      return;
    }
    if (!unasked.has(parsed.message.op)) this.#heartbeat.answered();
    this.#handlers.onMessage(parsed.message);
  }

  /** The server has answered, in binary. */
  answered(): void {
    this.#heartbeat.answered();
  }

  /** The network or the computer is back: nothing of before is worth waiting for. */
  #hurry(): void {
    if (this.#socket !== undefined && !this.#up) this.abandon('the computer slept');
    if (this.#timer !== undefined) this.start();
  }

  #ended(socket: SocketLike, code: number, reason: string): void {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    this.#heartbeat.rest();
    const upMs = this.#up ? Date.now() - this.#upSince : 0;
    const final = this.#stopped ? 'unauthorized' : this.#finalEnd(code);
    if (final) this.#end();
    else this.#timer = setTimeout(() => this.start(), this.#backoff.next(code, upMs));
    this.#down(reason || endReason(code), final);
  }

  #finalEnd(code: number): FinalEnd | undefined {
    if (code === closeCodes.unauthorized || code === closeCodes.tokenExpired) {
      this.#handlers.onTokenRefused(code === closeCodes.unauthorized);
      return this.#options.renewsToken ? undefined : 'unauthorized';
    }
    return code >= 4000 && code <= 4099 ? 'refused' : undefined;
  }

  #end(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#heartbeat.stop();
    page.removeEventListener?.('online', this.#onOnline);
  }

  #down(reason: string, final?: FinalEnd): void {
    this.#up = false;
    if (this.#downReported && !final) return;
    this.#downReported = true;
    this.#handlers.onDown(reason, final);
  }
}

/** What the server says without being asked. */
const unasked: ReadonlySet<ServerMessage['op']> = new Set(['message', 'command', 'changed', 'expiring']);

/** What a page has of events; nothing elsewhere. */
const page = globalThis as {
  addEventListener?: (event: string, handler: () => void) => void;
  removeEventListener?: (event: string, handler: () => void) => void;
};

function endReason(code: number): string {
  switch (code) {
    case closeCodes.slowConsumer:
      return 'this client was too slow';
    case closeCodes.shuttingDown:
      return 'the cloud is shutting down';
    case 1006:
      return 'the connection was lost or could not be made';
    default:
      return `the connection was closed with code ${code}`;
  }
}
