/**
 * Basic Clock Module+ (SLAU144 "Basic Clock Module+", SLAS735): DCO, VLO, LFXT1, and MCLK, SMCLK, ACLK made from them.
 *
 * Without a crystal, or with P2.6 or P2.7 given to something else, LFXT1 is dead: LFXT1OF and OFIFG stay set. MCLK comes
 * from the DCO as long as OFIFG is set. The chip has no XT2. LFXT1S = 3 takes a digital clock from XIN. XTS and DCOR are
 * kept and do what they do on this chip: no crystal swings in high-frequency mode, and no pin has a resistor for the DCO.
 * XCAP is kept: what it does to a crystal's frequency is less than a typical chip tells. A crystal takes
 * `crystalStartSeconds` to swing; for the DCO's wake-up time see Mcu. The free-running oscillators of other peripherals are kept here too, because their lines have to
 * follow the DCO, in whose cycles time is counted.
 */

import type { RegisterBus, RegisterOwner } from '../bus.ts';
import { ClockLine } from '../clock-line.ts';
import { status } from '../cpu/cpu.ts';
import { type InterruptLines, type InterruptSource, vectors } from '../interrupts.ts';
import type { ScheduledEvent, Scheduler } from '../scheduler.ts';
import { dcoFrequencyHz } from './dco.ts';
import type { PinFunction } from './pin.ts';
import { type SfrOwner, type SpecialFunctionRegisters, sfrAddresses } from './sfr.ts';

const OFIFG = 0x02;
const resetValues = { dcoctl: 0x60, bcsctl1: 0x87 } as const;
/** DCOCLK after power-on. */
export const resetFrequencyHz = dcoFrequencyHz(resetValues.dcoctl, resetValues.bcsctl1);

export interface BasicClockOptions {
  readonly vloHz: number;
  /** A watch crystal on XIN/XOUT, or undefined. */
  readonly crystalHz: number | undefined;
  /** What the crystal takes to swing; 0: it swings at once. */
  readonly crystalStartSeconds: number;
  /** A digital clock that drives XIN, or undefined. */
  readonly xinHz: number | undefined;
  /** DCO set to the contents of an erased info A. */
  onNoCalibration(): void;
  /** RSELx changed in a way that may stop the DCO (erratum BCL12). */
  onRangeJump(): void;
  /** Sets the request of the NMI vector together with its other sources. */
  requestNmi(source: 'oscillator', requested: boolean): void;
}

const registers = { BCSCTL3: 0x53, DCOCTL: 0x56, BCSCTL1: 0x57, BCSCTL2: 0x58 } as const;

export class BasicClock implements RegisterOwner, SfrOwner, InterruptSource {
  readonly mclk: ClockLine;
  readonly smclk: ClockLine;
  readonly aclk: ClockLine;
  /** The pin oscillator, silent until `setOscillator`. */
  readonly pinOscillator: ClockLine;
  /** ADC10OSC, likewise. */
  readonly adcOscillator: ClockLine;

  private pinOscillatorHz = 0;
  private adcOscillatorHz = 0;
  private readonly scheduler: Scheduler;
  private readonly options: BasicClockOptions;
  private currentVloHz: number;
  private dcoctl: number = resetValues.dcoctl;
  private bcsctl1: number = resetValues.bcsctl1;
  private bcsctl2 = 0;
  private bcsctl3 = 0;
  private dcoHz = resetFrequencyHz;
  private cpuStatus = 0;
  private ofifg = true;
  private ofie = false;
  /** XIN and XOUT, when something is connected to them. */
  private crystalPins: { readonly xin: PinFunction; readonly xout: PinFunction } | undefined = undefined;
  private crystalSwings = false;
  private crystalStart: ScheduledEvent | undefined = undefined;

  constructor(
    scheduler: Scheduler,
    bus: RegisterBus,
    sfr: SpecialFunctionRegisters,
    interrupts: InterruptLines,
    options: BasicClockOptions,
  ) {
    this.scheduler = scheduler;
    this.options = options;
    this.currentVloHz = options.vloHz;
    this.mclk = new ClockLine(scheduler);
    this.smclk = new ClockLine(scheduler);
    this.aclk = new ClockLine(scheduler);
    this.pinOscillator = new ClockLine(scheduler);
    this.adcOscillator = new ClockLine(scheduler);
    bus.own(Object.values(registers), this);
    sfr.claim('IE1', OFIFG, this);
    sfr.claim('IFG1', OFIFG, this);
    interrupts.attach(vectors.NMI, this);
    this.apply();
  }

  /** Tells the oscillator its pins; without them nothing is connected. */
  connect(xin: PinFunction, xout: PinFunction): void {
    this.crystalPins = { xin, xout };
    for (const pin of [xin, xout]) pin.onSelect(() => this.apply());
    this.apply();
  }

  get vloHz(): number {
    return this.currentVloHz;
  }

  set vloHz(frequencyHz: number) {
    this.currentVloHz = Math.round(frequencyHz);
    this.apply();
  }

  /** Sets the frequency of a free-running oscillator, 0 for off. */
  setOscillator(line: ClockLine, frequencyHz: number): void {
    const hz = Math.round(frequencyHz);
    if (line === this.pinOscillator) this.pinOscillatorHz = hz;
    else this.adcOscillatorHz = hz;
    if (this.configureLine(line, hz, this.dcoHz, 1, false)) line.notify();
  }

  /** The time when `cycles` cycles of MCLK from now have passed. */
  timeAfterMclk(cycles: number): number {
    return this.mclk.timeOfTick(this.mclk.ticks() + cycles);
  }

  /** True when nothing keeps the DCO alive, so that the next wake-up has to start it. */
  get dcoStopped(): boolean {
    const off = status.CPUOFF | status.SCG1;
    return (this.cpuStatus & off) === off && !this.smclk.running && !this.mclk.running;
  }

  /** SR's low-power bits changed. */
  setStatus(cpuStatus: number): void {
    const oscillatorChanged = ((this.cpuStatus ^ cpuStatus) & status.OSCOFF) !== 0;
    this.cpuStatus = cpuStatus;
    const main = this.mclk.gate(this.gated(status.CPUOFF));
    const sub = this.smclk.gate(this.gated(status.SCG1));
    const auxiliary = this.aclk.gate(this.gated(status.OSCOFF));
    if (main) this.mclk.notify();
    if (sub) this.smclk.notify();
    if (auxiliary) this.aclk.notify();
    if (oscillatorChanged && this.crystalPins !== undefined) this.apply();
  }

  reset(por: boolean): void {
    this.dcoctl = resetValues.dcoctl;
    // XTS and DIVA survive a PUC.
    this.bcsctl1 = por ? resetValues.bcsctl1 : (this.bcsctl1 & 0x70) | resetValues.bcsctl1;
    this.bcsctl2 = 0;
    this.bcsctl3 = por ? 0x04 : this.bcsctl3 & 0x3c;
    this.cpuStatus = 0;
    this.ofifg = true;
    this.ofie = false;
    this.dcoHz = resetFrequencyHz;
    this.apply();
  }

  readRegister(address: number): number {
    switch (address) {
      case registers.BCSCTL3:
        return this.bcsctl3 | (this.fault ? 1 : 0);
      case registers.DCOCTL:
        return this.dcoctl;
      case registers.BCSCTL1:
        return this.bcsctl1;
      default:
        return this.bcsctl2;
    }
  }

  peekRegister(address: number): number {
    return this.readRegister(address);
  }

  writeRegister(address: number, value: number): void {
    switch (address) {
      case registers.BCSCTL3:
        this.bcsctl3 = value & 0xfc;
        this.apply();
        break;
      case registers.DCOCTL:
        this.dcoctl = value;
        this.dcoChanged();
        break;
      case registers.BCSCTL1:
        // An erased info A has a warning of its own.
        if (value !== 0xff || this.dcoctl !== 0xff) this.checkRange(this.bcsctl1 & 0x0f, value & 0x0f);
        this.bcsctl1 = value;
        this.dcoChanged();
        break;
      default:
        this.bcsctl2 = value;
        this.apply();
    }
  }

  readSfr(address: number): number {
    const set = address === sfrAddresses.IE1 ? this.ofie : this.ofifg;
    return set ? OFIFG : 0;
  }

  writeSfr(address: number, bits: number): void {
    if (address === sfrAddresses.IE1) {
      this.ofie = bits !== 0;
      this.requestNmi();
      return;
    }
    // The fault, while it lasts, sets the flag again.
    const before = this.ofifg;
    this.ofifg = bits !== 0 || this.fault;
    this.requestNmi();
    if (before !== this.ofifg && this.bcsctl2 >= 0x80) this.apply();
  }

  /** The CPU took the NMI vector. */
  interruptAccepted(): void {
    this.ofie = false;
    this.requestNmi();
  }

  private requestNmi(): void {
    this.options.requestNmi('oscillator', this.ofie && this.ofifg);
  }

  /** BCL12: down from 14 or 15 by way of 13, up to 13 or more with DCOx = 0. */
  private checkRange(before: number, after: number): void {
    const down = before > 13 && after < 13;
    const up = before < 13 && after > 12 && this.dcoctl >> 5 !== 0;
    if (down || up) this.options.onRangeJump();
  }

  private dcoChanged(): void {
    if (this.dcoctl === 0xff && this.bcsctl1 === 0xff) this.options.onNoCalibration();
    this.dcoHz = dcoFrequencyHz(this.dcoctl, this.bcsctl1);
    this.apply();
  }

  /** LFXT1CLK: the VLO, the crystal, or 0 when nothing swings. */
  private lowFrequencyHz(): number {
    const select = (this.bcsctl3 >> 4) & 3;
    if (select === 2) return this.currentVloHz;
    if (select === 3) return this.crystalPins?.xin.selected === true ? (this.options.xinHz ?? 0) : 0;
    return this.crystalSwings ? this.options.crystalHz! : 0;
  }

  /** LFXT1 is on unless OSCOFF stops it, which MCLK, SMCLK and who needs ACLK prevent (SLAU144 "LFXT1 Oscillator"). */
  private get lowFrequencyOn(): boolean {
    const used = this.bcsctl2 >= 0x80 || (this.bcsctl2 & 0x08) !== 0 || this.aclk.requested;
    return used || !this.gated(status.OSCOFF);
  }

  /** LFXT1OF: the oscillator is on and nothing swings. */
  private get fault(): boolean {
    return this.lowFrequencyOn && this.lowFrequencyHz() === 0;
  }

  /** Starts or stops the crystal when its pins, LFXT1S, XTS or OSCOFF say so. */
  private driveCrystal(): void {
    const { crystalPins, options } = this;
    if (crystalPins === undefined || options.crystalHz === undefined) return;
    const driven = (this.bcsctl3 & 0x30) === 0 && (this.bcsctl1 & 0x40) === 0 && this.lowFrequencyOn;
    if (!driven || !crystalPins.xin.selected || !crystalPins.xout.selected) {
      this.scheduler.cancel(this.crystalStart);
      this.crystalStart = undefined;
      this.crystalSwings = false;
    } else if (!this.crystalSwings && options.crystalStartSeconds === 0) this.crystalSwings = true;
    else if (!this.crystalSwings && this.crystalStart === undefined) {
      this.crystalStart = this.scheduler.after(this.scheduler.cycles(options.crystalStartSeconds), () => {
        this.crystalStart = undefined;
        this.crystalSwings = true;
        this.apply();
      });
    }
  }

  private apply(): void {
    const lines = [this.mclk, this.smclk, this.aclk, this.pinOscillator, this.adcOscillator];
    for (const line of lines) line.fold();
    const { dcoHz } = this;
    this.scheduler.setFrequency(dcoHz);
    this.driveCrystal();
    const lowHz = this.lowFrequencyHz();
    if (this.fault) this.ofifg = true;
    this.requestNmi();

    const changed = [
      this.configureMain(dcoHz, lowHz),
      this.configureSub(dcoHz, lowHz),
      this.configureLine(this.aclk, lowHz, dcoHz, 1 << ((this.bcsctl1 >> 4) & 3), this.gated(status.OSCOFF)),
      this.configureLine(this.pinOscillator, this.pinOscillatorHz, dcoHz, 1, false),
      this.configureLine(this.adcOscillator, this.adcOscillatorHz, dcoHz, 1, false),
    ];
    lines.forEach((line, index) => {
      if (changed[index]) line.notify();
    });
  }

  private gated(bit: number): boolean {
    return (this.cpuStatus & bit) !== 0;
  }

  private configureMain(dcoHz: number, lowHz: number): boolean {
    const divider = 1 << ((this.bcsctl2 >> 4) & 3);
    const low = this.bcsctl2 >= 0x80 && lowHz !== 0 && !this.ofifg;
    return this.configureLine(this.mclk, low ? lowHz : dcoHz, dcoHz, divider, this.gated(status.CPUOFF));
  }

  private configureSub(dcoHz: number, lowHz: number): boolean {
    const divider = 1 << ((this.bcsctl2 >> 1) & 3);
    const low = (this.bcsctl2 & 0x08) !== 0;
    return this.configureLine(this.smclk, low ? lowHz : dcoHz, dcoHz, divider, this.gated(status.SCG1));
  }

  private configureLine(line: ClockLine, sourceHz: number, dcoHz: number, divider: number, gated: boolean): boolean {
    if (sourceHz === dcoHz) return line.configure(1, divider, dcoHz / divider, gated, true);
    return line.configure(Math.max(1, sourceHz), dcoHz * divider, sourceHz / divider, gated, sourceHz !== 0);
  }
}
