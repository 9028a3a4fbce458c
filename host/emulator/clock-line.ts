/**
 * A clock whose rate is a fraction of the DCO: `edges` rising edges in every `period` DCO cycles.
 *
 * MCLK and SMCLK from the DCO have 1 edge in `divider` cycles; a clock from the VLO has `vloHz` edges in
 * `dcoHz × divider` cycles. All arithmetic is on integers below 2^53, so nothing drifts.
 */

import type { ClockUser, EarlyClockUser, FollowedClock } from './clock-domain.ts';
import type { Scheduler } from './scheduler.ts';

const nobody: readonly never[] = [];

export class ClockLine implements FollowedClock {
  frequencyHz = 0;

  private readonly scheduler: Scheduler;
  private users: readonly ClockUser[] = nobody;
  private earlyUsers: readonly EarlyClockUser[] = nobody;
  private edges = 1;
  private period = 1;
  /** Edges counted at `anchor`; the fraction since the last edge, in units of 1/period edge. */
  private anchorTicks = 0;
  private anchor = 0;
  private phase = 0;
  private gated = false;
  private sourceAlive = true;
  private requests = 0;

  constructor(scheduler: Scheduler) {
    this.scheduler = scheduler;
  }

  get running(): boolean {
    return this.sourceAlive && (!this.gated || this.requests > 0);
  }

  /** True while a peripheral needs it in every low-power mode. */
  get requested(): boolean {
    return this.requests > 0;
  }

  ticks(): number {
    return this.anchorTicks + this.elapsed(this.scheduler.now);
  }

  timeOfTick(tick: number): number {
    if (!this.running) return Number.POSITIVE_INFINITY;
    const distance = tick - this.anchorTicks;
    if (this.edges === 1) return this.anchor + distance * this.period - this.phase;
    const whole = Math.floor(distance / this.edges);
    const rest = distance - whole * this.edges;
    return this.anchor + whole * this.period + Math.ceil((rest * this.period - this.phase) / this.edges);
  }

  /** The time when so many edges from now have come. */
  timeAfter(ticks: number): number {
    return this.timeOfTick(this.ticks() + ticks);
  }

  /** Edges between now and a later time, at today's rate. */
  ticksUntil(time: number): number {
    return time === Number.POSITIVE_INFINITY ? time : this.elapsed(time) - this.elapsed(this.scheduler.now);
  }

  onChange(changed: () => void): void {
    this.follow({ clockChanged: changed });
  }

  follow(user: ClockUser): void {
    this.users = this.users.concat(user);
  }

  followEarly(user: EarlyClockUser): void {
    this.earlyUsers = this.earlyUsers.concat(user);
  }

  request(active: boolean): void {
    const requests = Math.max(0, this.requests + (active ? 1 : -1));
    const { sourceAlive, gated } = this;
    const switched = sourceAlive && gated && requests > 0 !== this.requests > 0;
    if (switched) this.fold();
    this.requests = requests;
    if (switched) this.notify();
  }

  /** DCO cycles per edge when that is a whole number, else 0. */
  get divider(): number {
    return this.edges === 1 ? this.period : 0;
  }

  /** Fixes the ticks so far; to be called before the scheduler's frequency changes. */
  fold(): void {
    for (const user of this.earlyUsers) user.clockChanging(this);
    const { now } = this.scheduler;
    if (this.running) {
      const cycles = now - this.anchor;
      if (this.edges === 1 && this.period === 1) {
        this.anchorTicks += cycles;
        this.anchor = now;
        return;
      }
      const whole = Math.floor(cycles / this.period);
      const fraction = this.phase + (cycles - whole * this.period) * this.edges;
      const carried = Math.floor(fraction / this.period);
      this.anchorTicks += whole * this.edges + carried;
      this.phase = fraction - carried * this.period;
    }
    this.anchor = now;
  }

  /** Sets rate and gating at once; true when something changed, and then `notify` is due. */
  configure(edges: number, period: number, frequencyHz: number, gated: boolean, sourceAlive: boolean): boolean {
    const unchanged =
      edges === this.edges &&
      period === this.period &&
      frequencyHz === this.frequencyHz &&
      gated === this.gated &&
      sourceAlive === this.sourceAlive;
    if (unchanged) return false;
    const before = this.running;
    this.fold();
    this.phase = Math.min(period - 1, Math.floor((this.phase / this.period) * period));
    this.edges = edges;
    this.period = period;
    this.frequencyHz = frequencyHz;
    this.gated = gated;
    this.sourceAlive = sourceAlive;
    return before || this.running;
  }

  /** Gates the line on or off; true when that changed whether it runs, and then `notify` is due. */
  gate(gated: boolean): boolean {
    if (gated === this.gated) return false;
    const switched = this.sourceAlive && this.requests === 0;
    if (switched) this.fold();
    this.gated = gated;
    return switched;
  }

  /** Tells the users that edges come at other times from now on. */
  notify(): void {
    for (const user of this.users) user.clockChanged(this);
  }

  private elapsed(at: number): number {
    if (!this.running) return 0;
    const cycles = at - this.anchor;
    if (this.edges === 1 && this.period === 1) return cycles;
    const whole = Math.floor(cycles / this.period);
    return whole * this.edges + Math.floor((this.phase + (cycles - whole * this.period) * this.edges) / this.period);
  }
}
