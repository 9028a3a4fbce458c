/**
 * TCA6507 seven-channel LED driver on the I2C bus at 0x45 (TI SCPS164, "Bus Transactions" and "Control Register").
 *
 * The first byte of a write is the command: bit 4 auto-increment, bits 3-0 the register; 11 to 15 are not acknowledged
 * (revision B text). After the initialisation register the counter wraps to 0, and it outlives STOP. EN low holds the
 * chip in reset: registers at their defaults, outputs off, no acknowledge. The light itself is tca6507-light.ts.
 */

import type { ScheduledEvent } from '../scheduler.ts';
import type { DeviceContext, I2cDevice } from './device.ts';
import { TCA6507_OUTPUTS, Tca6507Light, tca6507Registers } from './tca6507-light.ts';

export const TCA6507_ADDRESS = 0x45;

const AUTO_INCREMENT = 0x10;
/** While a pattern runs its brightness is traced this often. */
const TRACE_INTERVAL_S = 0.04;

export interface Tca6507Options {
  /** Names of the seven outputs in traces; an output without a name is not traced. */
  readonly outputNames?: readonly (string | undefined)[];
}

export class Tca6507 implements I2cDevice {
  readonly address = TCA6507_ADDRESS;
  readonly light = new Tca6507Light();

  private readonly context: DeviceContext;
  private readonly names: readonly (string | undefined)[];
  private readonly traced = new Float64Array(TCA6507_OUTPUTS);
  private enabled = true;
  private command = 0;
  private expectsCommand = false;
  private tracing: ScheduledEvent | undefined;

  constructor(context: DeviceContext, options: Tca6507Options = {}) {
    this.context = context;
    this.names = options.outputNames ?? ['P0', 'P1', 'P2', 'P3', 'P4', 'P5', 'P6'];
  }

  /** Registers 0x00 to 0x09. */
  get registers(): Uint8Array {
    return this.light.registers;
  }

  /** Level of the EN pin. */
  setEnabled(enabled: boolean): void {
    if (enabled === this.enabled) return;
    this.enabled = enabled;
    this.command = 0;
    this.light.reset(this.context.scheduler.seconds());
    this.traceLight();
  }

  /** Power was removed and came back. */
  powerCycle(): void {
    this.command = 0;
    this.expectsCommand = false;
    this.light.reset(this.context.scheduler.seconds());
    this.traceLight();
  }

  /** Brightness 0..1 of P0 to P6, now or at a later time in seconds if nothing is written until then. */
  brightness(output: number, t = this.context.scheduler.seconds()): number {
    return this.enabled ? this.light.brightness(output, t) : 0;
  }

  start(read: boolean): boolean {
    this.expectsCommand = !read;
    return this.enabled;
  }

  write(byte: number): boolean {
    if (this.expectsCommand) {
      this.expectsCommand = false;
      if ((byte & 15) > tca6507Registers.INITIALIZATION) return false;
      this.command = byte;
      return true;
    }
    this.light.write(this.command & 15, byte, this.context.scheduler.seconds());
    this.advance();
    this.traceLight();
    return true;
  }

  read(): number {
    const value = this.light.registers[this.command & 15] ?? 0;
    this.advance();
    return value;
  }

  stop(): void {
    this.expectsCommand = false;
  }

  private advance(): void {
    if ((this.command & AUTO_INCREMENT) === 0) return;
    const next = (this.command & 15) + 1;
    this.command = AUTO_INCREMENT | (next > tca6507Registers.INITIALIZATION ? 0 : next);
  }

  /** Traces the outputs that changed, and keeps an eye on a running pattern. */
  private traceLight(): void {
    const { scheduler } = this.context;
    const t = scheduler.seconds();
    for (let output = 0; output < TCA6507_OUTPUTS; output++) {
      const name = this.names[output];
      const brightness = this.brightness(output, t);
      if (name === undefined || brightness === this.traced[output]) continue;
      this.traced[output] = brightness;
      this.context.trace({ kind: 'led', led: name, brightness: Math.round(brightness * 1000) / 1000 });
    }
    if (!this.context.tracing('led')) return;
    scheduler.cancel(this.tracing);
    this.tracing = this.light.animated(t)
      ? scheduler.after(scheduler.cycles(TRACE_INTERVAL_S), () => this.traceLight())
      : undefined;
  }
}
