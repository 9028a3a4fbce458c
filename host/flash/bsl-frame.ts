/** Frames of the UART boot loader of the 1xx, 2xx and 4xx families (SLAU319 "Data Frame"): bytes only, no line. */

export const bsl = { sync: 0x80, ack: 0x90, nak: 0xa0, failed: 0x70, header: 0x80 } as const;

export const bslCommand = {
  password: 0x10,
  write: 0x12,
  read: 0x14,
  erase: 0x16,
  massErase: 0x18,
  loadPc: 0x1a,
  eraseCheck: 0x1c,
  version: 0x1e,
  changeBaud: 0x20,
} as const;

/** Word that goes where the length is, for the two erase commands. */
export const eraseMode = { segment: 0xa502, main: 0xa504, mass: 0xa506 } as const;

/** Words of the 2xx loader's command to change the rate: DCOCTL and BCSCTL1, then the code of the rate. */
export const baudParameters: Readonly<Record<number, readonly [clock: number, code: number]>> = {
  9600: [0x8880, 0],
  19200: [0x8b00, 1],
  38400: [0x8c80, 2],
};

/** Most data in a frame that is written or read: a multiple of 16 below the loader's 250. */
export const MAX_DATA = 240;

/** `80 CMD L L AL AH LL LH data CKL CKH`. `data` is of even length. */
export function commandFrame(command: number, address: number, length: number, data: Uint8Array = new Uint8Array()) {
  if (data.length % 2 !== 0) throw new RangeError('the boot loader takes data of even length only');
  const size = data.length + 4;
  return withChecksum([
    bsl.header,
    command,
    size,
    size,
    address & 0xff,
    address >> 8,
    length & 0xff,
    length >> 8,
    ...data,
  ]);
}

/** The inverse of the XOR of all words, low byte first. */
export function checksum(bytes: Iterable<number>): [low: number, high: number] {
  const sums: [number, number] = [0xff, 0xff];
  let index = 0;
  for (const byte of bytes) sums[index++ & 1]! ^= byte;
  return sums;
}

function withChecksum(bytes: readonly number[]): Uint8Array {
  return Uint8Array.from([...bytes, ...checksum(bytes)]);
}
