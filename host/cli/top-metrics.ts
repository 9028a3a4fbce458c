/**
 * Reads the text format of Prometheus as far as `earl top` needs it, and makes one row of two readings of a process.
 *
 * What it leaves out: comments, timestamps, series without the label `process`. Lines that are none are passed over.
 */

/** One process of a server at one time: values by `name` or, for buckets, `name{le}`. */
export interface Reading {
  readonly atMs: number;
  readonly values: ReadonlyMap<string, number>;
  /** Which of several workers it is, by number, or `primary`; undefined where there are none. */
  readonly worker?: string;
}

/** What is known of one process. Rates and percentiles are of the time between two readings; undefined at the first. */
export interface TopRow {
  readonly process: string;
  readonly worker?: string;
  readonly connections: number;
  readonly inPerSecond: number | undefined;
  readonly outPerSecond: number | undefined;
  readonly lagP99Ms: number | undefined;
  readonly serviceP99Ms: number | undefined;
  readonly queueBytes: number;
  readonly memoryBytes: number;
  /** Share of one core. */
  readonly cpu: number | undefined;
  readonly slowConsumers: number;
  readonly draining: boolean;
}

/** A reading that is being made. */
interface Told {
  readonly atMs: number;
  readonly values: Map<string, number>;
  worker?: string;
}

/** Readings by process, in the order of the text. */
export function readMetrics(text: string, atMs: number): Map<string, Reading> {
  const readings = new Map<string, Told>();
  for (const line of text.split('\n')) {
    const sample = /^([a-zA-Z_:][\w:]*)\{(.*)\} (\S+)/.exec(line);
    if (sample === null) continue;
    const labels = new Map([...sample[2]!.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name!, value!]));
    const process = labels.get('process');
    if (process === undefined) continue;
    const le = labels.get('le');
    const reading: Told = readings.get(process) ?? { atMs, values: new Map() };
    const worker = labels.get('worker');
    // The primary has figures about each worker as well: whose they are, one that every process has once tells.
    if (worker !== undefined && sample[1] === startedAt) reading.worker = worker;
    reading.values.set(le === undefined ? sample[1]! : `${sample[1]}{${le}}`, numberOf(sample[3]!));
    readings.set(process, reading);
  }
  return readings;
}

/** Numbers of the workers that did not tell their metrics. */
export function silentWorkers(text: string): string[] {
  return [...text.matchAll(/^earl_worker_unanswered\{(?:.*,)?worker="([^"]*)".*\} 1$/gm)].map(([, worker]) => worker!);
}

/** @param before an earlier reading of the same process, if there is one */
export function rowOf(process: string, now: Reading, before: Reading | undefined): TopRow {
  const value = (name: string) => now.values.get(name) ?? 0;
  // A process that has started anew counts from zero.
  const earlier = before && value(startedAt) === before.values.get(startedAt) ? before : undefined;
  const grown = (name: string) => value(name) - (earlier?.values.get(name) ?? 0);
  const seconds = earlier === undefined ? 0 : (now.atMs - earlier.atMs) / 1000;
  const rate = (name: string) => (seconds > 0 ? grown(name) / seconds : undefined);
  const p99Ms = (name: string) => (seconds > 0 ? milliseconds(quantile(0.99, name, now, grown)) : undefined);
  return {
    process,
    ...(now.worker === undefined ? {} : { worker: now.worker }),
    connections: value('earl_connections'),
    inPerSecond: rate('earl_messages_received_total'),
    outPerSecond: rate('earl_messages_sent_total'),
    lagP99Ms: p99Ms('earl_event_loop_lag_seconds'),
    serviceP99Ms: p99Ms('earl_service_time_seconds'),
    queueBytes: value('earl_waiting_bytes'),
    memoryBytes: value('process_resident_memory_bytes'),
    cpu: rate('process_cpu_seconds_total'),
    slowConsumers: value('earl_slow_consumers_total'),
    draining: value('earl_draining') > 0,
  };
}

const startedAt = 'process_start_time_seconds';

/**
 * The quantile of a histogram, linear within its bucket, as Prometheus' histogram_quantile has it; the greatest bound for
 * what lies beyond. Undefined when nothing was observed.
 */
function quantile(
  share: number,
  name: string,
  { values }: Reading,
  grown: (name: string) => number,
): number | undefined {
  const keys = [...values.keys()].filter((key) => key.startsWith(`${name}_bucket{`));
  const buckets = keys.map((key) => ({ bound: numberOf(key.slice(key.indexOf('{') + 1, -1)), count: grown(key) }));
  const total = buckets.at(-1)?.count ?? 0;
  if (total <= 0) return undefined;
  const wanted = share * total;
  const index = buckets.findIndex(({ count }) => count >= wanted);
  const below = buckets[index - 1] ?? { bound: 0, count: 0 };
  const { bound, count } = buckets[index]!;
  if (bound === Number.POSITIVE_INFINITY) return below.bound;
  return below.bound + ((bound - below.bound) * (wanted - below.count)) / (count - below.count);
}

function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 1e5) / 100;
}

function numberOf(text: string): number {
  return Number(text.replace('Inf', 'Infinity'));
}
