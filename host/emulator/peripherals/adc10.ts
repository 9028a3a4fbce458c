/**
 * ADC10 (SLAU144 "ADC10", SLAS735 "10-Bit ADC"): single and sequence conversions, repeated or not, software and timer
 * triggers, the data transfer controller, both reference voltages, temperature sensor and supply/2.
 *
 * Voltages come from functions that the board sets. An ideal converter: no noise, no offset, ADC10OSC at a typical 5 MHz.
 * A conversion against a reference that did not have its 30 us, or a sample of the temperature sensor that is shorter,
 * is converted all the same and warned about. The guide does not say what a reference that is off is good for; here it is
 * 0 V. A conversion whose clock stops waits for it; silicon does not complete it. ADC10SR is kept: the drive strength of a buffer is not modelled.
 */

import type { RegisterBus, RegisterOwner } from '../bus.ts';
import type { ClockDomain } from '../clock-domain.ts';
import { type InterruptLines, type InterruptSource, vectors } from '../interrupts.ts';
import { Alarm, type AlarmOwner, type Scheduler } from '../scheduler.ts';
import { Adc10Transfer, transferRegisters } from './adc10-transfer.ts';
import type { OutputUnit } from './timer-a-output.ts';

const SC = 0x01;
const ENC = 0x02;
const IFG = 0x04;
const IE = 0x08;
const ON = 0x10;
const REFON = 0x20;
const REF2_5V = 0x40;
const REFOUT = 0x0200;
const REFBURST = 0x0100;
const MSC = 0x80;
const BUSY = 0x01;
const DF = 0x0200;
const ISSH = 0x0100;
const sampleClocks = [4, 8, 16, 64] as const;
const conversionClocks = 13;
/** What the reference generator takes to settle, and the temperature sensor to be sampled (SLAS735, both 30 us). */
const referenceSeconds = 30e-6;
const sensorSeconds = 30e-6;
const sensorChannel = 10;
/** ADC10OSC, typical (SLAS735: 3.7 to 6.3 MHz). */
export const oscillatorHz = 5_000_000;

export interface Adc10Options {
  readonly mclk: ClockDomain;
  readonly smclk: ClockDomain;
  readonly aclk: ClockDomain;
  /** Timer outputs that trigger for SHS = 1, 2, 3: TA0.1, TA0.0, TA0.2. */
  trigger(select: 1 | 2 | 3): OutputUnit;
  /** Tells the timer that a trigger is (no longer) listened to. */
  triggerWatchChanged(): void;
  supplyVolts(): number;
  temperatureCelsius(): number;
  /** ADC10OSC starts or stops: it runs during conversions that use it. */
  oscillator(running: boolean): void;
  /** Writes a word as the DTC does. */
  store(address: number, value: number): void;
  /** When the DTC will have moved a result that is there now. */
  transferTime(): number;
  /** The DTC halts a CPU that is awake for a cycle of MCLK. */
  stealCycle(): void;
  /** ADC10AE0 changed: bit x disables the input buffer of P1.x. */
  buffersDisabled(mask: number): void;
  warn(code: 'REFERENCE_SETTLING' | 'SHORT_SAMPLE', register: number): void;
}

/** Voltage of the temperature sensor (SLAS735: 3.55 mV/K, 986 mV at 0 degrees). */
export function temperatureSensorVolts(celsius: number): number {
  return 0.00355 * celsius + 0.986;
}

/** The converter's transfer function (SLAU144): 1023 at the upper reference and above. */
export function convert(volts: number, low: number, high: number): number {
  if (high <= low) return volts > low ? 1023 : 0;
  return Math.max(0, Math.min(1023, Math.round((1023 * (volts - low)) / (high - low))));
}

const registers = { ADC10AE0: 0x4a, ADC10CTL0: 0x1b0, ADC10CTL1: 0x1b2, ADC10MEM: 0x1b4 } as const;
const addresses: readonly number[] = Object.values(registers);
const transferAddresses: readonly number[] = Object.values(transferRegisters);
/** What inputs see that nothing is connected to. */
const unconnected: readonly (() => number)[] = new Array<() => number>(16).fill(() => 0);
const noClocks: readonly ClockDomain[] = [];

export class Adc10 implements RegisterOwner, InterruptSource, AlarmOwner {
  private readonly scheduler: Scheduler;
  private readonly interrupts: InterruptLines;
  private readonly options: Adc10Options;
  private inputs = unconnected;
  private readonly transfer: Adc10Transfer;
  private control0 = 0;
  private control1 = 0;
  private analogEnable = 0;
  private result = 0;
  private channel = 0;
  /** Sampling or converting. */
  private converting = false;
  /** The end of a conversion; the end of a transfer. */
  private readonly conversion = new Alarm(this);
  private readonly transferred = new Alarm(this);
  /** The clock and its tick at which the conversion ends; undefined with ADC10OSC. */
  private end: { readonly clock: ClockDomain; readonly tick: number } | undefined = undefined;
  /** Clocks whose changes it is told of: those that were used. */
  private heard = noClocks;
  /** When, in seconds, the reference generator was last switched on or to another voltage. */
  private referenceSince = 0;
  private oscillating = false;
  private unlisten: (() => void) | undefined = undefined;
  /** A sequence or single conversion was started and waits for further triggers. */
  private inSequence = false;
  /** A single conversion by timer is done: ENC has to toggle before the next. */
  private exhausted = false;

  constructor(scheduler: Scheduler, bus: RegisterBus, interrupts: InterruptLines, options: Adc10Options) {
    this.scheduler = scheduler;
    this.interrupts = interrupts;
    this.options = options;
    this.transfer = new Adc10Transfer(options);
    bus.own(transferAddresses, this.transfer);
    bus.own(addresses, this);
    interrupts.attach(vectors.ADC10, this);
  }

  readRegister(address: number): number {
    switch (address) {
      case registers.ADC10AE0:
        return this.analogEnable;
      case registers.ADC10CTL0:
        return this.control0;
      case registers.ADC10CTL1:
        return this.control1 | (this.converting ? BUSY : 0);
      default:
        return this.result;
    }
  }

  peekRegister(address: number): number {
    return this.readRegister(address);
  }

  writeRegister(address: number, value: number): void {
    switch (address) {
      case registers.ADC10AE0:
        this.analogEnable = value;
        this.options.buffersDisabled(value);
        break;
      case registers.ADC10CTL0:
        this.writeControl0(value);
        break;
      case registers.ADC10CTL1:
        this.writeControl1(value);
        break;
    }
  }

  onAlarm(alarm: Alarm): void {
    if (alarm === this.conversion) this.finish();
    else this.finishTransfer();
  }

  /** The CPU took the vector: the flag resets itself. */
  interruptAccepted(): void {
    this.control0 &= ~IFG;
    this.request();
  }

  /** Voltage at an input A0-A7 now, as the comparator's multiplexers see it too. */
  inputVolts(channel: number): number {
    return this.inputs[channel]!();
  }

  /**
   * What the reference generator puts on P1.4 (VREF+), undefined when REFOUT keeps it inside or REFBURST switches its
   * buffer off between conversions.
   */
  get referenceOutput(): number | undefined {
    const enabled = (this.control0 & (REFON | REFOUT)) === (REFON | REFOUT);
    const shown = enabled && ((this.control0 & REFBURST) === 0 || this.converting);
    return shown ? this.generatedReference() : undefined;
  }

  /** ADC10CLK: its source, undefined for ADC10OSC, and its divider. */
  get clock(): { readonly source: ClockDomain | undefined; readonly divider: number } {
    const { aclk, mclk, smclk } = this.options;
    const source = [undefined, aclk, mclk, smclk][(this.control1 >> 3) & 3];
    return { source, divider: ((this.control1 >> 5) & 7) + 1 };
  }

  /** What a channel sees, asked when its sample time ends. */
  setInput(channel: number, volts: () => number): void {
    this.inputs = this.inputs.map((input, index) => (index === channel ? volts : input));
  }

  reset(): void {
    this.stopConversion();
    this.scheduler.cancel(this.transferred);
    this.control0 = 0;
    this.control1 = 0;
    this.analogEnable = 0;
    this.options.buffersDisabled(0);
    this.exhausted = false;
    this.transfer.reset();
    this.listen();
    this.request();
  }

  private get enabled(): boolean {
    return (this.control0 & (ENC | ON)) === (ENC | ON);
  }

  private get repeated(): boolean {
    return (this.control1 & 0x04) !== 0;
  }

  private get sequence(): boolean {
    return (this.control1 & 0x02) !== 0;
  }

  private get trigger(): number {
    return (this.control1 >> 10) & 3;
  }

  private writeControl0(value: number): void {
    const before = this.control0;
    // SC resets itself. Fields other than ENC, SC, IE, IFG and REFs change only while ENC is clear.
    const protectedBits = 0xfc00 | MSC | ON;
    const fields = (before & ENC & value) !== 0 ? (before & protectedBits) | (value & ~protectedBits) : value;
    this.control0 = fields & ~SC;
    if ((value & REFON) !== 0 && ((before ^ fields) & (REFON | REF2_5V)) !== 0) {
      this.referenceSince = this.scheduler.seconds();
    }
    if ((value & ENC) === 0) this.disable();
    else if ((before & ENC) === 0) {
      this.exhausted = false;
      this.inSequence = false;
    }
    if ((value & (SC | ENC)) === (SC | ENC) && this.trigger === 0) this.triggered();
    this.listen();
    this.request();
  }

  private writeControl1(value: number): void {
    if ((this.control0 & ENC) !== 0) return;
    this.control1 = value & ~BUSY;
    // CONSEQ = 0 with ENC clear stops any mode immediately (SLAU144 "Stopping Conversions").
    if (!this.sequence && !this.repeated) this.stopConversion();
    this.listen();
  }

  /** ENC went low: a single conversion is broken off, a sequence ends after its last channel. */
  private disable(): void {
    if (!this.sequence && !this.repeated) this.stopConversion();
    else if (!this.converting) this.inSequence = false;
  }

  private stopConversion(): void {
    this.runOscillator(false);
    this.scheduler.cancel(this.conversion);
    this.converting = false;
    this.inSequence = false;
  }

  private listen(): void {
    const wanted = this.trigger !== 0 && this.enabled;
    if (wanted === (this.unlisten !== undefined)) return;
    if (wanted) {
      const inverted = (this.control1 & ISSH) !== 0 ? 0 : 1;
      this.unlisten = this.options.trigger(this.trigger as 1 | 2 | 3).onChange((level) => {
        if (level === inverted) this.triggered();
      });
    } else {
      this.unlisten?.();
      this.unlisten = undefined;
    }
    this.options.triggerWatchChanged();
  }

  private triggered(): void {
    if (!this.enabled || this.converting || this.exhausted) return;
    if (!this.inSequence) {
      this.channel = this.control1 >> 12;
      this.inSequence = true;
    }
    this.start();
  }

  private start(): void {
    const { scheduler } = this;
    const clocks = (sampleClocks[(this.control0 >> 11) & 3]! + conversionClocks) * this.clock.divider;
    const { source } = this.clock;
    this.converting = true;
    if (source === undefined) {
      this.end = undefined;
      const cycles = Math.max(1, Math.ceil((clocks * scheduler.frequencyHz) / oscillatorHz));
      scheduler.set(this.conversion, scheduler.now + cycles);
    } else {
      this.end = { clock: source, tick: source.ticks() + clocks };
      this.hear(source);
      this.awaitEnd();
    }
    this.checkTiming((source?.frequencyHz ?? oscillatorHz) / this.clock.divider);
    this.runOscillator(source === undefined);
  }

  private hear(clock: ClockDomain): void {
    if (this.heard.includes(clock)) return;
    this.heard = this.heard.concat(clock);
    clock.onChange(() => {
      if (this.converting && this.end?.clock === clock) this.awaitEnd();
    });
  }

  /** The end of a conversion by a clock of the chip, when that runs. */
  private awaitEnd(): void {
    const { clock, tick } = this.end!;
    const at = clock.timeOfTick(tick);
    if (at === Number.POSITIVE_INFINITY) this.scheduler.cancel(this.conversion);
    else this.scheduler.set(this.conversion, at);
  }

  private checkTiming(clockHz: number): void {
    const { scheduler, options } = this;
    if ((this.control0 & (0x2000 | 0x4000 | REFON)) === (0x2000 | REFON)) {
      const settled = scheduler.seconds() - this.referenceSince;
      if (settled < referenceSeconds) options.warn('REFERENCE_SETTLING', 0x1b0);
    }
    if (this.channel !== sensorChannel) return;
    const sampleSeconds = sampleClocks[(this.control0 >> 11) & 3]! / clockHz;
    if (sampleSeconds < sensorSeconds) options.warn('SHORT_SAMPLE', 0x1b0);
  }

  private runOscillator(running: boolean): void {
    if (running === this.oscillating) return;
    this.oscillating = running;
    this.options.oscillator(running);
  }

  private finish(): void {
    this.converting = false;
    const code = convert(this.volts(this.channel), this.lowReference(), this.highReference());
    // Two's complement, left-justified.
    this.result = (this.control1 & DF) !== 0 ? ((code - 512) << 6) & 0xffff : code;
    if (this.transfer.enabled) this.awaitTransfer();
    else {
      this.control0 |= IFG;
      this.request();
    }
    this.next();
    if (!this.converting) this.runOscillator(false);
  }

  /** The DTC takes what is in ADC10MEM when it has synchronised with MCLK, which a faster ADC10 may have replaced. */
  private awaitTransfer(): void {
    if (this.transferred.waiting || !this.transfer.running) return;
    this.scheduler.set(this.transferred, this.options.transferTime());
  }

  private finishTransfer(): void {
    this.options.stealCycle();
    // With the DTC the flag tells of full blocks alone, also after the last of them.
    if (!this.transfer.push(this.result)) return;
    this.control0 |= IFG;
    this.request();
  }

  /** Decides what follows a conversion (SLAU144 "ADC10 Conversion Modes"). */
  private next(): void {
    const lastOfSequence = !this.sequence || this.channel === 0;
    if (this.sequence) this.channel = this.channel === 0 ? this.control1 >> 12 : this.channel - 1;
    const over = lastOfSequence && (!this.repeated || (this.control0 & ENC) === 0);
    if (over) {
      this.inSequence = false;
      this.exhausted = this.trigger !== 0 && !this.repeated;
      return;
    }
    const more = (this.control0 & MSC) !== 0 || (this.control0 & ENC) === 0;
    if (more && (this.sequence || this.repeated)) this.start();
  }

  private highReference(): number {
    const select = (this.control0 >> 13) & 3;
    if (select === 0) return this.options.supplyVolts();
    if (select === 1) {
      return (this.control0 & REFON) === 0 ? 0 : this.generatedReference();
    }
    return this.inputs[4]!();
  }

  private generatedReference(): number {
    return (this.control0 & REF2_5V) !== 0 ? 2.5 : 1.5;
  }

  private lowReference(): number {
    return this.control0 >= 0x8000 ? this.inputs[3]!() : 0;
  }

  private volts(channel: number): number {
    if (channel === 10) return temperatureSensorVolts(this.options.temperatureCelsius());
    if (channel >= 11) return this.options.supplyVolts() / 2;
    // 8 and 9 are the external references' pins, A4 and A3.
    if (channel === 8) return this.inputs[4]!();
    if (channel === 9) return this.inputs[3]!();
    return this.inputs[channel]!();
  }

  private request(): void {
    this.interrupts.set(vectors.ADC10, (this.control0 & (IE | IFG)) === (IE | IFG));
  }
}
