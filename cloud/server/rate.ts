/**
 * How fast one connection may publish, and how fast connections may be opened: token buckets.
 *
 * Who publishes faster is not read until its debt is paid, so that TCP slows the sender down; nothing is lost or
 * refused. What was read already is still published: at most one message of the longest size, and what a chunk holds.
 */

export interface Rate {
  readonly perSecond: number;
  /** What may come at once after a pause. */
  readonly burst: number;
}

const monotonicMs = (): number => performance.now();

/** A bucket that is asked for the time only when it seems empty: then it has what has flowed in since it was last asked. */
export class Bucket {
  readonly #rate: Rate;
  readonly #nowMs: () => number;
  #left: number;
  #filledAtMs: number;

  constructor(rate: Rate, nowMs = monotonicMs) {
    this.#rate = rate;
    this.#nowMs = nowMs;
    this.#left = rate.burst;
    this.#filledAtMs = nowMs();
  }

  /** Takes one, into debt if need be; the time in ms until the debt is paid, 0 when there is none. */
  take(): number {
    if (this.#left < 1) this.#fill();
    this.#left -= 1;
    return this.#debtMs;
  }

  /** Takes one if there is one. */
  tryTake(): boolean {
    if (this.take() === 0) return true;
    this.#left += 1;
    return false;
  }

  debtMs(): number {
    this.#fill();
    return this.#debtMs;
  }

  get #debtMs(): number {
    return this.#left >= 0 ? 0 : Math.ceil((-this.#left / this.#rate.perSecond) * 1000);
  }

  #fill(): void {
    const nowMs = this.#nowMs();
    const flowed = ((nowMs - this.#filledAtMs) / 1000) * this.#rate.perSecond;
    this.#filledAtMs = nowMs;
    this.#left = Math.min(this.#rate.burst, this.#left + flowed);
  }
}

/** Holds one connection to its rate. */
export class PublishRate {
  readonly #bucket: Bucket;
  readonly #setReading: (reading: boolean) => void;
  #holding: NodeJS.Timeout | undefined;

  /** @param setReading called with false, then true */
  constructor(rate: Rate, setReading: (reading: boolean) => void) {
    this.#bucket = new Bucket(rate);
    this.#setReading = setReading;
  }

  /** Counts one publish. */
  count(): void {
    const debtMs = this.#bucket.take();
    if (debtMs === 0 || this.#holding !== undefined) return;
    this.#setReading(false);
    this.#hold(debtMs);
  }

  close(): void {
    clearTimeout(this.#holding);
  }

  #hold(debtMs: number): void {
    this.#holding = setTimeout(() => {
      const stillMs = this.#bucket.debtMs();
      if (stillMs > 0) {
        this.#hold(stillMs);
      } else {
        this.#holding = undefined;
        this.#setReading(true);
      }
    }, debtMs);
  }
}
