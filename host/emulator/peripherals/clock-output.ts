/**
 * A clock on a pin (SLAS735 port tables: ACLK on P1.0, SMCLK on P1.4, ADC10CLK on P1.3): an edge on the pin for every
 * edge of the clock, while PxSEL gives the pin to it.
 *
 * Time is counted in DCO cycles. A clock as fast as the DCO, or ADC10OSC beside a slow DCO, rises and falls within one:
 * such edges bear the same time, so that frequencies are right and duty cycles are not.
 */

import type { ClockDomain, ClockUser, FollowedClock } from '../clock-domain.ts';
import type { ScheduledEvent, Scheduler } from '../scheduler.ts';
import type { FunctionUser, PinFunction } from './pin.ts';

/** What comes out of the pin. */
export interface OutputSource {
  /** All that it may come from. */
  readonly clocks: readonly FollowedClock[];
  /** The clock and by what it is divided on its way to the pin; asked again at every edge. */
  current(): { readonly clock: ClockDomain; readonly divider: number };
}

export class ClockOutput implements FunctionUser, ClockUser {
  private readonly scheduler: Scheduler;
  private readonly pin: PinFunction;
  private readonly source: () => OutputSource;
  /** Known once the pin was selected, which it never is on most chips. */
  private selected: OutputSource | undefined = undefined;
  private event: ScheduledEvent | undefined = undefined;
  /** The tick that rose last, while nothing changed since. */
  private lastTick: number | undefined = undefined;

  /** @param source asked when the pin is selected for the first time */
  constructor(scheduler: Scheduler, pin: PinFunction, source: () => OutputSource) {
    this.scheduler = scheduler;
    this.pin = pin;
    this.source = source;
    pin.output(0);
    pin.follow(this);
  }

  functionSelected(): void {
    if (this.selected === undefined && this.pin.selected) {
      this.selected = this.source();
      for (const clock of this.selected.clocks) clock.follow(this);
    }
    this.clockChanged();
  }

  clockChanged(): void {
    this.scheduler.cancel(this.event);
    this.event = undefined;
    this.lastTick = undefined;
    if (this.pin.selected) this.next();
  }

  private next(): void {
    const { clock, divider } = this.selected!.current();
    const tick = (this.lastTick ?? Math.floor(clock.ticks() / divider) * divider) + divider;
    const rising = clock.timeOfTick(tick);
    if (rising === Number.POSITIVE_INFINITY) return;
    const falling = Math.floor((rising + clock.timeOfTick(tick + divider)) / 2);
    this.event = this.scheduler.schedule(rising, () => this.rise(tick, falling));
  }

  private rise(tick: number, falling: number): void {
    this.lastTick = tick;
    this.pin.output(1);
    this.event = this.scheduler.schedule(falling, () => {
      this.pin.output(0);
      this.next();
    });
  }
}
