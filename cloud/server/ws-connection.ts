/** A WebSocket by `ws` on a socket of Node: TLS, and wherever the addon is not. */

import type { Socket } from 'node:net';
import type { RawData } from 'ws';
import { type ConnectionHandlers, type ConnectionServices, ServerConnection } from './connection.ts';
import { TurnWriter } from './turn-writer.ts';
import type { UpgradedWebSocket } from './upgrade.ts';

export class WsConnection extends ServerConnection {
  readonly #webSocket: UpgradedWebSocket;
  readonly #writer: TurnWriter;

  /** @param stream the socket under the WebSocket, which takes whole frames */
  constructor(services: ConnectionServices, webSocket: UpgradedWebSocket, stream: Socket) {
    super(services);
    this.#webSocket = webSocket;
    this.#writer = new TurnWriter(stream);
    webSocket.beforeClose = () => {
      this.#writer.flush();
      this.onClosing();
    };
  }

  override attach(handlers: ConnectionHandlers): void {
    super.attach(handlers);
    const webSocket = this.#webSocket;
    webSocket.on('message', (data: RawData, isBinary: boolean) => {
      const taker = this.heardBy();
      if (isBinary) taker?.onBinary(data as Buffer);
      else taker?.onText((data as Buffer).toString('utf8'));
    });
    webSocket.on('pong', () => this.onHeard());
    // Too large a message, or bytes that are no WebSocket: `ws` closes the connection itself, with 1009, 1007 or 1002.
    webSocket.on('error', () => this.onClosing());
    webSocket.on('close', (code: number) => this.onEnded(code));
  }

  get bufferedAmount(): number {
    return this.#writer.bufferedAmount;
  }

  write(frame: Buffer, written?: (error?: Error | null) => void): void {
    this.#writer.write(frame, written);
  }

  protected readSocket(reading: boolean): void {
    if (reading) this.#webSocket.resume();
    else this.#webSocket.pause();
  }

  protected sendClose(code: number, reason: string): void {
    this.#webSocket.close(code, reason);
  }

  protected destroySocket(): void {
    this.#webSocket.terminate();
  }

  protected sendPing(): void {
    this.#webSocket.ping();
  }
}
