/**
 * How far the page's clock is ahead of the one that stamped the samples.
 *
 * The fastest sample of the last half minute to minute took next to no time, so the smallest difference between arrival
 * and stamp is the offset of the clocks (the idea of RFC 5905's clock filter, without its rate). Samples that a gateway
 * had to spool took longer and therefore do not disturb it.
 */

const WINDOW_SECONDS = 30;

export class TimeOffset {
  private older = Number.POSITIVE_INFINITY;
  private newer = Number.POSITIVE_INFINITY;
  private windowEnd = Number.NEGATIVE_INFINITY;

  /** Page time minus stamp time; 0 before the first sample. */
  get seconds(): number {
    const smallest = Math.min(this.older, this.newer);
    return Number.isFinite(smallest) ? smallest : 0;
  }

  /** The clock that stamps the samples was set. */
  reset(): void {
    this.older = Number.POSITIVE_INFINITY;
    this.newer = Number.POSITIVE_INFINITY;
  }

  observe(stampSeconds: number, arrivalSeconds: number): void {
    if (arrivalSeconds >= this.windowEnd) {
      // After a long silence the older window means nothing any more.
      this.older = arrivalSeconds < this.windowEnd + WINDOW_SECONDS ? this.newer : Number.POSITIVE_INFINITY;
      this.newer = Number.POSITIVE_INFINITY;
      this.windowEnd = arrivalSeconds + WINDOW_SECONDS;
    }
    this.newer = Math.min(this.newer, arrivalSeconds - stampSeconds);
  }
}
