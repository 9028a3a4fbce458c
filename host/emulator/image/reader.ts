/** Reads little-endian fields of an object file and refuses to read past its end. */

import { EarlError } from '../../../errors/index.ts';

export class Reader {
  private readonly view: DataView;
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(offset: number): number {
    return this.view.getUint8(this.checked(offset, 1));
  }

  u16(offset: number): number {
    return this.view.getUint16(this.checked(offset, 2), true);
  }

  u32(offset: number): number {
    return this.view.getUint32(this.checked(offset, 4), true);
  }

  slice(offset: number, length: number): Uint8Array {
    this.checked(offset, length);
    return this.bytes.slice(offset, offset + length);
  }

  /** A string that ends with NUL or after `limit` bytes. */
  text(offset: number, limit = 1024): string {
    let text = '';
    for (let index = offset; index < offset + limit && index < this.bytes.length; index++) {
      const byte = this.bytes[index]!;
      if (byte === 0) break;
      text += String.fromCharCode(byte);
    }
    return text;
  }

  private checked(offset: number, length: number): number {
    if (offset < 0 || length < 0 || offset + length > this.bytes.length) {
      throw new EarlError(
        'IMAGE_DAMAGED',
        `the file ends at byte ${this.bytes.length}, but refers to byte ${offset + length}: it was cut off; build or copy it again`,
      );
    }
    return offset;
  }
}
