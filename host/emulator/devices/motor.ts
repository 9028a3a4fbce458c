/**
 * A vibration motor behind a transistor: what it feels of its PWM is the share of time that the pin is high.
 *
 * The share is taken over windows of 20 ms; when no edge came within one, nothing is scheduled until the next.
 */

import type { Level, Pin } from '../peripherals/pin.ts';
import type { DeviceContext } from './device.ts';

const WINDOW_S = 0.02;
const TRACED_CHANGE = 0.01;

export class Motor {
  private readonly context: DeviceContext;
  private level: Level;
  private share: number;
  private tracedShare = 0;
  private edges = 0;
  private highSeconds = 0;
  private since = 0;
  private windowStart = 0;
  private watching = false;

  constructor(context: DeviceContext, pin: Pin) {
    this.context = context;
    pin.pull(0);
    this.level = pin.level;
    this.share = pin.level;
    pin.onChange((level) => this.onEdge(level));
  }

  /** Duty cycle 0..1 over the last full window. */
  get duty(): number {
    return this.share;
  }

  private onEdge(level: Level): void {
    const now = this.context.scheduler.seconds();
    if (!this.watching) this.openWindow(now);
    this.account(now);
    this.level = level;
    this.edges++;
  }

  private openWindow(now: number): void {
    this.watching = true;
    this.windowStart = now;
    this.since = now;
    this.highSeconds = 0;
    this.edges = 0;
    const { scheduler } = this.context;
    scheduler.after(scheduler.cycles(WINDOW_S), () => this.closeWindow());
  }

  private account(now: number): void {
    if (this.level === 1) this.highSeconds += now - this.since;
    this.since = now;
  }

  private closeWindow(): void {
    const now = this.context.scheduler.seconds();
    this.account(now);
    this.share = this.edges === 0 ? this.level : this.highSeconds / (now - this.windowStart);
    this.trace();
    if (this.edges === 0) this.watching = false;
    else this.openWindow(now);
  }

  private trace(): void {
    if (Math.abs(this.share - this.tracedShare) < TRACED_CHANGE) return;
    this.tracedShare = this.share;
    this.context.trace({ kind: 'motor', duty: Math.round(this.share * 1000) / 1000 });
  }
}
