/**
 * A clock on a pin (SLAS735 port tables: ACLK on P1.0, SMCLK on P1.4, ADC10CLK on P1.3): an edge on the pin for every
 * edge of the clock, while PxSEL gives the pin to it.
 *
 * Time is counted in DCO cycles. A clock as fast as the DCO rises and falls within one: both edges then bear the same
 * time, so that frequencies are right and duty cycles are not.
 */

import type { ClockDomain } from '../clock-domain.ts';
import type { ScheduledEvent, Scheduler } from '../scheduler.ts';
import type { PinFunction } from './pin.ts';

export class ClockOutput {
  private readonly scheduler: Scheduler;
  private readonly pin: PinFunction;
  private readonly source: () => { readonly clock: ClockDomain; readonly divider: number };
  private event: ScheduledEvent | undefined;

  /** @param source the clock and by what it is divided on its way to the pin; asked again at every edge */
  constructor(
    scheduler: Scheduler,
    pin: PinFunction,
    clocks: readonly ClockDomain[],
    source: () => { readonly clock: ClockDomain; readonly divider: number },
  ) {
    this.scheduler = scheduler;
    this.pin = pin;
    this.source = source;
    pin.output(0);
    pin.onSelect(() => this.plan());
    for (const clock of clocks) clock.onChange(() => this.plan());
  }

  private plan(): void {
    this.scheduler.cancel(this.event);
    this.event = undefined;
    if (!this.pin.selected) return;
    const { clock, divider } = this.source();
    const tick = (Math.floor(clock.ticks() / divider) + 1) * divider;
    const rising = clock.timeOfTick(tick);
    if (rising === Number.POSITIVE_INFINITY) return;
    const falling = Math.floor((rising + clock.timeOfTick(tick + divider)) / 2);
    this.event = this.scheduler.schedule(rising, () => this.rise(falling));
  }

  private rise(falling: number): void {
    this.pin.output(1);
    this.event = this.scheduler.schedule(falling, () => {
      this.pin.output(0);
      this.plan();
    });
  }
}
