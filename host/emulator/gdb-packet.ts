/**
 * Packets of the GDB remote serial protocol (GDB manual, appendix "Remote Protocol", "Overview"): `$data#checksum`,
 * acknowledged with + or -, binary data escaped with }. Text in and out is Latin-1: a character is a byte.
 */

import { hexByte } from './hex.ts';

export interface PacketHandlers {
  /** A packet whose checksum is right. */
  packet(text: string): void;
  /** Ctrl-C outside of a packet. */
  interrupt(): void;
  /** The other side understood the last packet. */
  acknowledged(): void;
  /** The other side did not understand the last packet. */
  resend(): void;
  /** A packet with a wrong checksum, or one that is too long. */
  damaged(): void;
}

const INTERRUPT = 0x03;
const START = 0x24;
const END = 0x23;
const ACK = 0x2b;
const NAK = 0x2d;
const ESCAPE = 0x7d;
const ESCAPE_MASK = 0x20;

export class PacketReader {
  private readonly handlers: PacketHandlers;
  private readonly limit: number;
  private body: number[] | undefined;
  private checksum = '';
  private inChecksum = false;

  /** @param limit longest packet; longer ones are reported as damaged */
  constructor(handlers: PacketHandlers, limit: number) {
    this.handlers = handlers;
    this.limit = limit;
  }

  feed(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (this.inChecksum) this.checksumDigit(byte);
      else if (this.body !== undefined) this.bodyByte(this.body, byte);
      else if (byte === START) this.body = [];
      else if (byte === INTERRUPT) this.handlers.interrupt();
      else if (byte === ACK) this.handlers.acknowledged();
      else if (byte === NAK) this.handlers.resend();
    }
  }

  private bodyByte(body: number[], byte: number): void {
    if (byte === START) body.length = 0;
    else if (byte === END) this.inChecksum = true;
    else if (body.length >= this.limit) this.finish(false);
    else body.push(byte);
  }

  private checksumDigit(byte: number): void {
    this.checksum += String.fromCharCode(byte);
    if (this.checksum.length < 2) return;
    const expected = /^[0-9a-f]{2}$/i.test(this.checksum) ? Number.parseInt(this.checksum, 16) : -1;
    const sum = this.body!.reduce((total, each) => (total + each) & 0xff, 0);
    this.finish(sum === expected);
  }

  private finish(intact: boolean): void {
    const body = this.body!;
    this.body = undefined;
    this.inChecksum = false;
    this.checksum = '';
    if (intact) this.handlers.packet(String.fromCharCode(...unescapeBytes(body)));
    else this.handlers.damaged();
  }
}

function unescapeBytes(body: readonly number[]): number[] {
  const bytes: number[] = [];
  for (let index = 0; index < body.length; index++) {
    const byte = body[index]!;
    bytes.push(byte === ESCAPE ? (body[++index] ?? 0) ^ ESCAPE_MASK : byte);
  }
  return bytes;
}

/** The bytes of a packet that holds `text`. */
export function encodePacket(text: string): Uint8Array {
  const body: number[] = [];
  for (const char of text) {
    const byte = char.charCodeAt(0) & 0xff;
    if (byte === START || byte === END || byte === ESCAPE || byte === 0x2a) body.push(ESCAPE, byte ^ ESCAPE_MASK);
    else body.push(byte);
  }
  const sum = body.reduce((total, each) => (total + each) & 0xff, 0);
  const tail = `#${hexByte(sum)}`;
  return Uint8Array.from([START, ...body, ...[...tail].map((char) => char.charCodeAt(0))]);
}
