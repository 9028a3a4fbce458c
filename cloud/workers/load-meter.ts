/** How busy and how late the event loop of this process is. */

import { performance } from 'node:perf_hooks';

const periodMs = 50;

export class LoadMeter {
  #timer: NodeJS.Timeout;
  #due: number;
  #lateMs = 0;
  #ticks = 0;
  #before = performance.eventLoopUtilization();

  constructor() {
    this.#due = performance.now() + periodMs;
    this.#timer = setInterval(() => {
      const now = performance.now();
      this.#lateMs += Math.max(0, now - this.#due);
      this.#ticks += 1;
      this.#due = now + periodMs;
    }, periodMs);
    this.#timer.unref();
  }

  /** Since the last time: mean lateness of a timer, and the share of the time in which the loop was not idle. */
  take(): { lagMs: number; utilisation: number } {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.#before);
    this.#before = now;
    const lagMs = this.#ticks === 0 ? 0 : this.#lateMs / this.#ticks;
    this.#lateMs = 0;
    this.#ticks = 0;
    return { lagMs, utilisation: Number.isFinite(utilization) ? utilization : 0 };
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
