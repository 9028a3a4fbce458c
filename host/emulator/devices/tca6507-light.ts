/**
 * What the seven outputs of a TCA6507 look like over time, computed from its registers alone (SCPS164, "LED Operation",
 * "Blinking Pattern Control", register maps 0x00 to 0x0A).
 *
 * Pure: no bus and no scheduler, so that a dashboard can preview ten register values. Brightness is computed from the
 * timeline of a bank, never stepped. Two things the data sheet leaves open are decided here: writing a time of a bank,
 * or its one-shot bit, restarts the cycle of that bank, as writing 8 into its nibble of the initialisation register
 * does; a fade is linear. Left out: the chip's own 16 intensity steps within a fade and its oscillator's 12.5 %.
 */

/** Register addresses (SCPS164, "Register Maps"). */
export const tca6507Registers = {
  SELECT0: 0x00,
  SELECT1: 0x01,
  SELECT2: 0x02,
  FADE_ON: 0x03,
  FULLY_ON: 0x04,
  FADE_OFF: 0x05,
  FIRST_OFF: 0x06,
  SECOND_OFF: 0x07,
  MAX_INTENSITY: 0x08,
  MASTER_INTENSITY: 0x09,
  INITIALIZATION: 0x0a,
} as const;

/** Registers 0x00 to 0x09 after power-on or EN low. */
export const tca6507Defaults: readonly number[] = [0, 0, 0, 0x44, 0x44, 0x44, 0x44, 0x44, 0xff, 0x0f];

/** Times in milliseconds of the codes 0 to 15 (SCPS164, "Time Parameters"). */
export const tca6507TimesMs: readonly number[] = [
  0, 64, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 5760, 8128, 16320,
];

/** Outputs P0 to P6. */
export const TCA6507_OUTPUTS = 7;

const INTENSITY_STEPS = 15;
const ONE_SHOT_BIT = 6;
const USE_MASTER_BIT = 4;

/** The five times of a bank's cycle in milliseconds: two equal pulses, each with a pause of its own. */
export interface BlinkCycle {
  fadeOnMs: number;
  fullyOnMs: number;
  fadeOffMs: number;
  firstOffMs: number;
  secondOffMs: number;
}

/** The cycle that registers 3 to 7 set for bank 0 or 1. */
export function blinkCycle(registers: ArrayLike<number>, bank: 0 | 1): BlinkCycle {
  const time = (register: number) => tca6507TimesMs[((registers[register] ?? 0) >> (4 * bank)) & 15]!;
  return {
    fadeOnMs: time(tca6507Registers.FADE_ON),
    fullyOnMs: time(tca6507Registers.FULLY_ON),
    fadeOffMs: time(tca6507Registers.FADE_OFF),
    firstOffMs: time(tca6507Registers.FIRST_OFF),
    secondOffMs: time(tca6507Registers.SECOND_OFF),
  };
}

/** Length of a cycle in milliseconds; 0 when every code is 0. */
export function cycleLengthMs(cycle: BlinkCycle): number {
  return 2 * (cycle.fadeOnMs + cycle.fullyOnMs + cycle.fadeOffMs) + cycle.firstOffMs + cycle.secondOffMs;
}

/** Share 0..1 of the bank's maximum intensity, `sinceMs` after the cycle began. A cycle without length is steadily on. */
export function cycleEnvelope(cycle: BlinkCycle, sinceMs: number, oneShot: boolean): number {
  const length = cycleLengthMs(cycle);
  if (oneShot && sinceMs >= length) return 0;
  if (length === 0) return 1;
  const pulse = cycle.fadeOnMs + cycle.fullyOnMs + cycle.fadeOffMs;
  let phase = sinceMs % length;
  if (phase >= pulse + cycle.firstOffMs) phase -= pulse + cycle.firstOffMs;
  if (phase < cycle.fadeOnMs) return phase / cycle.fadeOnMs;
  phase -= cycle.fadeOnMs;
  if (phase < cycle.fullyOnMs) return 1;
  phase -= cycle.fullyOnMs;
  return phase < cycle.fadeOffMs ? 1 - phase / cycle.fadeOffMs : 0;
}

/** The 3-bit code of an output: bit n of Select2, Select1, Select0. */
export function outputCode(registers: ArrayLike<number>, output: number): number {
  const bit = (register: number) => ((registers[register] ?? 0) >> output) & 1;
  return (bit(tca6507Registers.SELECT2) << 2) | (bit(tca6507Registers.SELECT1) << 1) | bit(tca6507Registers.SELECT0);
}

function masterIntensity(registers: ArrayLike<number>): number {
  return ((registers[tca6507Registers.MASTER_INTENSITY] ?? 0) & 15) / INTENSITY_STEPS;
}

/** Maximum intensity 0..1 of a bank: its own, or the master intensity when register 9 says so. */
export function bankIntensity(registers: ArrayLike<number>, bank: 0 | 1): number {
  if (((registers[tca6507Registers.MASTER_INTENSITY] ?? 0) >> (USE_MASTER_BIT + bank)) & 1) {
    return masterIntensity(registers);
  }
  return (((registers[tca6507Registers.MAX_INTENSITY] ?? 0) >> (4 * bank)) & 15) / INTENSITY_STEPS;
}

/** The light of one chip: registers and the moments at which its banks began their cycles. Times are in seconds. */
export class Tca6507Light {
  private readonly values = Uint8Array.from(tca6507Defaults);
  private readonly startedAt: [number, number] = [0, 0];

  /** Registers 0x00 to 0x09. */
  get registers(): Uint8Array {
    return this.values.slice();
  }

  /** Power-on values; every output off. */
  reset(t: number): void {
    this.values.set(tca6507Defaults);
    this.startedAt.fill(t);
  }

  /** Writes register 0x00 to 0x0A at time `t`; other numbers are ignored. */
  write(register: number, value: number, t: number): void {
    if (register === tca6507Registers.INITIALIZATION) {
      if (value & 0x08) this.startedAt[0] = t;
      if (value & 0x80) this.startedAt[1] = t;
      return;
    }
    if (register < 0 || register >= this.values.length) return;
    const before = this.values.slice();
    this.values[register] = value;
    for (const bank of [0, 1] as const) {
      if (this.restarts(before, bank)) this.startedAt[bank] = t;
    }
  }

  /** Takes over registers 0x00 to 0x09 (or as many as are given); banks whose pattern did not change run on. */
  setRegisters(registers: ArrayLike<number>, t: number): void {
    const count = Math.min(registers.length, this.values.length);
    for (let register = 0; register < count; register++) {
      const value = registers[register]! & 0xff;
      if (value !== this.values[register]) this.write(register, value, t);
    }
  }

  /** Brightness 0..1 of output P0 to P6 at time `t`, at or after the last write. */
  brightness(output: number, t: number): number {
    switch (outputCode(this.values, output)) {
      case 2:
        return bankIntensity(this.values, 0);
      case 3:
        return bankIntensity(this.values, 1);
      case 4:
        return 1;
      case 5:
        return masterIntensity(this.values);
      case 6:
        return this.blink(0, t);
      case 7:
        return this.blink(1, t);
      default:
        return 0;
    }
  }

  /** True while an output changes its brightness by itself after time `t`. */
  animated(t: number): boolean {
    for (let output = 0; output < TCA6507_OUTPUTS; output++) {
      const code = outputCode(this.values, output);
      if (code >= 6 && this.bankRuns((code - 6) as 0 | 1, t)) return true;
    }
    return false;
  }

  private blink(bank: 0 | 1, t: number): number {
    const sinceMs = Math.max(0, (t - this.startedAt[bank]) * 1000);
    return bankIntensity(this.values, bank) * cycleEnvelope(blinkCycle(this.values, bank), sinceMs, this.oneShot(bank));
  }

  private bankRuns(bank: 0 | 1, t: number): boolean {
    const length = cycleLengthMs(blinkCycle(this.values, bank));
    return length > 0 && !(this.oneShot(bank) && (t - this.startedAt[bank]) * 1000 >= length);
  }

  private oneShot(bank: 0 | 1): boolean {
    return ((this.values[tca6507Registers.MASTER_INTENSITY]! >> (ONE_SHOT_BIT + bank)) & 1) === 1;
  }

  /** A bank begins its cycle again when one of its times or its one-shot bit changed. */
  private restarts(before: Uint8Array, bank: 0 | 1): boolean {
    for (let register = tca6507Registers.FADE_ON; register <= tca6507Registers.SECOND_OFF; register++) {
      if (((before[register]! ^ this.values[register]!) >> (4 * bank)) & 15) return true;
    }
    const changed = before[tca6507Registers.MASTER_INTENSITY]! ^ this.values[tca6507Registers.MASTER_INTENSITY]!;
    return ((changed >> (ONE_SHOT_BIT + bank)) & 1) === 1;
  }
}
