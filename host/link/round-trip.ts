/** Smoothed round-trip time and the time-out that follows from it (RFC 6298, sections 2.2 to 2.4). */

/** At 9600 baud the longest command and its ack take 80 ms, and a few samples may stand before the ack. */
const FIRST_TIMEOUT_MS = 400;
const SHORTEST_TIMEOUT_MS = 150;
const LONGEST_TIMEOUT_MS = 2000;

export class RoundTrip {
  /** Smoothed, milliseconds; `undefined` before the first measurement. */
  smoothedMs: number | undefined;
  private variationMs = 0;

  add(measuredMs: number): void {
    if (this.smoothedMs === undefined) {
      this.smoothedMs = measuredMs;
      this.variationMs = measuredMs / 2;
      return;
    }
    this.variationMs += (Math.abs(this.smoothedMs - measuredMs) - this.variationMs) / 4;
    this.smoothedMs += (measuredMs - this.smoothedMs) / 8;
  }

  /** How long to wait for an ack before repeating. */
  get timeoutMs(): number {
    if (this.smoothedMs === undefined) return FIRST_TIMEOUT_MS;
    const timeout = this.smoothedMs + 4 * this.variationMs;
    return Math.min(LONGEST_TIMEOUT_MS, Math.max(SHORTEST_TIMEOUT_MS, timeout));
  }
}
