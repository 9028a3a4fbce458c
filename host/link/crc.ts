/**
 * CRC-16/CCITT-FALSE: polynomial 0x1021, start value 0xFFFF, no reflection, no final inversion; "123456789" gives
 * 0x29B1. The probe computes the same bit by bit (firmware/link/crc.c); here a table of 256 words trades memory for time.
 */

const POLYNOMIAL = 0x1021;

const table = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ POLYNOMIAL : crc << 1;
  return crc;
});

/** CRC of bytes; pass the CRC of what came before to go on. */
export function crc16(bytes: Uint8Array, crc = 0xffff): number {
  for (const byte of bytes) crc = ((crc << 8) & 0xffff) ^ table[(crc >> 8) ^ byte]!;
  return crc;
}
