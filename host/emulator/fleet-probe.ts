/**
 * A light probe for fleets: an MSP430G2553 with what a program needs that measures light and sends it, and nothing else.
 *
 * The UART's line, the light sensor and the supply are those of a Board with the same seed, and so are the bytes it
 * sends. Left out are the parts on I2C, the motor, the button, traces, and the way to the chip (nothing is received): a
 * program that uses them needs a Board. The line's other end looks at the edges of whole frames instead of at every bit.
 */

import { LIGHT_CHANNEL, LIGHT_SATURATION_V, LIGHT_VOLTS_PER_LUX, typicalVlo, WORLD_INTERVAL_S } from './board.ts';
import type { FlashContents } from './flash-contents.ts';
import type { Image } from './image/image.ts';
import { Mcu } from './mcu.ts';
import type { McuOptions } from './mcu-options.ts';
import type { LateFrame, LateFrameListener, Level, Pin } from './peripherals/pin.ts';
import { UsciInterrupts } from './peripherals/usci-interrupts.ts';
import { UsciUart } from './peripherals/usci-uart.ts';
import { Alarm, type AlarmOwner } from './scheduler.ts';
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

/** Rates that this end of the line reads as they are meant: those of whole fleets, so the last one is remembered. */
const plain: { edges: readonly number[] | undefined; clockHz: number; readable: boolean } = {
  edges: undefined,
  clockHz: 0,
  readable: false,
};

export class FleetProbe implements AlarmOwner, LateFrameListener {
  readonly mcu: Mcu;
  private readonly line: Pin;
  private readonly worldAlarm = new Alarm(this);
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
    this.line = mcu.pin(1, 2);
    this.line.pull(1);
    this.line.onChangeLate((level, seconds) => this.edge(level, seconds ?? this.seconds), this);
    mcu.pin(1, 1).drive(1);
    mcu.setAnalogInput(LIGHT_CHANNEL, () => this.lightVolts());
    this.onAlarm();
    mcu.load(image, flash);
  }

  get seconds(): number {
    return this.mcu.scheduler.seconds();
  }

  /** Runs up to a time in seconds since its power-on. */
  runUntil(seconds: number): void {
    const due = seconds - this.seconds;
    if (due <= 0) return;
    this.mcu.runFor(due);
    this.line.catchUp();
    this.endFrame(this.seconds);
  }

  /** When something happens next, in seconds since its power-on: now for a busy CPU. */
  get nextSeconds(): number {
    const { scheduler, sleeping } = this.mcu;
    return sleeping ? scheduler.seconds(scheduler.nextAt) : scheduler.seconds();
  }

  /** The world moved on. */
  onAlarm(): void {
    const { mcu, world, seconds } = this;
    mcu.temperatureCelsius = world.temperature(seconds);
    mcu.supplyVolts = world.supply(seconds);
    mcu.scheduler.set(this.worldAlarm, mcu.scheduler.now + mcu.scheduler.cycles(WORLD_INTERVAL_S));
  }

  private lightVolts(): number {
    return Math.min(this.world.lux(this.seconds) * LIGHT_VOLTS_PER_LUX, this.mcu.supplyVolts - LIGHT_SATURATION_V);
  }

  // ---- the other end of the line, which is told of edges when it is time to look

  private edge(level: Level, seconds: number): void {
    this.endFrame(seconds);
    if (this.startedAt >= 0) this.fill(seconds);
    else if (level === 0) {
      this.startedAt = seconds;
      this.bits = 0;
      this.known = 0;
    }
    this.level = level;
  }

  /** A frame in whose bits this end looks as it should is its byte; of any other it looks at the edges. */
  frame(frame: LateFrame): boolean {
    if (frame.length !== STOP_BIT + 1 || !isReadable(frame)) return false;
    if (this.startedAt >= 0) this.endFrame(frame.frameSeconds());
    if (this.startedAt >= 0) return false;
    this.onByte((frame.bits >> 1) & 0xff);
    return true;
  }

  /** Bits whose middle has passed have the level that the line had. */
  private fill(seconds: number): void {
    const passed = Math.floor((seconds - this.startedAt) * BAUD + 0.5);
    for (; this.known < passed && this.known <= STOP_BIT; this.known++) this.bits |= this.level << this.known;
  }

  /** The byte is known when the middle of the stop bit has passed. */
  private endFrame(seconds: number): void {
    if (this.startedAt < 0 || seconds < this.startedAt + (STOP_BIT + 0.5) / BAUD) return;
    this.fill(this.startedAt + (STOP_BIT + 0.6) / BAUD);
    this.startedAt = -1;
    if (((this.bits >> STOP_BIT) & 1) === 1 && (this.bits & 1) === 0) this.onByte((this.bits >> 1) & 0xff);
  }
}

function isReadable({ edges, clockHz }: LateFrame): boolean {
  if (edges !== plain.edges || clockHz !== plain.clockHz) {
    plain.edges = edges;
    plain.clockHz = clockHz;
    plain.readable = edges.every((edge, bit) => bit > STOP_BIT || Math.abs((edge * BAUD) / clockHz - bit) < 0.4);
  }
  return plain.readable;
}

function ignore(): void {}
