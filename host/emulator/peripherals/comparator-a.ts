/**
 * Comparator_A+ (SLAU144 "Comparator_A+", SLAS735 "Comparator_A+"): input multiplexers, reference generator, exchange,
 * output with its interrupt edge, pin and capture input, port buffer disable.
 *
 * Inputs are functions of time, so the output is looked at when a register is touched and, while
 * CAON is set, every 10 µs; silicon answers in 0.3 µs, or about 2 µs with CAF. An ideal comparator:
 * no offset, no hysteresis, no noise. Left out: CASHORT's effect on a sampled voltage (the output stays as it was).
 */

import type { RegisterBus, RegisterOwner } from '../bus.ts';
import { type InterruptLines, type InterruptSource, vectors } from '../interrupts.ts';
import type { ScheduledEvent, Scheduler } from '../scheduler.ts';
import type { Level, PinFunction } from './pin.ts';

/** CACTL1. */
const CAIFG = 0x01;
const CAIE = 0x02;
const CAIES = 0x04;
const CAON = 0x08;
const CARSEL = 0x40;
/** CACTL2. */
const CAOUT = 0x01;
const P2CA0 = 0x04;
const P2CA4 = 0x40;
const CASHORT = 0x80;

const pollSeconds = 10e-6;
/** The diode's voltage: 0.55 V at room temperature, 0.49 V at 85 degrees (SLAS735 V(RefVT)). */
const diodeVolts = 0.55;
const diodeVoltsPerDegree = -0.001;

export interface ComparatorOptions {
  /** Voltage at CA0-CA7 from outside. */
  inputVolts(channel: number): number;
  supplyVolts(): number;
  temperatureCelsius(): number;
  /** CAPD changed: bit x disables the input buffer of P1.x. */
  buffersDisabled(mask: number): void;
  /** Pins that carry CAOUT. */
  readonly outputs: readonly PinFunction[];
}

const registers = { CACTL1: 0x59, CACTL2: 0x5a, CAPD: 0x5b } as const;
const addresses: readonly number[] = Object.values(registers);
const nobody: readonly never[] = [];

export class ComparatorA implements RegisterOwner, InterruptSource {
  private readonly scheduler: Scheduler;
  private readonly interrupts: InterruptLines;
  private readonly options: ComparatorOptions;
  private listeners: readonly ((level: Level) => void)[] = nobody;
  private control1 = 0;
  private control2 = 0;
  private portDisable = 0;
  private out: Level = 0;
  private event: ScheduledEvent | undefined = undefined;

  constructor(scheduler: Scheduler, bus: RegisterBus, interrupts: InterruptLines, options: ComparatorOptions) {
    this.scheduler = scheduler;
    this.interrupts = interrupts;
    this.options = options;
    bus.own(addresses, this);
    for (const output of options.outputs) output.output(0);
    interrupts.attach(vectors.COMPARATORA, this);
  }

  readRegister(address: number): number {
    if (address !== registers.CAPD) this.evaluate();
    return this.peekRegister(address);
  }

  peekRegister(address: number): number {
    if (address === registers.CACTL1) return this.control1;
    return address === registers.CACTL2 ? this.control2 | this.out : this.portDisable;
  }

  writeRegister(address: number, value: number): void {
    if (address === registers.CAPD) {
      this.portDisable = value;
      this.options.buffersDisabled(value);
      return;
    }
    if (address === registers.CACTL1) this.control1 = value;
    else this.control2 = value & ~CAOUT;
    this.changed();
  }

  /** The CPU took the vector: the flag resets itself. */
  interruptAccepted(): void {
    this.control1 &= ~CAIFG;
    this.request();
  }

  /** The output, for a timer's capture input. */
  get level(): Level {
    return this.out;
  }

  reset(): void {
    this.control1 = 0;
    this.control2 = 0;
    this.portDisable = 0;
    this.options.buffersDisabled(0);
    this.changed();
  }

  /** Calls `listener` when the output changes. */
  onChange(listener: (level: Level) => void): void {
    this.listeners = this.listeners.concat(listener);
  }

  /** Tells that an input changed at this moment, for edges that must not wait for the next look. */
  inputChanged(): void {
    this.evaluate();
  }

  /** What the comparator puts on pin CAx, undefined when its reference does not reach that pin. */
  referenceOnPin(channel: number): number | undefined {
    const volts = this.reference();
    if (volts === undefined) return undefined;
    const connected = this.referenceOnSecond ? this.secondChannel : this.firstChannel;
    return connected === channel ? volts : undefined;
  }

  /** CAREF: off, a quarter and half of Vcc, the diode. */
  private reference(): number | undefined {
    const supply = this.options.supplyVolts();
    switch ((this.control1 >> 4) & 3) {
      case 0:
        return undefined;
      case 1:
        return supply / 4;
      case 2:
        return supply / 2;
      default:
        return diodeVolts + (this.options.temperatureCelsius() - 25) * diodeVoltsPerDegree;
    }
  }

  private get referenceOnSecond(): boolean {
    return (this.control1 & CARSEL) !== 0;
  }

  /** CA0, CA1, CA2 by P2CA4 and P2CA0; undefined: none. */
  private get firstChannel(): number | undefined {
    const select = ((this.control2 & P2CA4) !== 0 ? 2 : 0) | ((this.control2 & P2CA0) !== 0 ? 1 : 0);
    return select === 0 ? undefined : select - 1;
  }

  /** CA1-CA7 by P2CA3, P2CA2, P2CA1. */
  private get secondChannel(): number | undefined {
    const select = (this.control2 >> 3) & 7;
    return select === 0 ? undefined : select;
  }

  private volts(channel: number | undefined, withReference: boolean): number {
    const reference = withReference ? this.reference() : undefined;
    if (reference !== undefined) return reference;
    return channel === undefined ? 0 : this.options.inputVolts(channel);
  }

  /**
   * The multiplexers' sides keep their meaning when CAEX exchanges the terminals, because it inverts the output too: what
   * is left of it is the offset's sign, and the ideal comparator has none.
   */
  private evaluate(): void {
    if ((this.control1 & CAON) === 0) {
      this.set(0);
      return;
    }
    if ((this.control2 & CASHORT) !== 0) return;
    const first = this.volts(this.firstChannel, !this.referenceOnSecond);
    const second = this.volts(this.secondChannel, this.referenceOnSecond);
    this.set(first > second ? 1 : 0);
  }

  private set(level: Level): void {
    if (level === this.out) return;
    this.out = level;
    const falling = (this.control1 & CAIES) !== 0;
    if (falling === (level === 0)) {
      this.control1 |= CAIFG;
      this.request();
    }
    for (const output of this.options.outputs) output.output(level);
    for (const listener of this.listeners) listener(level);
  }

  private changed(): void {
    this.evaluate();
    this.request();
    this.plan();
  }

  private plan(): void {
    this.scheduler.cancel(this.event);
    this.event = undefined;
    if ((this.control1 & CAON) === 0) return;
    this.event = this.scheduler.after(Math.max(1, this.scheduler.cycles(pollSeconds)), () => {
      this.event = undefined;
      this.evaluate();
      this.plan();
    });
  }

  private request(): void {
    this.interrupts.set(vectors.COMPARATORA, (this.control1 & (CAIE | CAIFG)) === (CAIE | CAIFG));
  }
}
