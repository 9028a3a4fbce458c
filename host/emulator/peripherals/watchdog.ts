/**
 * Watchdog Timer+ (SLAU144 "Watchdog Timer+"): watchdog and interval mode, password, NMI selection of the RST pin.
 *
 * In watchdog mode it keeps its clock alive through low-power modes and counts MCLK when that clock fails (fail-safe
 * clocking). The RST pin is a button here: as an NMI input each press is one edge, whichever WDTNMIES selects.
 */

import type { RegisterBus, RegisterOwner } from '../bus.ts';
import type { ClockDomain, ClockUser, FollowedClock } from '../clock-domain.ts';
import { type InterruptLines, type InterruptSource, vectors } from '../interrupts.ts';
import { Alarm, type AlarmOwner, type Scheduler } from '../scheduler.ts';
import { type SfrOwner, type SpecialFunctionRegisters, sfrAddresses } from './sfr.ts';

const WDTHOLD = 0x80;
const WDTNMI = 0x20;
const WDTTMSEL = 0x10;
const WDTCNTCL = 0x08;
const WDTSSEL = 0x04;
const password = 0x5a;
const intervals = [32768, 8192, 512, 64] as const;
const WDTIFG = 0x01;
const NMIIFG = 0x10;

export interface WatchdogOptions {
  readonly mclk: ClockDomain;
  readonly smclk: FollowedClock;
  readonly aclk: FollowedClock;
  /** The watchdog expired or was written with a wrong password. */
  reset(kind: 'watchdog' | 'password'): void;
  /** Sets the request of the NMI vector together with its other sources. */
  requestNmi(source: 'rst-pin', requested: boolean): void;
}

/** WDTCTL. */
const addresses: readonly number[] = [0x120];

export class Watchdog implements RegisterOwner, SfrOwner, InterruptSource, ClockUser, AlarmOwner {
  private readonly scheduler: Scheduler;
  private readonly interrupts: InterruptLines;
  private readonly options: WatchdogOptions;
  private control = 0;
  /** What it counts. */
  private counting: ClockDomain;
  /** Tick of that clock at which the counter was 0 (or would have been). */
  private start = 0;
  private followsMain = false;
  /** Counter value while it is held. */
  private heldCount = 0;
  private flag = false;
  private enabled = false;
  private nmiFlag = false;
  private nmiEnabled = false;
  private requested: ClockDomain | undefined = undefined;
  private readonly alarm = new Alarm(this);

  constructor(
    scheduler: Scheduler,
    bus: RegisterBus,
    sfr: SpecialFunctionRegisters,
    interrupts: InterruptLines,
    options: WatchdogOptions,
  ) {
    this.scheduler = scheduler;
    this.interrupts = interrupts;
    this.options = options;
    this.counting = options.smclk;
    bus.own(addresses, this);
    sfr.claim('IE1', WDTIFG | NMIIFG, this);
    sfr.claim('IFG1', WDTIFG | NMIIFG, this);
    for (const clock of [options.smclk, options.aclk]) clock.follow(this);
    interrupts.attach(vectors.WDT, this);
    interrupts.attach(vectors.NMI, this);
  }

  readRegister(): number {
    return 0x6900 | this.control;
  }

  peekRegister(): number {
    return this.readRegister();
  }

  writeRegister(_address: number, value: number): void {
    this.write(value);
  }

  readSfr(address: number): number {
    if (address === sfrAddresses.IE1) return (this.enabled ? WDTIFG : 0) | (this.nmiEnabled ? NMIIFG : 0);
    return (this.flag ? WDTIFG : 0) | (this.nmiFlag ? NMIIFG : 0);
  }

  writeSfr(address: number, bits: number): void {
    const watchdog = (bits & WDTIFG) !== 0;
    const pin = (bits & NMIIFG) !== 0;
    if (address === sfrAddresses.IE1) {
      this.enabled = watchdog;
      this.nmiEnabled = pin;
    } else {
      this.flag = watchdog;
      this.nmiFlag = pin;
    }
    this.request();
  }

  interruptAccepted(vector: number): void {
    if (vector === vectors.WDT) this.flag = false;
    else this.nmiEnabled = false;
    this.request();
  }

  clockChanged(): void {
    this.plan();
  }

  /** True when the RST pin asks for an NMI instead of a reset. */
  get pinIsNmi(): boolean {
    return (this.control & WDTNMI) !== 0;
  }

  /** The RST pin went low while it is an NMI input. */
  pinNmi(): void {
    this.nmiFlag = true;
    this.request();
  }

  /** Every PUC restarts the watchdog with 32768 cycles of SMCLK. `cause` sets or clears WDTIFG. */
  reset(cause: 'watchdog' | 'por' | 'other'): void {
    if (cause === 'watchdog') this.flag = true;
    else if (cause === 'por') this.flag = false;
    this.enabled = false;
    this.nmiEnabled = false;
    if (cause === 'por') this.nmiFlag = false;
    this.control = 0;
    this.restart();
    this.request();
  }

  /** What WDTSSEL selects, or MCLK while that does not swing and a program relies on it (SLAU144 "Clock Fail-Safe"). */
  private get clock(): ClockDomain {
    const { aclk, smclk, mclk } = this.options;
    const selected = (this.control & WDTSSEL) !== 0 ? aclk : smclk;
    const relied = (this.control & (WDTHOLD | WDTTMSEL)) === 0;
    return relied && selected.frequencyHz === 0 ? mclk : selected;
  }

  private get held(): boolean {
    return (this.control & WDTHOLD) !== 0;
  }

  private write(value: number): void {
    if (value >> 8 !== password) {
      this.options.reset('password');
      return;
    }
    const count = this.count();
    this.control = value & 0xff & ~WDTCNTCL;
    this.counting = this.clock;
    this.start = this.counting.ticks() - count;
    this.heldCount = count;
    if ((value & WDTCNTCL) !== 0) this.restart();
    this.keepClock();
    this.plan();
    this.request();
  }

  private count(): number {
    return this.held ? this.heldCount : (this.counting.ticks() - this.start) & 0xffff;
  }

  private restart(): void {
    this.heldCount = 0;
    this.counting = this.clock;
    this.start = this.counting.ticks();
    this.keepClock();
    this.plan();
  }

  private keepClock(): void {
    const wanted = this.held || (this.control & WDTTMSEL) !== 0 ? undefined : this.counting;
    if (wanted === this.requested) return;
    if (wanted === this.options.mclk && !this.followsMain) {
      this.followsMain = true;
      wanted.onChange(() => this.plan());
    }
    const before = this.requested;
    this.requested = wanted;
    wanted?.request(true);
    before?.request(false);
  }

  /** The clock failed, or swings again: the counter goes on with another one. */
  private followClock(): void {
    const { clock } = this;
    if (clock === this.counting) return;
    this.start = clock.ticks() - (this.counting.ticks() - this.start);
    this.counting = clock;
    this.keepClock();
  }

  private plan(): void {
    this.scheduler.cancel(this.alarm);
    if (this.held) return;
    this.followClock();
    const interval = intervals[this.control & 3]!;
    const elapsed = this.counting.ticks() - this.start;
    const at = this.counting.timeOfTick(this.start + (Math.floor(elapsed / interval) + 1) * interval);
    if (at === Number.POSITIVE_INFINITY) return;
    this.scheduler.set(this.alarm, at);
  }

  onAlarm(): void {
    if ((this.control & WDTTMSEL) === 0) {
      this.options.reset('watchdog');
      return;
    }
    this.flag = true;
    this.request();
    this.plan();
  }

  private request(): void {
    const interval = (this.control & WDTTMSEL) !== 0;
    this.interrupts.set(vectors.WDT, interval && this.flag && this.enabled);
    this.options.requestNmi('rst-pin', this.nmiFlag && this.nmiEnabled);
  }
}
