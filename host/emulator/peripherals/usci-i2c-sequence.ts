/**
 * Bus sequences of USCI_B0 written as generators: each yields what it waits for, and a runner wakes it.
 *
 * A number is a count of BRCLK periods, a function a condition that is looked at again after every change of a line or
 * a register; both together end with whichever comes first.
 */

import type { ClockDomain } from '../clock-domain.ts';
import { TickTimer, type UsciChip } from './usci-clock.ts';

/** BRCLK periods to wait, what must become true, or the first of both. */
export type Step = number | (() => boolean) | { readonly ticks: number; readonly until: () => boolean };
export type Sequence<Result> = Generator<Step, Result, void>;

export class SequenceRunner {
  private readonly timer: TickTimer;
  private readonly clock: () => ClockDomain | undefined;
  private readonly finished: () => void;
  private sequence: Sequence<void> | undefined;
  private condition: (() => boolean) | undefined;
  private timed = false;
  private stepping = false;

  /**
   * @param clock BRCLK as the registers select it now; without one a timed wait never ends
   * @param finished called when a sequence came to its end by itself
   */
  constructor(chip: UsciChip, clock: () => ClockDomain | undefined, finished: () => void) {
    this.timer = new TickTimer(chip);
    this.clock = clock;
    this.finished = finished;
  }

  get active(): boolean {
    return this.sequence !== undefined;
  }

  /** True while the sequence's own code runs: what changes now is its doing. */
  get running(): boolean {
    return this.stepping;
  }

  /** True while it waits for a condition alone. */
  get waiting(): boolean {
    return this.condition !== undefined && !this.timed;
  }

  /** Begins a sequence in the place of the one before. */
  begin(sequence: Sequence<void>): void {
    this.abandon();
    this.sequence = sequence;
    this.step();
  }

  abandon(): void {
    this.timer.cancel();
    this.condition = undefined;
    this.sequence = undefined;
  }

  /** Something changed: perhaps what is waited for. */
  poke(): void {
    if (this.stepping || this.condition === undefined || !this.condition()) return;
    if (this.timed) this.timer.cancel();
    this.step();
  }

  /** Runs to the next wait that is not over already. */
  private step(): void {
    const sequence = this.sequence!;
    this.condition = undefined;
    this.timed = false;
    this.stepping = true;
    let ended = false;
    try {
      ended = this.stepUntilWait(sequence);
    } finally {
      this.stepping = false;
    }
    if (!ended || sequence !== this.sequence) return;
    this.sequence = undefined;
    this.finished();
  }

  private stepUntilWait(sequence: Sequence<void>): boolean {
    for (;;) {
      const { value, done } = sequence.next();
      if (done === true) return true;
      if (sequence !== this.sequence) return false;
      if (this.wait(value)) return false;
    }
  }

  /** False when what is waited for is there already. */
  private wait(step: Step): boolean {
    if (typeof step === 'function') {
      if (step()) return false;
      this.condition = step;
      return true;
    }
    const ticks = typeof step === 'number' ? step : step.ticks;
    if (typeof step === 'object') {
      if (step.until()) return false;
      this.condition = step.until;
      this.timed = true;
    }
    const clock = this.clock();
    if (clock) this.timer.at(clock, clock.ticks() + ticks, () => this.step());
    return true;
  }
}
