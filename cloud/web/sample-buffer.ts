/**
 * The last minutes of a probe's samples, as columns that a chart can take without copying.
 *
 * Bounded twice, in seconds and in samples; what is older falls out at the front. Samples arrive nearly in order: one
 * that a gateway had spooled is put in its place, one of a time that is there already is ignored.
 */

/** Five minutes at 50 Hz. */
export const KEEP_SECONDS = 300;
export const KEEP_SAMPLES = 15_000;

const FIRST_CAPACITY = 256;

export interface Summary {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
}

export class SampleBuffer {
  private readonly keepSeconds: number;
  private readonly keepSamples: number;
  private times: Float64Array = new Float64Array(FIRST_CAPACITY);
  private readonly columns = new Map<string, Float64Array>();
  private start = 0;
  private end = 0;

  constructor(keepSeconds = KEEP_SECONDS, keepSamples = KEEP_SAMPLES) {
    this.keepSeconds = keepSeconds;
    this.keepSamples = keepSamples;
  }

  get length(): number {
    return this.end - this.start;
  }

  /** Names of the quantities, in the order in which they first came. */
  get names(): string[] {
    return [...this.columns.keys()];
  }

  /** Time of the newest sample in seconds; undefined when there is none. */
  get lastTime(): number | undefined {
    return this.end > this.start ? this.times[this.end - 1] : undefined;
  }

  /** Adds a sample; false when it is older than what is kept, or known already. */
  add(timeSeconds: number, values: Iterable<readonly [string, number]>): boolean {
    const last = this.lastTime;
    if (last !== undefined && timeSeconds < last - this.keepSeconds) return false;
    const place = this.placeOf(timeSeconds);
    if (place < this.end && this.times[place] === timeSeconds) return false;
    const row = this.openRow(place);
    this.times[row] = timeSeconds;
    for (const column of this.columns.values()) column[row] = Number.NaN;
    for (const [name, value] of values) this.column(name)[row] = value;
    this.dropOld();
    return true;
  }

  /** Forgets all samples, but not the names of the quantities. */
  clear(): void {
    this.start = 0;
    this.end = 0;
  }

  /** Newest value of a quantity. */
  last(name: string): number | undefined {
    const column = this.columns.get(name);
    if (column === undefined) return undefined;
    for (let row = this.end - 1; row >= this.start; row--) {
      const value = column[row]!;
      if (!Number.isNaN(value)) return value;
    }
    return undefined;
  }

  /**
   * Times and columns from `fromSeconds` on, one sample before it included so that a line enters from the left edge.
   * Views, valid until the next `add`.
   */
  view(names: readonly string[], fromSeconds: number): Float64Array[] {
    const from = Math.max(this.start, this.placeOf(fromSeconds) - 1);
    return [
      this.times.subarray(from, this.end),
      ...names.map((name) => this.column(name).subarray(from, this.end) as Float64Array),
    ];
  }

  /** What the values of a quantity were since `fromSeconds`. */
  summary(name: string, fromSeconds: number): Summary | undefined {
    const column = this.columns.get(name);
    if (column === undefined) return undefined;
    let [count, sum, min, max] = [0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let row = this.placeOf(fromSeconds); row < this.end; row++) {
      const value = column[row]!;
      if (Number.isNaN(value)) continue;
      count++;
      sum += value;
      min = Math.min(min, value);
      max = Math.max(max, value);
    }
    return count === 0 ? undefined : { count, min, max, mean: sum / count };
  }

  /** Samples a second, measured on probe time over the last `seconds`; undefined with fewer than two samples. */
  rateHz(seconds: number): number | undefined {
    const last = this.lastTime;
    if (last === undefined) return undefined;
    // Slow probes: never fewer than the last two samples.
    const first = Math.max(this.start, Math.min(this.placeOf(last - seconds), this.end - 2));
    const span = last - this.times[first]!;
    return span > 0 ? (this.end - 1 - first) / span : undefined;
  }

  /** First row whose time is not before `timeSeconds`. */
  private placeOf(timeSeconds: number): number {
    if (this.end === this.start || this.times[this.end - 1]! < timeSeconds) return this.end;
    let [low, high] = [this.start, this.end];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.times[middle]! < timeSeconds) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private column(name: string): Float64Array {
    let column = this.columns.get(name);
    if (column === undefined) {
      column = new Float64Array(this.times.length).fill(Number.NaN);
      this.columns.set(name, column);
    }
    return column;
  }

  /** Makes room for one row at `place` and returns where that is now. */
  private openRow(place: number): number {
    const offset = place - this.start;
    if (this.end === this.times.length) this.makeRoom();
    const row = this.start + offset;
    if (row < this.end) {
      for (const array of [this.times, ...this.columns.values()]) array.copyWithin(row + 1, row, this.end);
    }
    this.end++;
    return row;
  }

  /** Moves the rows to the front, in arrays of twice the length when more than half is in use. */
  private makeRoom(): void {
    const grow = this.length > this.times.length / 2;
    const moved = (from: Float64Array): Float64Array => {
      const to = grow ? new Float64Array(from.length * 2) : from;
      if (grow) to.set(from.subarray(this.start, this.end));
      else to.copyWithin(0, this.start, this.end);
      return to;
    };
    this.times = moved(this.times);
    for (const [name, column] of this.columns) this.columns.set(name, moved(column));
    this.end -= this.start;
    this.start = 0;
  }

  private dropOld(): void {
    const oldest = this.times[this.end - 1]! - this.keepSeconds;
    while (this.length > this.keepSamples || this.times[this.start]! < oldest) this.start++;
  }
}
