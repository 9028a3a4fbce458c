/** Bytes as pairs of hex digits. */

export function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

export function toHex(bytes: Iterable<number>): string {
  return Array.from(bytes, hexByte).join('');
}

/** Undefined when the text is anything else. */
export function fromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(text)) return undefined;
  return Uint8Array.from({ length: text.length / 2 }, (_, index) =>
    Number.parseInt(text.slice(2 * index, 2 * index + 2), 16),
  );
}
