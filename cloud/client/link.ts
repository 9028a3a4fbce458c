/**
 * Keeps one connection to a cloud alive: connects, says hello, notices silence, reconnects with full jitter.
 *
 * Full jitter (Brooker, "Exponential backoff and jitter", 2015): each delay is random between 0 and a bound that doubles
 * up to the longest, so that the clients of a restarted cloud do not return all at once. The bound starts anew when a
 * connection has lasted as long as the longest delay. Close codes 4000 to 4099 end it for good.
 */

import { errorMessage } from '../../errors/index.ts';
import {
  type ClientMessage,
  closeCodes,
  parseServerMessage,
  type ServerMessage,
  SUBPROTOCOL_JSON,
} from '../protocol/index.ts';
import type { SocketClass, SocketLike } from './socket.ts';

export interface LinkOptions {
  readonly url: string;
  readonly Socket: SocketClass;
  /** Called for each connection; when it rejects, the connection is given up and tried again later. */
  readonly hello: () => Promise<Extract<ClientMessage, { op: 'hello' }>>;
  /** Each `hello` brings a token that is in force: one that has expired is no reason to give up. */
  readonly renewsToken: boolean;
  readonly backoffMs: { readonly first: number; readonly longest: number };
  readonly keepaliveMs: number;
}

export interface LinkHandlers {
  /** The server has welcomed this client. */
  onUp(welcome: Extract<ServerMessage, { op: 'welcome' }>): void;
  /**
   * The connection has ended, or the first attempt has failed; further attempts that fail are not reported. With
   * `final` it will not come back.
   */
  onDown(reason: string, final?: FinalEnd): void;
  onMessage(message: ServerMessage): void;
  /** Silence: send something that the server answers. */
  onSilence(): void;
}

/** Why there is no reconnecting. */
export type FinalEnd = 'closed' | 'unauthorized' | 'refused';

type Timer = ReturnType<typeof setTimeout>;

const OPEN = 1;

export class Link {
  readonly #options: LinkOptions;
  readonly #handlers: LinkHandlers;
  #socket: SocketLike | undefined;
  #up = false;
  #upSince = 0;
  #attempt = 0;
  #stopped = false;
  #downReported = false;
  #silences = 0;
  #timer: Timer | undefined;
  #watch: Timer | undefined;

  constructor(options: LinkOptions, handlers: LinkHandlers) {
    this.#options = options;
    this.#handlers = handlers;
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
    const { Socket, url } = this.#options;
    const socket = new Socket(url, [SUBPROTOCOL_JSON]);
    this.#socket = socket;
    this.#rearmWatch();
    socket.onopen = () => {
      this.#options.hello().then(
        (hello) => {
          if (socket === this.#socket && socket.readyState === OPEN) socket.send(JSON.stringify(hello));
        },
        (error: unknown) => {
          if (socket === this.#socket) this.abandon(`no token: ${errorMessage(error)}`);
        },
      );
    };
    socket.onmessage = ({ data }) => this.#receive(data);
    // A close event follows every error; `ws` tells the cause only here.
    let cause = '';
    socket.onerror = (event: { message?: string }) => {
      cause = event.message ?? '';
    };
    socket.onclose = ({ code, reason }) => this.#ended(socket, code, reason || cause);
  }

  send(text: string): void {
    if (this.#up && this.#socket?.readyState === OPEN) this.#socket.send(text);
  }

  /** Ends the connection for good; resolves when it is closed, or after a second without an answer. */
  async stop(reason: string): Promise<void> {
    const socket = this.#socket;
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#watch);
    this.#down(reason, 'closed');
    if (socket === undefined) return;
    await new Promise<void>((resolve) => {
      const deadline = setTimeout(() => {
        socket.terminate?.();
        resolve();
      }, 1000);
      socket.onclose = () => {
        clearTimeout(deadline);
        resolve();
      };
      socket.close(1000);
    });
    this.#socket = undefined;
  }

  #receive(data: unknown): void {
    this.#silences = 0;
    this.#rearmWatch();
    const parsed = typeof data === 'string' ? parseServerMessage(data) : undefined;
    if (!parsed?.ok) {
      this.abandon(parsed ? `the server sent a bad message: ${parsed.problem}` : 'the server sent a binary message');
    } else if (parsed.message.op === 'welcome') {
      this.#up = true;
      this.#downReported = false;
      this.#upSince = performance.now();
      this.#handlers.onUp(parsed.message);
    } else {
      this.#handlers.onMessage(parsed.message);
    }
  }

  #rearmWatch(): void {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => {
      this.#silences += 1;
      if (!this.#up || this.#silences > 1) {
        this.abandon('the server does not answer');
        return;
      }
      this.#rearmWatch();
      this.#handlers.onSilence();
    }, this.#options.keepaliveMs);
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

  #ended(socket: SocketLike, code: number, reason: string): void {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    clearTimeout(this.#watch);
    this.#silences = 0;
    const final = code === closeCodes.tokenExpired && this.#options.renewsToken ? undefined : finalEnd(code);
    if (this.#up && performance.now() - this.#upSince >= this.#options.backoffMs.longest) this.#attempt = 0;
    if (final) this.#stopped = true;
    this.#down(reason || endReason(code), final);
    if (!this.#stopped) this.#reconnectLater();
  }

  #down(reason: string, final?: FinalEnd): void {
    this.#up = false;
    if (this.#downReported && !final) return;
    this.#downReported = true;
    this.#handlers.onDown(reason, final);
  }

  #reconnectLater(): void {
    const { first, longest } = this.#options.backoffMs;
    const bound = Math.min(longest, first * 2 ** Math.min(this.#attempt, 30));
    this.#attempt += 1;
    this.#timer = setTimeout(() => this.start(), Math.random() * bound);
  }
}

function finalEnd(code: number): FinalEnd | undefined {
  if (code === closeCodes.unauthorized || code === closeCodes.tokenExpired) return 'unauthorized';
  return code >= 4000 && code <= 4099 ? 'refused' : undefined;
}

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
