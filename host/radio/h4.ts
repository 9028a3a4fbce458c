/**
 * H4, the UART transport layer: whole packets out of a stream of bytes. Core Spec Vol 4 Part A.
 *
 * H4 has no way to find its place again. A first byte that is no packet indicator is skipped and counted (the boot
 * message of a dongle), and `isStrict` gives up at once instead (a web browser at the port of an air).
 */
import { EarlError } from '../../errors/index.ts';
import { H4 } from './hci.ts';

/** Octets before the payload, and where its length stands. ISO data's length has 14 bits. */
const HEADERS: ReadonlyMap<number, { readonly octets: number; length(header: Uint8Array): number }> = new Map([
  [H4.COMMAND, { octets: 4, length: (header: Uint8Array) => header[3]! }],
  [H4.ACL_DATA, { octets: 5, length: (header: Uint8Array) => header[3]! | (header[4]! << 8) }],
  [H4.SYNCHRONOUS_DATA, { octets: 4, length: (header: Uint8Array) => header[3]! }],
  [H4.EVENT, { octets: 3, length: (header: Uint8Array) => header[2]! }],
  [H4.ISO_DATA, { octets: 5, length: (header: Uint8Array) => header[3]! | ((header[4]! & 0x3f) << 8) }],
]);
/** Nobody sends ACL data that long over LE; a longer length is a lost place. */
const MAX_PAYLOAD_OCTETS = 4096;

export class H4Parser {
  /** Bytes that belonged to no packet. */
  skipped = 0;
  private readonly onPacket: (packet: Uint8Array) => void;
  private readonly isStrict: boolean;
  private waiting = new Uint8Array(0);

  constructor(onPacket: (packet: Uint8Array) => void, isStrict = false) {
    this.onPacket = onPacket;
    this.isStrict = isStrict;
  }

  /** Takes bytes as they come; hands on each packet that is complete. Throws `H4_OUT_OF_STEP` when strict. */
  push(bytes: Uint8Array): void {
    const input = concatenate(this.waiting, bytes);
    let at = 0;
    while (at < input.length) {
      const header = HEADERS.get(input[at]!);
      if (header === undefined) {
        this.skip(input[at]!);
        at++;
        continue;
      }
      if (at + header.octets > input.length) break;
      const length = header.length(input.subarray(at, at + header.octets));
      if (length > MAX_PAYLOAD_OCTETS) {
        this.skip(input[at]!);
        at++;
        continue;
      }
      const end = at + header.octets + length;
      if (end > input.length) break;
      this.onPacket(input.slice(at, end));
      at = end;
    }
    this.waiting = input.slice(at);
  }

  private skip(byte: number): void {
    this.skipped++;
    if (!this.isStrict) return;
    throw new EarlError('H4_OUT_OF_STEP', `0x${byte.toString(16).padStart(2, '0')} begins no H4 packet`);
  }
}

function concatenate(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
