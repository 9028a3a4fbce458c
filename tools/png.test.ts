import { crc32, deflateSync, inflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { recompressPng } from './png.ts';

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}

/** 8-bit RGB; `rows` are scanlines with their filter byte in front. */
function png(width: number, rows: number[][], filler = ''): Buffer {
  const header = Buffer.from([0, 0, 0, width, 0, 0, 0, rows.length, 8, 2, 0, 0, 0]);
  const pixels = deflateSync(Buffer.from(rows.flat()), { level: 0 });
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const comment = chunk('tEXt', Buffer.from(filler));
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    comment,
    chunk('IDAT', pixels),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

describe('recompressPng', () => {
  it('keeps every pixel of all five filters', () => {
    // Section 9.2: None, Sub, Up, Average, Paeth; worked by hand.
    const rows = [
      [0, 10, 20, 30, 40, 50, 60],
      [1, 1, 2, 3, 1, 1, 1],
      [2, 1, 1, 1, 1, 1, 1],
      [3, 9, 9, 9, 8, 8, 8],
      [4, 5, 5, 5, 5, 5, 5],
    ];
    const smaller = recompressPng(png(2, rows, 'x'.repeat(400)));
    const at = smaller.indexOf('IDAT');
    const data = inflateSync(smaller.subarray(at + 4, at + 4 + smaller.readUInt32BE(at - 4)));
    expect([...data]).toEqual(
      [
        [0, 10, 20, 30, 40, 50, 60],
        [0, 1, 2, 3, 2, 3, 4],
        [0, 2, 3, 4, 3, 4, 5],
        [0, 10, 10, 11, 14, 15, 16],
        [0, 15, 15, 16, 20, 20, 21],
      ].flat(),
    );
    expect(smaller.readUInt32BE(smaller.indexOf('IEND') + 4)).toBe(crc32('IEND'));
  });

  it('rounds colours to fewer shades when asked to', () => {
    const smaller = recompressPng(png(2, [[0, 0, 1, 2, 253, 254, 255]], 'x'.repeat(400)), 6);
    const at = smaller.indexOf('IDAT');
    const data = inflateSync(smaller.subarray(at + 4, at + 4 + smaller.readUInt32BE(at - 4)));
    expect([...data]).toEqual([0, 0, 0, 4, 252, 255, 255]);
  });

  it('gives back what would only grow', () => {
    const small = png(1, [[0, 1, 2, 3]]);
    expect(recompressPng(small).length).toBeLessThanOrEqual(small.length);
  });
});
