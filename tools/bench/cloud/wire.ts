/**
 * WebSocket frames as a client sends and reads them (RFC 6455, section 5.2), without the costs of a library: the load
 * generator must be cheaper than what it measures. Reads unfragmented frames of at most 4 GiB, which all peers send.
 */

const MASK = [0x37, 0xfa, 0x21, 0x3d] as const;

export const opcodes = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** A masked frame. The mask is not zero: servers would spare themselves the work. */
export function maskedFrame(opcode: number, payload: Uint8Array): Buffer {
  const length = payload.length;
  const header = length < 126 ? 6 : 8;
  if (length > 0xffff) throw new RangeError('the load generator sends frames of at most 64 KiB');
  const frame = Buffer.allocUnsafe(header + length);
  frame[0] = 0x80 | opcode;
  if (length < 126) frame[1] = 0x80 | length;
  else {
    frame[1] = 0x80 | 126;
    frame.writeUInt16BE(length, 2);
  }
  for (let index = 0; index < 4; index++) frame[header - 4 + index] = MASK[index]!;
  for (let index = 0; index < length; index++) frame[header + index] = payload[index]! ^ MASK[index & 3]!;
  return frame;
}

export type FrameTaker = (opcode: number, bytes: Buffer, start: number, end: number) => void;

/** Cuts what a socket brings into frames. */
export class FrameReader {
  readonly #take: FrameTaker;
  #rest: Buffer | undefined;

  constructor(take: FrameTaker) {
    this.#take = take;
  }

  push(chunk: Buffer): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = undefined;
    let at = 0;
    while (at < bytes.length) {
      const header = headerLength(bytes, at);
      const length = at + header <= bytes.length ? payloadLength(bytes, at) : Number.POSITIVE_INFINITY;
      if (at + header + length > bytes.length) {
        this.#rest = bytes.subarray(at);
        return;
      }
      this.#take(bytes[at]! & 0x0f, bytes, at + header, at + header + length);
      at += header + length;
    }
  }
}

function headerLength(bytes: Buffer, at: number): number {
  const short = bytes[at + 1];
  if (short === 126) return 4;
  return short === 127 ? 10 : 2;
}

function payloadLength(bytes: Buffer, at: number): number {
  const short = bytes[at + 1]!;
  if (short < 126) return short;
  return short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
}
