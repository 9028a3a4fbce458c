/**
 * ADXL345 three-axis accelerometer on the I2C bus at 0x53 (Analog Devices ADXL345 data sheet).
 *
 * Registers with auto-increment, standby and measurement, output rates, ranges with full resolution and justification,
 * offsets, data ready, activity, inactivity, free fall, FIFO in bypass, FIFO and stream mode, both levels of INT1.
 * Left out: taps, trigger mode, INT2, noise and the reduced rate of AUTO_SLEEP. It samples only while it measures, so
 * a chip in standby costs nothing.
 */

import type { ScheduledEvent } from '../scheduler.ts';
import { type Acceleration, Adxl345Motion } from './adxl345-motion.ts';
import {
  ADXL345_ADDRESS,
  ADXL345_DEVID,
  ADXL345_REGISTER_COUNT,
  adxl345Fifo,
  adxl345Format,
  adxl345Interrupts,
  adxl345Power,
  adxl345Registers,
} from './adxl345-registers.ts';
import type { DeviceContext, I2cDevice } from './device.ts';

const FULL_RESOLUTION_LSB_PER_G = 256;
const OFFSET_G_PER_LSB = 0.0156;
const SELF_TEST_G: Acceleration = [0.6, -0.6, 0.9];
const MAX_RATE_HZ = 3200;
const READ_ONLY = new Set<number>([
  adxl345Registers.DEVID,
  adxl345Registers.ACT_TAP_STATUS,
  adxl345Registers.INT_SOURCE,
  adxl345Registers.FIFO_STATUS,
]);

export interface Adxl345Options {
  /** Acceleration in g at a time in seconds. */
  acceleration(t: number): Acceleration;
  /** Level of INT1 changed. */
  onInt1(level: 0 | 1): void;
}

export class Adxl345 implements I2cDevice {
  readonly address = ADXL345_ADDRESS;

  private readonly context: DeviceContext;
  private readonly options: Adxl345Options;
  private readonly file = new Uint8Array(ADXL345_REGISTER_COUNT);
  private readonly motion = new Adxl345Motion(this.file);
  private fifo: Int16Array[] = [];
  private shown: Int16Array = new Int16Array(3);
  private pointer = 0;
  private expectsPointer = false;
  private level: 0 | 1 = 0;
  private sampling: ScheduledEvent | undefined;

  constructor(context: DeviceContext, options: Adxl345Options) {
    this.context = context;
    this.options = options;
    this.powerCycle();
  }

  /** The register file, INT_SOURCE and data registers included, without the side effects of a read on the bus. */
  get registers(): Uint8Array {
    const registers = this.file.slice();
    new DataView(registers.buffer).setInt16(adxl345Registers.DATAX0, this.shown[0]!, true);
    new DataView(registers.buffer).setInt16(adxl345Registers.DATAX0 + 2, this.shown[1]!, true);
    new DataView(registers.buffer).setInt16(adxl345Registers.DATAX0 + 4, this.shown[2]!, true);
    return registers;
  }

  /** Power-on values. */
  powerCycle(): void {
    this.file.fill(0);
    this.file[adxl345Registers.DEVID] = ADXL345_DEVID;
    this.file[adxl345Registers.BW_RATE] = 0x0a;
    this.fifo = [];
    this.shown = new Int16Array(3);
    this.motion.restart();
    this.context.scheduler.cancel(this.sampling);
    this.sampling = undefined;
    this.updateInt1();
  }

  start(read: boolean): boolean {
    this.expectsPointer = !read;
    return true;
  }

  write(byte: number): boolean {
    if (this.expectsPointer) {
      this.expectsPointer = false;
      this.pointer = byte & 0x3f;
      return true;
    }
    this.writeRegister(this.pointer, byte);
    this.pointer = (this.pointer + 1) & 0x3f;
    return true;
  }

  read(): number {
    const value = this.readRegister(this.pointer);
    this.pointer = (this.pointer + 1) & 0x3f;
    return value;
  }

  stop(): void {
    this.expectsPointer = false;
  }

  private writeRegister(register: number, value: number): void {
    const isData = register >= adxl345Registers.DATAX0 && register <= adxl345Registers.DATAZ1;
    if (register >= ADXL345_REGISTER_COUNT || isData || READ_ONLY.has(register)) return;
    const wasMeasuring = this.measuring;
    this.file[register] = value;
    if (register === adxl345Registers.POWER_CTL || register === adxl345Registers.BW_RATE) this.reschedule(wasMeasuring);
    else if (register >= adxl345Registers.THRESH_ACT && register <= adxl345Registers.TIME_FF) this.motion.restart();
    else if (register === adxl345Registers.FIFO_CTL && value >> 6 === adxl345Fifo.BYPASS) this.fifo = [];
    this.updateInt1();
  }

  private readRegister(register: number): number {
    if (register >= adxl345Registers.DATAX0 && register <= adxl345Registers.DATAZ1) return this.readData(register);
    if (register === adxl345Registers.FIFO_STATUS) return this.fifo.length;
    const value = this.file[register] ?? 0;
    if (register === adxl345Registers.INT_SOURCE) {
      const cleared = adxl345Interrupts.ACTIVITY | adxl345Interrupts.INACTIVITY | adxl345Interrupts.FREE_FALL;
      this.file[register] = value & ~cleared;
      this.updateInt1();
    }
    return value;
  }

  /** The first data register takes a sample from the FIFO, so that the six bytes of one read belong together. */
  private readData(register: number): number {
    const offset = register - adxl345Registers.DATAX0;
    if (offset === 0) {
      this.shown = this.fifo.shift() ?? this.shown;
      const source = this.file[adxl345Registers.INT_SOURCE]!;
      const cleared = adxl345Interrupts.OVERRUN | (this.fifo.length === 0 ? adxl345Interrupts.DATA_READY : 0);
      this.file[adxl345Registers.INT_SOURCE] = source & ~cleared;
      this.updateInt1();
    }
    const value = this.shown[offset >> 1]!;
    return (offset & 1 ? value >> 8 : value) & 0xff;
  }

  private get measuring(): boolean {
    return (this.file[adxl345Registers.POWER_CTL]! & adxl345Power.MEASURE) !== 0;
  }

  /** Samples per second: the output rate, or 8, 4, 2, 1 Hz while asleep. */
  private get rateHz(): number {
    const power = this.file[adxl345Registers.POWER_CTL]!;
    if (power & adxl345Power.SLEEP) return 8 >> (power & adxl345Power.WAKEUP);
    return MAX_RATE_HZ / 2 ** (15 - (this.file[adxl345Registers.BW_RATE]! & 15));
  }

  private reschedule(wasMeasuring: boolean): void {
    const { scheduler } = this.context;
    scheduler.cancel(this.sampling);
    this.sampling = undefined;
    if (!this.measuring) return;
    if (!wasMeasuring) this.motion.restart();
    this.sampling = scheduler.after(scheduler.cycles(1 / this.rateHz), () => this.sample());
  }

  private sample(): void {
    const { scheduler } = this.context;
    const t = scheduler.seconds();
    const acceleration = this.withOffsets(this.options.acceleration(t));
    this.store(Int16Array.from(acceleration, (g) => this.toCounts(g)));
    this.file[adxl345Registers.INT_SOURCE]! |= this.motion.sample(acceleration, t) & this.enabledMotion();
    this.updateInt1();
    this.sampling = scheduler.after(scheduler.cycles(1 / this.rateHz), () => this.sample());
  }

  /** A motion function works only while its interrupt is enabled (data sheet, "Interrupts"). */
  private enabledMotion(): number {
    return this.file[adxl345Registers.INT_ENABLE]!;
  }

  private withOffsets(acceleration: Acceleration): Acceleration {
    const selfTest = (this.file[adxl345Registers.DATA_FORMAT]! & adxl345Format.SELF_TEST) !== 0;
    const axis = (index: 0 | 1 | 2) => {
      const offset = (this.file[adxl345Registers.OFSX + index]! << 24) >> 24;
      return acceleration[index] + offset * OFFSET_G_PER_LSB + (selfTest ? SELF_TEST_G[index] : 0);
    };
    return [axis(0), axis(1), axis(2)];
  }

  private toCounts(g: number): number {
    const format = this.file[adxl345Registers.DATA_FORMAT]!;
    const range = format & adxl345Format.RANGE;
    const full = (format & adxl345Format.FULL_RES) !== 0;
    const bits = full ? 10 + range : 10;
    const perG = full ? FULL_RESOLUTION_LSB_PER_G : FULL_RESOLUTION_LSB_PER_G >> range;
    const limit = 1 << (bits - 1);
    const counts = Math.max(-limit, Math.min(limit - 1, Math.round(g * perG)));
    return format & adxl345Format.JUSTIFY ? counts << (16 - bits) : counts;
  }

  /** Puts a sample where the FIFO mode says; a full FIFO keeps the oldest, a stream the newest, and both say OVERRUN. */
  private store(sample: Int16Array): void {
    const control = this.file[adxl345Registers.FIFO_CTL]!;
    const mode = control >> 6;
    const capacity = mode === adxl345Fifo.BYPASS ? 1 : adxl345Fifo.DEPTH;
    let source = this.file[adxl345Registers.INT_SOURCE]! | adxl345Interrupts.DATA_READY;
    if (this.fifo.length >= capacity) {
      source |= adxl345Interrupts.OVERRUN;
      if (mode !== adxl345Fifo.FIFO) this.fifo.shift();
    }
    if (this.fifo.length < capacity) this.fifo.push(sample);
    const watermark = mode !== adxl345Fifo.BYPASS && this.fifo.length >= (control & 0x1f);
    source = watermark ? source | adxl345Interrupts.WATERMARK : source & ~adxl345Interrupts.WATERMARK;
    this.file[adxl345Registers.INT_SOURCE] = source;
  }

  private updateInt1(): void {
    const mapped = this.file[adxl345Registers.INT_ENABLE]! & ~this.file[adxl345Registers.INT_MAP]!;
    const active = (this.file[adxl345Registers.INT_SOURCE]! & mapped) !== 0;
    const inverted = (this.file[adxl345Registers.DATA_FORMAT]! & adxl345Format.INT_INVERT) !== 0;
    const level = active !== inverted ? 1 : 0;
    if (level === this.level) return;
    this.level = level;
    this.options.onInt1(level);
  }
}
