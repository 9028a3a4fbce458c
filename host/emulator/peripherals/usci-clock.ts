/**
 * The clock side of a USCI: which line UCSSELx selects as BRCLK, waiting for one of its edges, and asking for it in
 * low-power modes (SLAU144, "UART Baud Rate Generation", "Automatic Clock Activation").
 */

import type { ClockDomain } from '../clock-domain.ts';
import type { McuShape } from '../mcu.ts';
import type { ScheduledEvent, Scheduler } from '../scheduler.ts';

/** What a USCI needs of its chip. */
export type UsciChip = Pick<McuShape, 'scheduler' | 'bus' | 'interrupts' | 'sfr' | 'clocks' | 'pin' | 'onReset'>;

/** BRCLK for the two bits of UCSSELx; undefined for the external clock. */
export function baudClock(chip: UsciChip, select: number): ClockDomain | undefined {
  return [undefined, chip.clocks.aclk, chip.clocks.smclk, chip.clocks.smclk][select & 3];
}

/** Runs one callback at a future edge of a clock, wherever frequency changes and gating move that edge. */
export class TickTimer {
  private readonly scheduler: Scheduler;
  private event: ScheduledEvent | undefined;
  private waiting: { domain: ClockDomain; tick: number; run: () => void } | undefined;
  private readonly lines: UsciChip['clocks'];
  /** A clock from a pin, once it was waited for. */
  private external: ClockDomain | undefined;

  constructor(chip: UsciChip) {
    this.scheduler = chip.scheduler;
    this.lines = chip.clocks;
    this.watch(chip.clocks.aclk);
    this.watch(chip.clocks.smclk);
  }

  private watch(domain: ClockDomain): void {
    domain.onChange(() => {
      if (this.waiting?.domain === domain) this.arm();
    });
  }

  /** Replaces what was waiting. */
  at(domain: ClockDomain, tick: number, run: () => void): void {
    if (domain !== this.lines.smclk && domain !== this.lines.aclk && domain !== this.external) {
      this.external = domain;
      this.watch(domain);
    }
    this.waiting = { domain, tick, run };
    this.arm();
  }

  cancel(): void {
    this.waiting = undefined;
    this.scheduler.cancel(this.event);
    this.event = undefined;
  }

  private arm(): void {
    const { domain, tick } = this.waiting!;
    this.scheduler.cancel(this.event);
    const time = domain.timeOfTick(tick);
    this.event = Number.isFinite(time) ? this.scheduler.schedule(time, () => this.fire()) : undefined;
  }

  private fire(): void {
    const { run } = this.waiting!;
    this.waiting = undefined;
    this.event = undefined;
    run();
  }
}

/** One standing request for a clock; switching it on twice asks once. */
export class ClockRequest {
  private requested: ClockDomain | undefined;

  /** Asks for `domain`, or for nothing. */
  set(domain: ClockDomain | undefined): void {
    if (domain === this.requested) return;
    const before = this.requested;
    this.requested = domain;
    domain?.request(true);
    before?.request(false);
  }
}
