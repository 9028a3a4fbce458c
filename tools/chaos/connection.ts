/**
 * A WebSocket of `earl.v1` or `earl.v1.json` that comes back by itself, as raw as docs/protocol.md describes it: none of
 * the SDK's code, so that a defect of the SDK and one of the cloud do not hide each other.
 *
 * Two seconds of silence make it ask by `ping`, two more make it give the connection up without a goodbye, as a client
 * would whose server is paused.
 */

import { WebSocket } from 'ws';

export type Dialect = 'earl.v1' | 'earl.v1.json';

type Fields = { readonly [field: string]: unknown };

export interface ConnectionHandlers {
  /** The cloud has said `welcome` on a new connection, which has this name in the trace. */
  onUp(connection: string): void;
  onText(message: Fields): void;
  onBinary(bytes: Uint8Array): void;
  onDown(reason: string): void;
}

export interface RawConnectionOptions {
  /** Whose connection it is, for the trace. */
  readonly owner: string;
  readonly url: string;
  readonly dialect: Dialect;
  /** Says `hello` with this name. */
  readonly publisher?: string;
  readonly handlers: ConnectionHandlers;
}

const silenceMs = 2000;
const mostReconnectMs = 250;
const pingId = 0;

export class RawConnection {
  readonly #options: RawConnectionOptions;
  readonly #watch: NodeJS.Timeout;
  #socket: WebSocket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #up = false;
  #stopped = false;
  #reading = true;
  #heardAt = 0;
  #asked = false;
  #count = 0;

  constructor(options: RawConnectionOptions) {
    this.#options = options;
    this.#watch = setInterval(() => this.#look(), silenceMs / 4);
    this.#open();
  }

  get isUp(): boolean {
    return this.#up;
  }

  send(data: Uint8Array | Fields): void {
    if (!this.#up) return;
    this.#socket!.send(data instanceof Uint8Array ? data : JSON.stringify(data));
  }

  /** Stops or goes on taking bytes from the socket; while it is stopped, silence is nobody's fault. */
  setReading(reading: boolean): void {
    this.#reading = reading;
    if (reading) this.#socket?.resume();
    else if (this.#up) this.#socket?.pause();
    this.#heardAt = performance.now();
  }

  /** Gives this connection up and makes another. */
  reconnect(reason: string): void {
    this.#socket?.terminate();
    this.#ended(this.#socket, reason);
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#watch);
    clearTimeout(this.#timer);
    this.#up = false;
    this.#socket?.terminate();
  }

  #open(): void {
    const { url, dialect, publisher, owner } = this.#options;
    const name = `${owner}#${++this.#count}`;
    const socket = new WebSocket(url, dialect, { perMessageDeflate: false });
    this.#socket = socket;
    this.#heardAt = performance.now();
    this.#asked = false;
    socket.on('open', () => socket.send(JSON.stringify({ op: 'hello', ...(publisher ? { publisher } : {}) })));
    socket.on('message', (data: Buffer, isBinary) => {
      if (socket !== this.#socket || this.#stopped) return;
      this.#heardAt = performance.now();
      this.#asked = false;
      if (isBinary) this.#options.handlers.onBinary(data);
      else this.#text(JSON.parse(data.toString()) as Fields, name);
    });
    socket.on('error', () => {});
    socket.on('close', (code, reason) => this.#ended(socket, `closed with ${code} ${reason}`));
  }

  #text(message: Fields, name: string): void {
    if (message.op === 'welcome') {
      this.#up = true;
      if (!this.#reading) this.#socket?.pause();
      this.#options.handlers.onUp(name);
    } else if (message.op !== 'pong') {
      this.#options.handlers.onText(message);
    }
  }

  #look(): void {
    if (this.#socket === undefined || !this.#reading || performance.now() - this.#heardAt < silenceMs) return;
    if (!this.#up || this.#asked) {
      this.reconnect('the cloud does not answer');
      return;
    }
    this.#asked = true;
    this.#heardAt = performance.now();
    this.send({ op: 'ping', id: pingId });
  }

  #ended(socket: WebSocket | undefined, reason: string): void {
    if (socket === undefined || socket !== this.#socket) return;
    this.#socket = undefined;
    const wasUp = this.#up;
    this.#up = false;
    if (this.#stopped) return;
    if (wasUp) this.#options.handlers.onDown(reason);
    this.#timer = setTimeout(() => this.#open(), 20 + Math.random() * mostReconnectMs);
  }
}
