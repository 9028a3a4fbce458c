/** The part of the WebSocket API that the client uses; browsers and `ws` both have it. */

import { EarlError } from '../../errors/index.ts';

export interface SocketLike {
  readonly readyState: number;
  readonly bufferedAmount: number;
  /** The subprotocol that was agreed on. */
  readonly protocol?: string;
  binaryType?: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onerror: ((event: never) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  send(data: string | Uint8Array): void;
  close(code?: number, reason?: string): void;
  /** Only in `ws`: ends the connection without waiting for the other side. */
  terminate?(): void;
}

export type SocketClass = new (url: string, subprotocols: string[]) => SocketLike;

/** The class to use: the one given, or the platform's own. Throws `CLOUD_NO_WEBSOCKET`. */
export function socketClass(given: unknown): SocketClass {
  const found = given ?? (globalThis as { WebSocket?: unknown }).WebSocket;
  if (typeof found === 'function') return found as SocketClass;
  throw new EarlError('CLOUD_NO_WEBSOCKET', 'this platform has no WebSocket: pass a class, such as that of `ws`');
}

/** Checks the address of a cloud; `http:` is taken for `ws:`. Throws `CLOUD_BAD_URL`. */
export function socketUrl(url: string): string {
  try {
    const parsed = new URL(url);
    parsed.protocol = parsed.protocol.replace(/^http/, 'ws');
    parsed.hash = '';
    if (parsed.protocol === 'ws:' || parsed.protocol === 'wss:') return parsed.href;
  } catch {
    // falls through to the same answer
  }
  throw new EarlError('CLOUD_BAD_URL', `${url} is no address of a cloud: write it as ws://127.0.0.1:8080`);
}

/** Asks for bytes rather than blobs, which browsers bring otherwise. */
export function wantBytes(socket: SocketLike): void {
  if (socket.binaryType === 'blob') socket.binaryType = 'arraybuffer';
}

/** The bytes of a binary message: an ArrayBuffer, or a view as `ws` brings it. */
export function bytesOf(data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return new Uint8Array(data as ArrayBuffer);
}
