/**
 * Motion detection of the ADXL345: activity, inactivity, free fall (data sheet, registers 0x24 to 0x29 and "Link Mode").
 *
 * Fed with every sample in g; answers which interrupts begin. DC coupling compares the magnitude itself, AC coupling
 * the distance to a reference taken when the detection started. Left out: taps.
 */

import { adxl345Interrupts, adxl345Power, adxl345Registers } from './adxl345-registers.ts';

/** Acceleration along x, y and z in g. */
export type Acceleration = readonly [number, number, number];

const THRESHOLD_G = 0.0625;
const FREE_FALL_TIME_S = 0.005;

export class Adxl345Motion {
  private readonly registers: Uint8Array;
  private activityReference: Acceleration | undefined;
  private inactivityReference: Acceleration | undefined;
  private stillSince: number | undefined;
  private fallingSince: number | undefined;
  /** In link mode: what is looked for now. */
  private awaits: 'activity' | 'inactivity' = 'activity';

  /** @param registers the device's register file, read only here */
  constructor(registers: Uint8Array) {
    this.registers = registers;
  }

  /** Forgets references and timers: measurement began, or a register of the detection was written. */
  restart(): void {
    this.activityReference = undefined;
    this.inactivityReference = undefined;
    this.stillSince = undefined;
    this.fallingSince = undefined;
    this.awaits = 'activity';
  }

  /** Bits of INT_SOURCE that this sample sets. */
  sample(acceleration: Acceleration, t: number): number {
    const linked = (this.registers[adxl345Registers.POWER_CTL]! & adxl345Power.LINK) !== 0;
    let flags = 0;
    if ((!linked || this.awaits === 'activity') && this.active(acceleration)) {
      flags |= adxl345Interrupts.ACTIVITY;
      this.activityReference = linked ? undefined : this.activityReference;
      this.inactivityReference = undefined;
      this.stillSince = undefined;
      this.awaits = 'inactivity';
    } else if ((!linked || this.awaits === 'inactivity') && this.inactive(acceleration, t)) {
      flags |= adxl345Interrupts.INACTIVITY;
      this.activityReference = undefined;
      this.stillSince = linked ? undefined : this.stillSince;
      this.awaits = 'activity';
    }
    if (this.falling(acceleration, t)) flags |= adxl345Interrupts.FREE_FALL;
    return flags;
  }

  private active(acceleration: Acceleration): boolean {
    const control = this.registers[adxl345Registers.ACT_INACT_CTL]!;
    const threshold = this.registers[adxl345Registers.THRESH_ACT]! * THRESHOLD_G;
    if ((control & 0x70) === 0) return false;
    const ac = (control & 0x80) !== 0;
    if (ac) this.activityReference ??= acceleration;
    return axes((control >> 4) & 7).some(
      (axis) => Math.abs(acceleration[axis] - (ac ? this.activityReference![axis] : 0)) > threshold,
    );
  }

  private inactive(acceleration: Acceleration, t: number): boolean {
    const control = this.registers[adxl345Registers.ACT_INACT_CTL]!;
    const threshold = this.registers[adxl345Registers.THRESH_INACT]! * THRESHOLD_G;
    if ((control & 0x07) === 0) return false;
    const ac = (control & 0x08) !== 0;
    if (ac) this.inactivityReference ??= acceleration;
    const still = axes(control & 7).every(
      (axis) => Math.abs(acceleration[axis] - (ac ? this.inactivityReference![axis] : 0)) < threshold,
    );
    if (!still) {
      this.stillSince = undefined;
      this.inactivityReference = undefined;
      return false;
    }
    this.stillSince ??= t;
    return t - this.stillSince >= this.registers[adxl345Registers.TIME_INACT]!;
  }

  private falling(acceleration: Acceleration, t: number): boolean {
    const threshold = this.registers[adxl345Registers.THRESH_FF]! * THRESHOLD_G;
    if (!acceleration.every((g) => Math.abs(g) < threshold)) {
      this.fallingSince = undefined;
      return false;
    }
    this.fallingSince ??= t;
    return t - this.fallingSince >= this.registers[adxl345Registers.TIME_FF]! * FREE_FALL_TIME_S;
  }
}

/** Indices of the axes in a three-bit mask: bit 2 is x, bit 0 is z. */
function axes(mask: number): (0 | 1 | 2)[] {
  const all = [0, 1, 2] as const;
  return all.filter((axis) => (mask >> (2 - axis)) & 1);
}
