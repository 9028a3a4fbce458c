/**
 * Maps a probe's clock to the host's. A probe counts milliseconds of its own oscillator (on the LaunchPad the VLO,
 * some percent off and wandering with temperature); its packets reach the host after a delay that varies but is never
 * negative. So the true relation lies just below the points (probe time, arrival): the lower convex hull of the last
 * half minute, its edge at three quarters of the window (after Moon, Skelly and Towsley, "Estimation and Removal of
 * Clock Skew from Network Delay Measurements", INFOCOM 1999, who take the edge at the mean; the later one follows a
 * wandering clock). The shortest delay itself cannot be seen from one end: give it as `leastDelayMs` when it is known.
 */

interface Point {
  /** Probe time, unwrapped. */
  readonly p: number;
  /** Host time of arrival. */
  readonly h: number;
}

/** One point, the one with the least delay, is kept for each bin of probe time. */
const BIN_MS = 1000;
const BINS = 32;
/** Below this span the rate is not estimated. */
const SHORTEST_SPAN_MS = 4000;
/** A calibrated VLO is within a few percent, an uncalibrated one may be 40 % off. */
const SLOWEST = 0.5;
const FASTEST = 2;
/** Messages may leave the probe a little out of order of their times. */
const DISORDER_MS = 1000;
const WRAP = 2 ** 32;

export class TimeMap {
  private readonly leastDelayMs: number;
  private bins: Point[] = [];
  private newest: { raw: number; p: number; h: number } | undefined;
  private slope = 1;
  private offset = 0;
  private lastMapped = Number.NEGATIVE_INFINITY;

  constructor(leastDelayMs = 0) {
    this.leastDelayMs = leastDelayMs;
  }

  /** Host milliseconds per probe millisecond, 1 until it is known. */
  get rate(): number {
    return this.slope;
  }

  /** Forgets everything: another probe, or the same after a restart. */
  reset(): void {
    this.bins = [];
    this.newest = undefined;
    this.slope = 1;
    this.lastMapped = Number.NEGATIVE_INFINITY;
  }

  /**
   * A packet that says `probeMs` arrived at `hostMs`. Returns the host time at which the probe said so: never after
   * the arrival, never before the result of an earlier call. `undefined` when the probe's time ran backwards, which
   * only a restart explains; the map then begins anew.
   */
  observe(probeMs: number, hostMs: number): number | undefined {
    const arrival = hostMs - this.leastDelayMs;
    const advance = this.newest === undefined ? 0 : (probeMs - this.newest.raw) | 0;
    if (advance < -DISORDER_MS) {
      this.reset();
      this.observe(probeMs, hostMs);
      return undefined;
    }
    // A host that slept, or a time beyond belief: what was learnt no longer holds.
    if (this.newest !== undefined && advance > FASTEST * (arrival - this.newest.h) + 10_000) this.reset();
    const p = this.newest === undefined ? probeMs : this.newest.p + advance;
    if (this.newest === undefined || advance > 0) this.newest = { raw: probeMs >>> 0, p, h: arrival };
    this.add({ p, h: arrival });
    this.fit();
    this.lastMapped = Math.max(this.lastMapped, Math.min(this.offset + this.slope * p, arrival));
    return this.lastMapped;
  }

  /** Host time of a probe time close to the newest one; `undefined` before the first observation. */
  toHostMs(probeMs: number): number | undefined {
    if (this.newest === undefined) return undefined;
    return this.offset + this.slope * (this.newest.p + (((probeMs % WRAP) - this.newest.raw) | 0));
  }

  private add(point: Point): void {
    const last = this.bins.at(-1);
    if (last === undefined || Math.floor(point.p / BIN_MS) > Math.floor(last.p / BIN_MS)) {
      this.bins.push(point);
      if (this.bins.length > BINS) this.bins.shift();
    } else if (point.h - this.slope * point.p < last.h - this.slope * last.p && point.p >= last.p) {
      this.bins[this.bins.length - 1] = point;
    }
  }

  private fit(): void {
    const first = this.bins[0]!;
    const last = this.bins.at(-1)!;
    const span = last.p - first.p;
    if (span >= SHORTEST_SPAN_MS) {
      const [left, right] = edgeAt(lowerHull(this.bins), first.p + 0.75 * span);
      this.slope = Math.min(FASTEST, Math.max(SLOWEST, (right.h - left.h) / (right.p - left.p)));
    }
    // The line of that rate that touches the points from below.
    this.offset = Math.min(...this.bins.map(({ p, h }) => h - this.slope * p));
  }
}

/** The lower convex hull of points in order of p (Andrew's monotone chain). */
function lowerHull(points: readonly Point[]): Point[] {
  const hull: Point[] = [];
  for (const point of points) {
    while (hull.length >= 2 && !turnsLeft(hull.at(-2)!, hull.at(-1)!, point)) hull.pop();
    hull.push(point);
  }
  return hull;
}

function turnsLeft(a: Point, b: Point, c: Point): boolean {
  return (b.p - a.p) * (c.h - a.h) - (b.h - a.h) * (c.p - a.p) > 0;
}

function edgeAt(hull: readonly Point[], p: number): [Point, Point] {
  const right = Math.max(
    1,
    hull.findIndex((point) => point.p >= p),
  );
  return [hull[right - 1]!, hull[right]!];
}
