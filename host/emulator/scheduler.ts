/**
 * Time of an emulated board: an integer count of DCO cycles and a queue of what happens when.
 *
 * Everything with a future edge (timers, UART bits, I2C bits, conversions, LEDs, a scripted world) schedules it here.
 * A sleeping CPU costs nothing: the board jumps from event to event. When the DCO changes speed (`setFrequency`) the
 * delays of waiting events are rescaled, so that what was due in 2 ms is still due in 2 ms. The queue is a list in the
 * order of time: few events wait on a board at once, and most of them are next. Browser-safe; no wall clock.
 */

/** Somebody whose alarms are due. */
export interface AlarmOwner {
  onAlarm(alarm: Alarm): void;
}

/** An event: its owner makes it once and sets it as often as it likes. Waits in one scheduler at most. */
export class Alarm {
  /** Absolute time in cycles, while it waits. */
  at = 0;
  /** True from `set` until it is due or cancelled. */
  waiting = false;
  /** Neighbours in the queue. */
  before: Alarm | undefined = undefined;
  after: Alarm | undefined = undefined;
  private readonly owner: AlarmOwner | (() => void);

  constructor(owner: AlarmOwner | (() => void)) {
    this.owner = owner;
  }

  run(): void {
    const { owner } = this;
    if (typeof owner === 'function') owner();
    else owner.onAlarm(this);
  }
}

/** A callback waiting in the queue. */
export type ScheduledEvent = Alarm;

export class Scheduler {
  /** Current time in DCO cycles since power-on. The CPU advances it; nobody turns it back. */
  now = 0;
  /** Time of the next event, Infinity when there is none. The CPU runs up to it without asking. */
  nextAt = Number.POSITIVE_INFINITY;

  private first: Alarm | undefined;
  private hz: number;
  private segmentStart = 0;
  private segmentSeconds = 0;

  /** @param frequencyHz DCO frequency at power-on */
  constructor(frequencyHz: number) {
    this.hz = frequencyHz;
  }

  get frequencyHz(): number {
    return this.hz;
  }

  /** Seconds since power-on at a time in cycles (of this or another moment at today's frequency). */
  seconds(at = this.now): number {
    return this.segmentSeconds + (at - this.segmentStart) / this.hz;
  }

  /** Cycles, rounded, that `seconds` take at today's frequency. */
  cycles(seconds: number): number {
    return Math.round(seconds * this.hz);
  }

  /** The DCO changes speed now: later cycles are longer or shorter, waiting events keep their time in seconds. */
  setFrequency(frequencyHz: number): void {
    if (frequencyHz === this.hz) return;
    this.segmentSeconds = this.seconds();
    this.segmentStart = this.now;
    const factor = frequencyHz / this.hz;
    this.hz = frequencyHz;
    // Rescaling is monotonic: the order stays.
    for (let alarm = this.first; alarm !== undefined; alarm = alarm.after) {
      alarm.at = this.now + Math.round((alarm.at - this.now) * factor);
    }
    if (this.first !== undefined) this.nextAt = this.first.at;
  }

  /**
   * Sets an alarm, in the place of what it was set to: its owner is called at an absolute time; a time in the past means
   * before anything else happens. Of alarms for the same cycle the one that was set first runs first.
   */
  set(alarm: Alarm, at: number): void {
    if (alarm.waiting) this.remove(alarm);
    const due = Math.max(at, this.now);
    alarm.at = due;
    alarm.waiting = true;
    let after = this.first;
    if (after === undefined || due < after.at) {
      alarm.before = undefined;
      alarm.after = after;
      if (after !== undefined) after.before = alarm;
      this.first = alarm;
      this.nextAt = due;
      return;
    }
    let before = after;
    for (after = before.after; after !== undefined && after.at <= due; after = before.after) before = after;
    alarm.before = before;
    alarm.after = after;
    before.after = alarm;
    if (after !== undefined) after.before = alarm;
  }

  /** Runs `run` at an absolute time; a time in the past means: before anything else happens. */
  schedule(at: number, run: () => void): ScheduledEvent {
    const alarm = new Alarm(run);
    this.set(alarm, at);
    return alarm;
  }

  /** Runs `run` after a delay in cycles. */
  after(cycles: number, run: () => void): ScheduledEvent {
    return this.schedule(this.now + cycles, run);
  }

  /** Forgets an event; one that ran or was cancelled already is ignored. */
  cancel(alarm: Alarm | undefined): void {
    if (alarm?.waiting) this.remove(alarm);
  }

  /** Moves time forward and runs on the way every event that falls due, each at its own time. */
  advanceTo(at: number): void {
    while (this.nextAt <= at) {
      const alarm = this.first!;
      this.remove(alarm);
      if (alarm.at > this.now) this.now = alarm.at;
      alarm.run();
    }
    if (at > this.now) this.now = at;
  }

  /** Runs, in order, every event that is due at `now`, those that they add for `now` included. */
  runDue(): void {
    while (this.nextAt <= this.now) {
      const alarm = this.first!;
      this.remove(alarm);
      alarm.run();
    }
  }

  private remove(alarm: Alarm): void {
    const { before, after } = alarm;
    alarm.waiting = false;
    alarm.before = undefined;
    alarm.after = undefined;
    if (after !== undefined) after.before = before;
    if (before !== undefined) before.after = after;
    else {
      this.first = after;
      this.nextAt = after === undefined ? Number.POSITIVE_INFINITY : after.at;
    }
  }
}
