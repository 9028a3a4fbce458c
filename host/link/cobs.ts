/**
 * Consistent Overhead Byte Stuffing (Cheshire and Baker, IEEE/ACM Transactions on Networking 7(2), 1999): rewrites any
 * bytes without a zero, so that a zero can end a frame. A code byte N is followed by N - 1 bytes and, unless N is 255 or
 * the block is the last, stands for a zero after them. The delimiter is the framer's business.
 */

const LONGEST_BLOCK = 0xff;

/** Encodes; the result has no zero and at most one byte more for each 254, rounded up, than the input. */
export function cobsEncode(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length + Math.floor(bytes.length / 254) + 1);
  let codeAt = 0;
  let length = 1;
  // A block of 255 that ends with the input is closed there and no empty one follows.
  const closeBlock = () => {
    out[codeAt] = length - codeAt;
    codeAt = length++;
  };
  for (const [index, byte] of bytes.entries()) {
    if (byte !== 0) out[length++] = byte;
    const full = length - codeAt === LONGEST_BLOCK && index + 1 < bytes.length;
    if (byte === 0 || full) closeBlock();
  }
  out[codeAt] = length - codeAt;
  return out.subarray(0, length);
}

/** Decodes one frame, without its delimiter; `undefined` when a zero stands in it or a block runs past its end. */
export function cobsDecode(frame: Uint8Array): Uint8Array | undefined {
  const out = new Uint8Array(frame.length);
  let length = 0;
  let at = 0;
  while (at < frame.length) {
    const code = frame[at++]!;
    const end = at + code - 1;
    if (code === 0 || end > frame.length) return undefined;
    for (; at < end; at++) {
      const byte = frame[at]!;
      if (byte === 0) return undefined;
      out[length++] = byte;
    }
    if (code < LONGEST_BLOCK && at < frame.length) out[length++] = 0;
  }
  return out.subarray(0, length);
}
