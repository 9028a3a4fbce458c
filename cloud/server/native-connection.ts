/** A WebSocket that the addon serves (cloud/native). */

import type { NativePeer, NativeSockets } from '../native/index.ts';
import { type ConnectionServices, ServerConnection } from './connection.ts';
import type { DirectConnection } from './direct-delivery.ts';
import type { CloudCounters } from './options.ts';
import type { UpgradedSocket } from './upgrade.ts';

const ping = Buffer.from([0x89, 0]);

export class NativeConnection extends ServerConnection implements NativePeer, DirectConnection {
  readonly #sockets: NativeSockets;
  /** 0 before it has been taken over, and after its end. */
  #id = 0;
  /** Bytes that were written since a flush. */
  #written = 0;
  #writtenFlush = 0;
  #onWritten: (() => void) | undefined;

  private constructor(services: ConnectionServices, sockets: NativeSockets) {
    super(services);
    this.#sockets = sockets;
  }

  /** Takes an upgraded socket over; undefined when the addon cannot, and the socket is as it was. */
  static take(
    { stream, head }: UpgradedSocket,
    services: ConnectionServices,
    sockets: NativeSockets,
  ): NativeConnection | undefined {
    const connection = new NativeConnection(services, sockets);
    connection.#id = sockets.adopt(stream, head, connection);
    return connection.#id === 0 ? undefined : connection;
  }

  get direct(): DirectConnection | undefined {
    return this.#id === 0 ? undefined : this;
  }

  get id(): number {
    return this.#id;
  }

  get sockets(): NativeSockets {
    return this.#sockets;
  }

  get counters(): CloudCounters {
    return this.services.counters;
  }

  get bufferedAmount(): number {
    const sockets = this.#sockets;
    return sockets.waitingBytes(this.#id) + (this.#writtenFlush === sockets.flushes ? this.#written : 0);
  }

  write(frame: Buffer, written?: () => void): void {
    const sockets = this.#sockets;
    sockets.write(this.#id, frame);
    const { flushes } = sockets;
    if (this.#writtenFlush !== flushes) {
      this.#writtenFlush = flushes;
      this.#written = 0;
    }
    this.#written += frame.length;
    if (written === undefined) return;
    this.#onWritten = written;
    // Most often the kernel takes it all; else `onDrained` comes.
    setImmediate(() => {
      if (this.#id === 0) return;
      sockets.flush();
      if (sockets.waitingBytes(this.#id) === 0) this.onDrained();
    });
  }

  onMessage(bytes: Buffer, start: number, end: number, isBinary: boolean): void {
    const handlers = this.heardBy();
    if (isBinary) handlers?.onBinary(bytes, start, end);
    else handlers?.onText(bytes.toString('utf8', start, end));
  }

  onDrained(): void {
    const written = this.#onWritten;
    this.#onWritten = undefined;
    written?.();
  }

  override onEnded(code: number): void {
    this.#id = 0;
    this.#onWritten = undefined;
    super.onEnded(code);
  }

  protected override onOutbox(): void {
    this.#sockets.refuseMany(this.#id);
  }

  protected readSocket(reading: boolean): void {
    this.#sockets.setReading(this.#id, reading);
  }

  protected sendClose(code: number, reason: string): void {
    this.#sockets.closeConnection(this.#id, code, reason);
  }

  protected destroySocket(): void {
    this.#sockets.terminate(this.#id);
  }

  protected sendPing(): void {
    this.#sockets.write(this.#id, ping);
  }
}
