/**
 * A clock line of the chip (MCLK, SMCLK, ACLK): counts rising edges on the scheduler's time.
 *
 * A peripheral that divides or counts a clock computes from `ticks` and schedules with `timeOfTick`, and so stays exact
 * over any length of time: no drift, no floating-point accumulation. While the line is gated off (low-power modes,
 * OSCOFF) ticks stand still and `timeOfTick` of a future tick is Infinity.
 */
export interface ClockDomain {
  /** Nominal frequency in Hz while it runs. */
  readonly frequencyHz: number;
  /** True while edges come. */
  readonly running: boolean;
  /** Rising edges since power-on up to and including the scheduler's `now`. */
  ticks(): number;
  /**
   * The time, in DCO cycles, of a future tick; Infinity while the line is gated off. Also of a past one, back to the
   * last change.
   */
  timeOfTick(tick: number): number;
  /** Called after the frequency or the gating changed: cancel and schedule again. */
  onChange(changed: () => void): void;
  /**
   * Asks for the clock although a low-power mode turned it off (SLAU144, USCI "Automatic Clock Activation").
   * Every call of `request(true)` needs its `request(false)`.
   */
  request(active: boolean): void;
}

/** A clock that tells peripherals of its changes. */
export interface FollowedClock extends ClockDomain {
  follow(user: ClockUser): void;
  /** Tells a peripheral right before each change, when times of past ticks can be asked for the last time. */
  followEarly(user: EarlyClockUser): void;
}

/** Who counts such a clock. */
export interface ClockUser {
  /** Frequency or gating changed: cancel and schedule again. */
  clockChanged(clock: ClockDomain): void;
}

/** Who looks back at ticks that passed. */
export interface EarlyClockUser {
  clockChanging(clock: ClockDomain): void;
}
