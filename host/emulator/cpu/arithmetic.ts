/**
 * The arithmetic of the MSP430 with its status bits (SLAU144 "Instruction Set"): pure functions.
 *
 * `mask` is 0xFF or 0xFFFF; operands are below it. The result is packed: the value in bits 0-15, the status bits from
 * bit 16 on, which costs no allocation.
 */

export const statusC = 1;
export const statusZ = 2;
export const statusN = 4;
export const statusV = 0x100;
/** The bits of SR that arithmetic writes. */
export const arithmeticStatus = statusC | statusZ | statusN | statusV;

function negativeZero(value: number, mask: number): number {
  return value === 0 ? statusZ : (value & ((mask >> 1) + 1)) !== 0 ? statusN : 0;
}

/** destination + source + carry. Subtraction is the same with the source inverted. */
export function add(source: number, destination: number, carry: number, mask: number): number {
  const sum = source + destination + carry;
  const value = sum & mask;
  const sign = (mask >> 1) + 1;
  const status =
    (sum > mask ? statusC : 0) |
    negativeZero(value, mask) |
    ((~(source ^ destination) & (source ^ value) & sign) !== 0 ? statusV : 0);
  return value | (status << 16);
}

/** Decimal addition digit by digit. The manual leaves V undefined: it is kept by the caller. */
export function decimalAdd(source: number, destination: number, carry: number, mask: number): number {
  let value = 0;
  let carryDigit = carry;
  for (let shift = 0; shift < (mask === 0xff ? 8 : 16); shift += 4) {
    let digit = ((source >> shift) & 15) + ((destination >> shift) & 15) + carryDigit;
    carryDigit = digit > 9 ? 1 : 0;
    if (carryDigit === 1) digit -= 10;
    value |= (digit & 15) << shift;
  }
  return value | ((carryDigit | negativeZero(value, mask)) << 16);
}

/** AND, BIT, SXT: carry is the inverse of zero, V is reset. */
export function logic(value: number, mask: number): number {
  return value | ((negativeZero(value, mask) | (value === 0 ? 0 : statusC)) << 16);
}

/** XOR: as `logic`, but V is set when both operands were negative. */
export function exclusiveOr(source: number, destination: number, mask: number): number {
  const overflow = (source & destination & ((mask >> 1) + 1)) !== 0 ? statusV << 16 : 0;
  return logic((source ^ destination) & mask, mask) | overflow;
}

/** RRA and RRC: `top` is the bit shifted in, already in place. */
export function shiftRight(value: number, top: number, mask: number): number {
  const shifted = (value >> 1) | top;
  return shifted | ((negativeZero(shifted, mask) | (value & 1)) << 16);
}
