/**
 * A light probe for fleets: an MSP430G2553 with what a program needs that measures light and sends it, and nothing else.
 *
 * The UART's line, the light sensor and the supply are those of a Board with the same seed, and so are the bytes it
 * sends. Left out are the parts on I2C, the motor, the button, traces, and the way to the chip (nothing is received): a
 * program that uses them needs a Board. The line's other end looks at its edges instead of at every bit.
 */

import { LIGHT_CHANNEL, LIGHT_SATURATION_V, LIGHT_VOLTS_PER_LUX, typicalVlo, WORLD_INTERVAL_S } from './board.ts';
import type { FlashContents } from './flash-contents.ts';
import type { Image } from './image/image.ts';
import { Mcu } from './mcu.ts';
import type { McuOptions } from './mcu-options.ts';
import type { Level } from './peripherals/pin.ts';
import { UsciInterrupts } from './peripherals/usci-interrupts.ts';
import { UsciUart } from './peripherals/usci-uart.ts';
import { World } from './world.ts';

const BAUD = 9600;
const STOP_BIT = 9;

export interface FleetProbeOptions {
  readonly image: Image;
  /** Made of the image; the fleet shares it, its decoded and its compiled code. */
  readonly flash: FlashContents;
  readonly seed: number;
  readonly info?: McuOptions['info'];
  /** Called for each byte on the line. */
  readonly onByte: (byte: number) => void;
}

export class FleetProbe {
  readonly mcu: Mcu;
  private readonly world: World;
  private readonly onByte: (byte: number) => void;
  /** The frame on the line: when it began, its bits up to the last edge, the level since. */
  private startedAt = -1;
  private bits = 0;
  private known = 0;
  private level: Level = 1;

  constructor({ image, flash, seed, info, onByte }: FleetProbeOptions) {
    this.onByte = onByte;
    this.world = new World({ seed });
    this.mcu = new Mcu({ flash, vloHz: typicalVlo(seed), seed, ...(info && { info }) });
    const { mcu } = this;
    new UsciUart(mcu, new UsciInterrupts(mcu), ignore);
    const line = mcu.pin(1, 2);
    line.pull(1);
    line.onChange((level) => this.edge(level));
    mcu.pin(1, 1).drive(1);
    mcu.setAnalogInput(LIGHT_CHANNEL, () => this.lightVolts());
    this.followWorld();
    mcu.load(image, flash);
  }

  get seconds(): number {
    return this.mcu.scheduler.seconds();
  }

  /** Runs up to a time in seconds since its power-on. */
  runUntil(seconds: number): void {
    const due = seconds - this.seconds;
    if (due > 0) this.mcu.runFor(due);
  }

  /** When something happens next, in seconds since its power-on: now for a busy CPU. */
  get nextSeconds(): number {
    const { scheduler, sleeping } = this.mcu;
    return sleeping ? scheduler.seconds(scheduler.nextAt) : scheduler.seconds();
  }

  private lightVolts(): number {
    return Math.min(this.world.lux(this.seconds) * LIGHT_VOLTS_PER_LUX, this.mcu.supplyVolts - LIGHT_SATURATION_V);
  }

  private followWorld(): void {
    this.mcu.temperatureCelsius = this.world.temperature(this.seconds);
    this.mcu.supplyVolts = this.world.supply(this.seconds);
    const { scheduler } = this.mcu;
    scheduler.after(scheduler.cycles(WORLD_INTERVAL_S), () => this.followWorld());
  }

  // ---- the other end of the line

  private edge(level: Level): void {
    const { scheduler } = this.mcu;
    const now = scheduler.seconds();
    if (this.startedAt < 0) {
      if (level === 1) return;
      this.startedAt = now;
      this.bits = 0;
      this.known = 0;
      scheduler.after(scheduler.cycles((STOP_BIT + 0.5) / BAUD), () => this.stopBit());
    } else this.fill(now);
    this.level = level;
  }

  /** Bits whose middle has passed have the level that the line had. */
  private fill(now: number): void {
    const passed = Math.floor((now - this.startedAt) * BAUD + 0.5);
    for (; this.known < passed && this.known <= STOP_BIT; this.known++) this.bits |= this.level << this.known;
  }

  private stopBit(): void {
    // The event stands in the middle of the stop bit, give or take the rounding to a cycle.
    this.fill(this.startedAt + (STOP_BIT + 0.6) / BAUD);
    this.startedAt = -1;
    if (((this.bits >> STOP_BIT) & 1) === 1 && (this.bits & 1) === 0) this.onByte((this.bits >> 1) & 0xff);
  }
}

function ignore(): void {}
