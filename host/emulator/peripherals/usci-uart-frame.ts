/**
 * What one character of the USCI_A0 UART looks like on the line (SLAU144, "USCI Character Format", "Address-Bit
 * Multiprocessor Format"): start, data, address, parity and stop bits.
 */

import type { Level } from './pin.ts';
import { ctl0, uartMode } from './usci-uart-registers.ts';

export interface FrameFormat {
  readonly dataBits: number;
  /** Address-bit multiprocessor format: a bit behind the data tells addresses from data; parity counts it too. */
  readonly addressBit: boolean;
  readonly parity: 'none' | 'odd' | 'even';
  readonly stopBits: number;
  readonly msbFirst: boolean;
}

export function formatOf(control0: number): FrameFormat {
  return {
    dataBits: control0 & ctl0.UC7BIT ? 7 : 8,
    addressBit: (control0 & ctl0.UCMODE) === uartMode.addressBit,
    parity: control0 & ctl0.UCPEN ? (control0 & ctl0.UCPAR ? 'even' : 'odd') : 'none',
    stopBits: control0 & ctl0.UCSPB ? 2 : 1,
    msbFirst: (control0 & ctl0.UCMSB) !== 0,
  };
}

/** Bits that a receiver looks at: all but a second stop bit. */
export function checkedBits(format: FrameFormat): number {
  return 1 + format.dataBits + (format.addressBit ? 1 : 0) + (format.parity === 'none' ? 0 : 1) + 1;
}

/** The parity bit of a character as the receiver has it: start, data and address bits in the order of the line. */
export function parityBit(bits: readonly Level[], format: FrameFormat): Level {
  let ones = format.parity === 'odd' ? 1 : 0;
  for (let index = 1; index <= format.dataBits + (format.addressBit ? 1 : 0); index++) ones ^= bits[index]!;
  return ones as Level;
}

/** The bits of a character in the order of the line. */
export function frameBits(value: number, format: FrameFormat, address: boolean): Level[] {
  const data: Level[] = [];
  for (let bit = 0; bit < format.dataBits; bit++) data.push(((value >> bit) & 1) as Level);
  if (format.msbFirst) data.reverse();
  const bits: Level[] = [0, ...data];
  if (format.addressBit) bits.push(address ? 1 : 0);
  if (format.parity !== 'none') bits.push(parityBit(bits, format));
  return [...bits, ...new Array<Level>(format.stopBits).fill(1)];
}

/** The data of a character that was received. */
export function dataOf(bits: readonly Level[], format: FrameFormat): number {
  const data = bits.slice(1, 1 + format.dataBits);
  if (format.msbFirst) data.reverse();
  return data.reduce<number>((value, bit, index) => value | (bit << index), 0);
}
