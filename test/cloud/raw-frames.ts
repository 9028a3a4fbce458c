/** A WebSocket client of bytes: sends whatever frames a test makes, right or wrong, and lists what the server says. */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface Frame {
  readonly final: boolean;
  readonly opcode: number;
  readonly payload: Buffer;
}

export interface FrameWish {
  readonly opcode: number;
  readonly payload?: Uint8Array | string;
  readonly final?: boolean;
  /** The three reserved bits, 0 to 7. */
  readonly reserved?: number;
  readonly masked?: boolean;
}

/** Bytes of a client's frame (RFC 6455, section 5.2), with a mask that is not zero. */
export function clientFrame({ opcode, payload = '', final = true, reserved = 0, masked = true }: FrameWish): Buffer {
  const data = Buffer.from(payload as string);
  const length =
    data.length < 126
      ? Buffer.of(data.length)
      : data.length < 65_536
        ? Buffer.of(126, data.length >> 8, data.length & 0xff)
        : Buffer.concat([Buffer.of(127), bigEndian64(data.length)]);
  length[0] = length[0]! | (masked ? 0x80 : 0);
  const head = Buffer.of((final ? 0x80 : 0) | (reserved << 4) | opcode);
  if (!masked) return Buffer.concat([head, length, data]);
  const mask = Buffer.of(0x9d, 0x31, 0xf0, 0x07);
  return Buffer.concat([head, length, mask, data.map((byte, at) => byte ^ mask[at % 4]!)]);
}

function bigEndian64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

export const opcodes = { continuation: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const;

export class RawFrames {
  readonly #socket: Socket;
  #bytes = Buffer.alloc(0);
  #ended = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Connects to a server of this machine and shakes hands. */
  static async open(port: number, subprotocol: string): Promise<RawFrames> {
    const socket = connect(port, '127.0.0.1');
    const client = new RawFrames(socket);
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      client.#bytes = Buffer.concat([client.#bytes, chunk]);
    });
    socket.on('close', () => {
      client.#ended = true;
    });
    await once(socket, 'connect');
    socket.write(
      'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: ${subprotocol}\r\n\r\n`,
    );
    for (;;) {
      const end = client.#bytes.indexOf('\r\n\r\n');
      if (end >= 0) {
        client.#bytes = client.#bytes.subarray(end + 4);
        return client;
      }
      await client.#more();
    }
  }

  /** @param inPieces one byte a time, each in a packet of its own as far as the system lets that be */
  async send(bytes: Uint8Array, inPieces = false): Promise<void> {
    if (!inPieces) {
      this.#socket.write(bytes);
      return;
    }
    for (const byte of bytes) {
      if (this.#ended) return;
      this.#socket.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** The next frame, or undefined when the server has ended the connection. */
  async next(): Promise<Frame | undefined> {
    for (;;) {
      const frame = this.#take();
      if (frame !== undefined) return frame;
      if (this.#ended) return undefined;
      await this.#more();
    }
  }

  /** Everything up to the end of the connection. */
  async rest(): Promise<Frame[]> {
    const frames: Frame[] = [];
    for (let frame = await this.next(); frame !== undefined; frame = await this.next()) frames.push(frame);
    return frames;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async #more(): Promise<void> {
    if (this.#ended) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        this.#socket.off('data', done);
        this.#socket.off('close', done);
        resolve();
      };
      this.#socket.on('data', done);
      this.#socket.on('close', done);
    });
  }

  #take(): Frame | undefined {
    const bytes = this.#bytes;
    if (bytes.length < 2) return undefined;
    const short = bytes[1]!;
    if (short & 0x80) throw new Error('a server must not mask its frames');
    const header = short === 127 ? 10 : short === 126 ? 4 : 2;
    if (bytes.length < header) return undefined;
    const length = short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short;
    if (bytes.length < header + length) return undefined;
    this.#bytes = bytes.subarray(header + length);
    return {
      final: (bytes[0]! & 0x80) !== 0,
      opcode: bytes[0]! & 0x0f,
      payload: bytes.subarray(header, header + length),
    };
  }
}
