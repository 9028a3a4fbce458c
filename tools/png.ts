/**
 * Makes a screenshot smaller: plain scanlines at zlib's best, which suits flat areas and text better than the fast,
 * filtered encoding of browsers (PNG specification, third edition, sections 5, 9 and 10), and fewer shades if wanted.
 *
 * Only what Chromium writes: 8 bits, RGB or RGBA, not interlaced; anything else is given back as it came.
 */

import { constants, crc32, deflateSync, inflateSync } from 'node:zlib';

const SIGNATURE_BYTES = 8;
/** Length, type and CRC around the data of a chunk. */
const CHUNK_BYTES = 12;
/** Bytes a pixel by colour type. */
const pixelBytes: Record<number, number> = { 2: 3, 6: 4 };

/** @param bits of each channel to keep: 8 changes no pixel, 6 changes channels by at most 2 of 255 */
export function recompressPng(png: Buffer, bits = 8): Buffer {
  const chunks = readChunks(png);
  const header = chunks.find(({ type }) => type === 'IHDR')!.data;
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const bytes = pixelBytes[header[9]!];
  if (bytes === undefined || header[8] !== 8 || header[12] !== 0) return png;
  const filtered = inflateSync(Buffer.concat(chunks.filter(({ type }) => type === 'IDAT').map(({ data }) => data)));
  const plain = unfilter(filtered, width * bytes, height, bytes);
  if (bits < 8) round(plain, width * bytes, bits);
  const data = deflateSync(plain, { level: constants.Z_BEST_COMPRESSION, memLevel: 9 });
  const parts = [
    png.subarray(0, SIGNATURE_BYTES),
    chunk('IHDR', header),
    chunk('IDAT', data),
    chunk('IEND', Buffer.alloc(0)),
  ];
  const smaller = Buffer.concat(parts);
  return smaller.length < png.length ? smaller : png;
}

function readChunks(png: Buffer): { type: string; data: Buffer }[] {
  const chunks: { type: string; data: Buffer }[] = [];
  for (let at = SIGNATURE_BYTES; at < png.length; ) {
    const length = png.readUInt32BE(at);
    chunks.push({ type: png.toString('latin1', at + 4, at + 8), data: png.subarray(at + 8, at + 8 + length) });
    at += CHUNK_BYTES + length;
  }
  return chunks;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  body.copy(framed, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}

/** The scanlines with filter 0 throughout. */
function unfilter(filtered: Buffer, stride: number, height: number, bytes: number): Buffer {
  const plain = Buffer.alloc(filtered.length);
  for (let y = 0; y < height; y++) {
    const row = y * (stride + 1) + 1;
    const filter = filtered[row - 1]!;
    for (let x = 0; x < stride; x++) {
      const left = x >= bytes ? plain[row + x - bytes]! : 0;
      const up = y > 0 ? plain[row + x - stride - 1]! : 0;
      const corner = x >= bytes && y > 0 ? plain[row + x - stride - 1 - bytes]! : 0;
      plain[row + x] = filtered[row + x]! + predict(filter, left, up, corner);
    }
  }
  return plain;
}

/** Rounds every sample to a multiple, black and white excepted. */
function round(plain: Buffer, stride: number, bits: number): void {
  const step = 2 ** (8 - bits);
  for (let at = 0; at < plain.length; at++) {
    const isFilter = at % (stride + 1) === 0;
    if (!isFilter && plain[at] !== 255) plain[at] = Math.min(255, Math.round(plain[at]! / step) * step);
  }
}

function predict(filter: number, left: number, up: number, corner: number): number {
  switch (filter) {
    case 1:
      return left;
    case 2:
      return up;
    case 3:
      return (left + up) >> 1;
    case 4:
      return paeth(left, up, corner);
    default:
      return 0;
  }
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner;
  const [toLeft, toUp, toCorner] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}
