/**
 * The TCA6507 by its data sheet (TI SCPS164), written here once more so that the suite shares no table with the firmware
 * or the emulator: what light its registers mean, and its time codes.
 */
import type { Bench } from '../../host/hil/bench.ts';

export const ADDRESS = 0x45;
const AUTO_INCREMENT = 0x10;
export const REGISTERS = 10;
export const OUTPUTS = 7;

/** "Time Parameters": milliseconds of code 0 to 15. */
export const timesMs = [0, 64, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 5760, 8128, 16320] as const;
/** Oscillator tolerance of the data sheet. */
export const TIME_TOLERANCE = 0.125;

/** Output codes (select registers). */
export const code = { off: 0, pwm0: 2, pwm1: 3, on: 4, master: 5, blink0: 6, blink1: 7 } as const;

/** Outputs of the module: P1 to P3 are red, green and blue of the lower LED, P4 to P6 of the upper. */
export const lower = [1, 2, 3] as const;
export const upper = [4, 5, 6] as const;

/** Reads registers 0x00 to 0x09 out of the chip. */
export async function readChip(bench: Bench): Promise<Uint8Array> {
  const { status, data } = await bench.command({
    name: 'read_registers',
    address: ADDRESS,
    register: AUTO_INCREMENT,
    count: REGISTERS,
  });
  if (status !== 'ok' || data.length !== REGISTERS) {
    throw new Error(`reading the TCA6507: ${status}, ${data.length} bytes`);
  }
  return data;
}

/** The code of an output: bit n of Select2, Select1 and Select0. */
export function codeOf(registers: Uint8Array, output: number): number {
  const bit = (register: number) => (registers[register]! >> output) & 1;
  return 4 * bit(2) + 2 * bit(1) + bit(0);
}

/** The level 0 to 15 that an output has while it is on. */
export function levelOf(registers: Uint8Array, output: number): number {
  const pwm = (bank: 0 | 1) =>
    (registers[9]! >> (4 + bank)) & 1 ? registers[9]! & 15 : (registers[8]! >> (4 * bank)) & 15;
  switch (codeOf(registers, output)) {
    case code.pwm0:
    case code.blink0:
      return pwm(0);
    case code.pwm1:
    case code.blink1:
      return pwm(1);
    case code.on:
      return 15;
    case code.master:
      return registers[9]! & 15;
    default:
      return 0;
  }
}

/** Codes of fade on, fully on, fade off and the two pauses of a bank. */
export function timeCodes(registers: Uint8Array, bank: 0 | 1): number[] {
  return [3, 4, 5, 6, 7].map((register) => (registers[register]! >> (4 * bank)) & 15);
}

/** The code whose time is nearest; between two equally near ones either will do. */
export function nearestCodes(ms: number): number[] {
  const distances = timesMs.map((time) => Math.abs(time - ms));
  const least = Math.min(...distances);
  return distances.flatMap((distance, index) => (distance === least ? [index] : []));
}
