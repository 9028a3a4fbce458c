/**
 * The clock side of a USCI: which line UCSSELx selects as BRCLK, waiting for one of its edges, and asking for it in
 * low-power modes (SLAU144, "UART Baud Rate Generation", "Automatic Clock Activation").
 */

import type { ClockDomain, ClockUser } from '../clock-domain.ts';
import { ClockLine } from '../clock-line.ts';
import type { McuShape } from '../mcu.ts';
import { Alarm, type AlarmOwner, type Scheduler } from '../scheduler.ts';

/** What a USCI needs of its chip. */
export type UsciChip = Pick<McuShape, 'scheduler' | 'bus' | 'interrupts' | 'sfr' | 'clocks' | 'pin' | 'onReset'>;

/** BRCLK for the two bits of UCSSELx; undefined for the external clock. */
export function baudClock(chip: UsciChip, select: number): ClockLine | undefined {
  switch (select & 3) {
    case 0:
      return undefined;
    case 1:
      return chip.clocks.aclk;
    default:
      return chip.clocks.smclk;
  }
}

/** Whose timer reached its tick. */
export interface TickOwner {
  onTick(timer: TickTimer): void;
}

/** Calls once at a future edge of a clock, wherever frequency changes and gating move that edge. */
export class TickTimer implements ClockUser, AlarmOwner {
  private readonly scheduler: Scheduler;
  private readonly alarm = new Alarm(this);
  private readonly owner: TickOwner | undefined;
  private domain: ClockDomain | undefined = undefined;
  private tick = 0;
  private run: (() => void) | undefined = undefined;
  private followed: readonly ClockDomain[] = nothing;

  /** @param owner called at ticks that are given without a callback */
  constructor(chip: UsciChip, owner?: TickOwner) {
    this.scheduler = chip.scheduler;
    this.owner = owner;
  }

  /** Replaces what was waiting. Without `run` the owner is called. */
  at(domain: ClockDomain, tick: number, run?: () => void): void {
    if (!this.followed.includes(domain)) this.follow(domain);
    this.domain = domain;
    this.tick = tick;
    this.run = run;
    this.arm();
  }

  cancel(): void {
    this.domain = undefined;
    this.run = undefined;
    this.scheduler.cancel(this.alarm);
  }

  clockChanged(domain: ClockDomain): void {
    if (this.domain === domain) this.arm();
  }

  onAlarm(): void {
    const { run } = this;
    this.domain = undefined;
    this.run = undefined;
    if (run !== undefined) run();
    else this.owner?.onTick(this);
  }

  private follow(domain: ClockDomain): void {
    this.followed = this.followed.concat(domain);
    if (domain instanceof ClockLine) domain.follow(this);
    else domain.onChange(() => this.clockChanged(domain));
  }

  private arm(): void {
    const time = this.domain!.timeOfTick(this.tick);
    if (Number.isFinite(time)) this.scheduler.set(this.alarm, time);
    else this.scheduler.cancel(this.alarm);
  }
}

const nothing: readonly never[] = [];

/** One standing request for a clock; switching it on twice asks once. */
export class ClockRequest {
  private requested: ClockDomain | undefined = undefined;

  /** Asks for `domain`, or for nothing. */
  set(domain: ClockDomain | undefined): void {
    if (domain === this.requested) return;
    const before = this.requested;
    this.requested = domain;
    domain?.request(true);
    before?.request(false);
  }
}
