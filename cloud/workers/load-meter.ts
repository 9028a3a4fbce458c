/**
 * How busy and how late the event loop of this process is.
 *
 * Busyness the loop counts itself; lateness is that of a timer, which beats only while the loop is at all busy: an idle
 * process, whose loop is late for nobody, is not woken for it.
 */

import { type EventLoopUtilization, performance } from 'node:perf_hooks';

const periodMs = 50;
/** Below, nobody wants to know the lateness: auto-scaling heeds it from 0.5 on (scaling.ts). */
const idleUtilisation = 0.05;

export class LoadMeter {
  readonly #read: (since: EventLoopUtilization | undefined) => EventLoopUtilization;
  #timer: NodeJS.Timeout | undefined;
  #due = 0;
  #lateMs = 0;
  #ticks = 0;
  #before: EventLoopUtilization;

  /** @param read what the loop has counted, since a time; for tests */
  constructor(read = (since?: EventLoopUtilization) => performance.eventLoopUtilization(since)) {
    this.#read = read;
    this.#before = read(undefined);
  }

  /** Since the last time: mean lateness of a timer, 0 if the loop was idle before, and the share of time it was busy. */
  take(): { lagMs: number; utilisation: number } {
    const { utilization } = this.#read(this.#before);
    this.#before = this.#read(undefined);
    const utilisation = Number.isFinite(utilization) ? utilization : 0;
    const lagMs = this.#ticks === 0 ? 0 : this.#lateMs / this.#ticks;
    this.#lateMs = 0;
    this.#ticks = 0;
    if (utilisation < idleUtilisation) this.stop();
    else if (this.#timer === undefined) this.#start();
    return { lagMs, utilisation };
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #start(): void {
    this.#due = performance.now() + periodMs;
    this.#timer = setInterval(() => {
      const now = performance.now();
      this.#lateMs += Math.max(0, now - this.#due);
      this.#ticks += 1;
      this.#due = now + periodMs;
    }, periodMs);
    this.#timer.unref();
  }
}
