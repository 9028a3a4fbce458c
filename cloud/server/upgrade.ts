/**
 * What a WebSocket handshake leaves behind: `ws` checks and answers the request, and hands the socket on before it begins
 * to read from it, so that the addon may take it over. Where `ws` serves the connection itself, `begin` lets it.
 */

import type { Socket } from 'node:net';
import { WebSocket } from 'ws';

export interface UpgradedSocket {
  readonly stream: Socket;
  /** What came with the handshake. */
  readonly head: Buffer;
}

type SetSocket = (stream: Socket, head: Buffer, options: unknown) => void;

/** For the option `WebSocket` of a `WebSocketServer`. */
export class UpgradedWebSocket extends WebSocket {
  /** Called before a close frame is written, whoever closes. */
  beforeClose: () => void = () => {};
  #upgraded: UpgradedSocket | undefined;
  #options: unknown;

  /** Undefined once it has begun. */
  get upgraded(): UpgradedSocket | undefined {
    return this.#upgraded;
  }

  /** Called by `ws` after its answer. */
  setSocket(stream: Socket, head: Buffer, options: unknown): void {
    this.#upgraded = { stream, head };
    this.#options = options;
  }

  /** Lets `ws` read and write. */
  begin(): void {
    if (this.#upgraded === undefined) return;
    const { stream, head } = this.#upgraded;
    this.#upgraded = undefined;
    const { setSocket } = WebSocket.prototype as unknown as { setSocket: SetSocket };
    setSocket.call(this, stream, head, this.#options);
  }

  /** Called by `ws` as well, when the client closes or breaks the protocol. */
  override close(code?: number, reason?: string | Buffer): void {
    this.beforeClose();
    super.close(code, reason);
  }
}
