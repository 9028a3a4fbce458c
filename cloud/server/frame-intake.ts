/**
 * Takes whole binary messages out of what a socket brings, before `ws` sees it, which spares each of them a third of the
 * work: publishes of `earl.v1` come as one unfragmented frame in one chunk almost always (RFC 6455, section 5.2).
 *
 * All else goes to `ws` as it came: text, fragments, control frames, frames that are longer than allowed, wrong, or not
 * there to their end. So what is allowed, answered and refused is decided in one place, and the order is kept.
 */

import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';

/** First byte of an unfragmented binary message without extensions. */
const wholeBinary = 0x82;
const masked = 0x80;

/**
 * Puts an intake between a socket and its WebSocket.
 * @param onBinary called with each message; the bytes are valid during the call only
 */
export function takeBinary(
  stream: Socket,
  webSocket: WebSocket,
  mostBytes: number,
  onBinary: (bytes: Buffer) => void,
): void {
  const listeners = stream.listeners('data');
  // A version of `ws` that listens in another way gets everything itself.
  if (listeners.length !== 1) return;
  const forward = listeners[0] as (this: Socket, chunk: Buffer) => void;
  const intake = new FrameIntake(mostBytes, onBinary, (chunk) => forward.call(stream, chunk));
  const read = (chunk: Buffer): void => {
    // `ws` reads the rest of a socket that has ended by itself.
    if (!stream.destroyed) intake.push(chunk);
  };
  stream.off('data', forward);
  stream.on('data', read);
  // `ws` wants no more bytes after wrong ones, as it shows by removing its listener, which stands no longer there.
  webSocket.once('error', () => {
    stream.off('data', read);
    stream.resume();
  });
}

export class FrameIntake {
  readonly #mostBytes: number;
  readonly #onBinary: (bytes: Buffer) => void;
  readonly #forward: (chunk: Buffer) => void;
  /** Beginning of a frame whose header has not come to its end: less than 14 bytes. */
  #begun: Buffer | undefined;
  /** Bytes to come of a frame that `ws` has the beginning of. */
  #remaining = 0;
  #fragmented = false;

  constructor(mostBytes: number, onBinary: (bytes: Buffer) => void, forward: (chunk: Buffer) => void) {
    this.#mostBytes = mostBytes;
    this.#onBinary = onBinary;
    this.#forward = forward;
  }

  push(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#begun !== undefined) {
      bytes = Buffer.concat([this.#begun, chunk]);
      this.#begun = undefined;
    }
    let at = 0;
    if (this.#remaining > 0) {
      at = Math.min(this.#remaining, bytes.length);
      this.#remaining -= at;
      this.#forward(at === bytes.length ? bytes : bytes.subarray(0, at));
    }
    while (at < bytes.length) {
      const next = this.#frame(bytes, at);
      if (next === undefined) {
        this.#begun = Buffer.from(bytes.subarray(at));
        return;
      }
      at = next;
    }
  }

  /** Takes or passes on the frame at a place; where the next one begins, or undefined when the header is not complete. */
  #frame(bytes: Buffer, at: number): number | undefined {
    const available = bytes.length - at;
    if (available < 2) return undefined;
    const first = bytes[at]!;
    const second = bytes[at + 1]!;
    const short = second & 0x7f;
    const header = 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + (second & masked ? 4 : 0);
    if (available < header) return undefined;
    const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : longLength(bytes, at + 2);
    const end = at + header + length;
    if (
      first === wholeBinary &&
      second & masked &&
      end <= bytes.length &&
      length <= this.#mostBytes &&
      !this.#fragmented
    ) {
      const start = at + header;
      unmask(bytes, start, end);
      this.#onBinary(bytes.subarray(start, end));
      return end;
    }
    this.#noteFragments(first);
    const there = Math.min(end, bytes.length);
    this.#remaining = end - there;
    this.#forward(bytes.subarray(at, there));
    return there;
  }

  /** While a message comes in fragments, what else there is is a matter of `ws`. */
  #noteFragments(first: number): void {
    const opcode = first & 0x0f;
    if (opcode >= 0x8) return;
    this.#fragmented = (first & 0x80) === 0;
  }
}

function longLength(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4);
}

/** The mask stands before the payload. */
function unmask(bytes: Buffer, start: number, end: number): void {
  const a = bytes[start - 4]!;
  const b = bytes[start - 3]!;
  const c = bytes[start - 2]!;
  const d = bytes[start - 1]!;
  let at = start;
  for (; at + 3 < end; at += 4) {
    bytes[at] = bytes[at]! ^ a;
    bytes[at + 1] = bytes[at + 1]! ^ b;
    bytes[at + 2] = bytes[at + 2]! ^ c;
    bytes[at + 3] = bytes[at + 3]! ^ d;
  }
  if (at < end) bytes[at] = bytes[at]! ^ a;
  if (at + 1 < end) bytes[at + 1] = bytes[at + 1]! ^ b;
  if (at + 2 < end) bytes[at + 2] = bytes[at + 2]! ^ c;
}
