/**
 * The link's lower half: packets to bytes on the wire, and a stream of bytes, cut anywhere, back to packets.
 *
 * Frame = COBS(header, payload, CRC) and a 0x00 (docs/link-protocol.md, "Frames"). Noise is counted, never thrown: after
 * a damaged frame the receiver goes on at the next 0x00. What a payload means is the codec's business.
 */

import { cobsDecode, cobsEncode } from './cobs.ts';
import { crc16 } from './crc.ts';
import { MAX_PAYLOAD, PROTOCOL_VERSION } from './messages.ts';

export const DELIMITER = 0;
export const HEADER_LENGTH = 3;
export const CRC_LENGTH = 2;
/** Longest packet: header, payload and CRC. */
export const MAX_PACKET = HEADER_LENGTH + MAX_PAYLOAD + CRC_LENGTH;
/** Longest frame on the wire: with one COBS code byte and the delimiter. */
export const MAX_WIRE = MAX_PACKET + 2;

const VERSION_SHIFT = 6;
const TYPE_MASK = 0x3f;

/** One packet, header and CRC taken off. */
export interface Packet {
  /** Message type, 0 to 63. */
  readonly type: number;
  /** 0 to 65535, one counter per direction. */
  readonly sequence: number;
  /** At most `MAX_PAYLOAD` bytes. */
  readonly payload: Uint8Array;
}

/**
 * Why a frame was thrown away: `cobs` a block runs past the end, `length` shorter than header and CRC or longer than
 * the longest packet, `crc` does not match, `version` of another protocol.
 */
export type FrameError = 'cobs' | 'length' | 'crc' | 'version';

export interface FrameCounters {
  /** Bytes received, delimiters and noise included. */
  bytes: number;
  /** Good packets. */
  frames: number;
  crcErrors: number;
  /** Frames with bad COBS, length or version. */
  frameErrors: number;
}

/** Encodes a packet for the wire, delimiter included. The payload must not be longer than `MAX_PAYLOAD`. */
export function encodeFrame({ type, sequence, payload }: Packet): Uint8Array {
  const packet = new Uint8Array(HEADER_LENGTH + payload.length + CRC_LENGTH);
  if (packet.length > MAX_PACKET) throw new RangeError(`a payload of ${payload.length} bytes: at most ${MAX_PAYLOAD}`);
  packet.set([(PROTOCOL_VERSION << VERSION_SHIFT) | (type & TYPE_MASK), sequence & 0xff, (sequence >> 8) & 0xff]);
  packet.set(payload, HEADER_LENGTH);
  const crc = crc16(packet.subarray(0, -CRC_LENGTH));
  packet.set([crc & 0xff, crc >> 8], packet.length - CRC_LENGTH);
  const frame = cobsEncode(packet);
  const wire = new Uint8Array(frame.length + 1);
  wire.set(frame);
  return wire;
}

/** Decodes what stood between two delimiters, neither of them included. */
export function decodeFrame(frame: Uint8Array): Packet | FrameError {
  if (frame.length >= MAX_WIRE) return 'length';
  const packet = cobsDecode(frame);
  if (packet === undefined) return 'cobs';
  if (packet.length < HEADER_LENGTH + CRC_LENGTH) return 'length';
  const body = packet.subarray(0, -CRC_LENGTH);
  if (crc16(body) !== littleEndian(packet, body.length)) return 'crc';
  const first = body[0]!;
  if (first >> VERSION_SHIFT !== PROTOCOL_VERSION) return 'version';
  return { type: first & TYPE_MASK, sequence: littleEndian(body, 1), payload: body.slice(HEADER_LENGTH) };
}

function littleEndian(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8);
}

/** Takes bytes as they come and hands on packets. Holds at most one frame; a longer one is one `length` error. */
export class FrameReceiver {
  readonly counters: FrameCounters = { bytes: 0, frames: 0, crcErrors: 0, frameErrors: 0 };

  private readonly frame = new Uint8Array(MAX_WIRE);
  private length = 0;
  private readonly onPacket: (packet: Packet) => void;
  private readonly onError: (error: FrameError) => void;

  constructor(onPacket: (packet: Packet) => void, onError: (error: FrameError) => void = () => {}) {
    this.onPacket = onPacket;
    this.onError = onError;
  }

  /** Feeds a chunk; handlers are called before it returns, in the order of the frames. */
  push(chunk: Uint8Array): void {
    this.counters.bytes += chunk.length;
    for (const byte of chunk) {
      if (byte === DELIMITER) this.endFrame();
      // The last place stays taken once a frame is too long, which decodeFrame then sees.
      else if (this.length < this.frame.length) this.frame[this.length++] = byte;
    }
  }

  /** Forgets a frame that was begun: the connection is a new one. */
  reset(): void {
    this.length = 0;
  }

  private endFrame(): void {
    if (this.length === 0) return; // delimiters between frames are silence, not errors
    const result = decodeFrame(this.frame.subarray(0, this.length));
    this.length = 0;
    if (typeof result === 'string') {
      if (result === 'crc') this.counters.crcErrors++;
      else this.counters.frameErrors++;
      this.onError(result);
      return;
    }
    this.counters.frames++;
    this.onPacket(result);
  }
}
