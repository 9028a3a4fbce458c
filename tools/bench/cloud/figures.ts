/** What the runs of a benchmark amount to: medians, ratios against the peers of the same run, and a table of them. */

import type { ConnectReport, IdleReport, TrafficReport } from './load.ts';
import type { ServerName } from './servers.ts';

export type Run = {
  readonly workload: string;
  readonly server: ServerName;
  readonly round: number;
  /** Who serves the sockets of an Earl. */
  readonly sockets?: string;
} & (TrafficReport | IdleReport | ConnectReport);

export type Figures = Record<string, number>;

/**
 * Beyond, others used the machine: the generator sent late and in bursts, which servers take at a lower price. Such runs
 * count only where there are no others.
 */
const DISTURBED_LAG_MS = 20;

function isDisturbed(run: Run): boolean {
  return 'generator_lag_p99_ms' in run && run.generator_lag_p99_ms > DISTURBED_LAG_MS;
}

/** The median of one figure over the rounds; undefined when nothing was measured. */
function median(runs: readonly Run[], workload: string, server: ServerName, figure: string): number | undefined {
  const all = runs.filter((run) => run.workload === workload && run.server === server);
  const quiet = all.filter((run) => !isDisturbed(run));
  const values = (quiet.length > 0 ? quiet : all)
    .map((run) => (run as unknown as Record<string, number>)[figure]!)
    .sort((one, other) => one - other);
  if (values.length === 0) return undefined;
  const middle = values.length >> 1;
  return values.length % 2 === 1 ? values[middle] : (values[middle - 1]! + values[middle]!) / 2;
}

const trafficWorkloads = [
  'one_to_one',
  'fan_out',
  'dashboard',
  'dashboard_unbatched_publishers',
  'acknowledged',
  'gateways',
  'gateways_two_workers',
] as const;

/** Every figure with the peers' beside it. A ratio is Earl's CPU time through the peer's: below 1, Earl is cheaper. */
export function figuresOf(runs: readonly Run[]): Figures {
  const figures: Figures = {};
  const put = (name: string, value: number | undefined) => {
    if (value !== undefined && Number.isFinite(value)) figures[name] = Math.round(value * 100) / 100;
  };
  const peers = [...new Set(runs.map(({ server }) => server))].filter((server) => server !== 'earl');
  for (const workload of trafficWorkloads) {
    const own = median(runs, workload, 'earl', 'cpu_us');
    put(`${workload}_cpu_us`, own);
    for (const peer of peers) {
      const theirs = median(runs, workload, peer, 'cpu_us');
      put(`${workload}_cpu_us_${idOf(peer)}`, theirs);
      if (own !== undefined && theirs !== undefined) put(`${workload}_cpu_ratio_${idOf(peer)}`, own / theirs);
    }
    put(`${workload}_p99_ms`, median(runs, workload, 'earl', 'p99_ms'));
  }
  const plain = median(runs, 'one_to_one', 'earl', 'cpu_us');
  const acknowledged = median(runs, 'acknowledged', 'earl', 'cpu_us');
  if (plain !== undefined && acknowledged !== undefined) put('acknowledged_cpu_ratio', acknowledged / plain);
  for (const server of ['earl', ...peers] as const) {
    const suffix = server === 'earl' ? '' : `_${idOf(server)}`;
    put(`kb_per_idle_connection${suffix}`, median(runs, 'idle', server, 'kb_per_connection'));
    put(`kb_per_subscribed_connection${suffix}`, median(runs, 'idle_subscribed', server, 'kb_per_connection'));
    put(`connections_per_second${suffix}`, median(runs, 'connect', server, 'per_second'));
    put(`connections_failed${suffix}`, median(runs, 'connect', server, 'failed'));
  }
  put('connections_per_second_two_workers', median(runs, 'connect_two_workers', 'earl', 'per_second'));
  put('connections_failed_two_workers', median(runs, 'connect_two_workers', 'earl', 'failed'));
  const own = runs.filter((run): run is Run & TrafficReport => run.server === 'earl' && 'lost' in run);
  for (const count of ['lost', 'duplicated', 'reordered'] as const) {
    put(
      count,
      own.reduce((sum, run) => sum + run[count], 0),
    );
  }
  put('disturbed_runs', runs.filter(isDisturbed).length);
  return figures;
}

function idOf(server: ServerName): string {
  return server.replace(/[.-]/g, '_');
}

/** A line for people. */
export function lineOf(run: Run): string {
  const head = `${run.workload.padEnd(31)}${run.server.padEnd(10)}`;
  if ('deliveries' in run) {
    const faults = run.lost + run.duplicated + run.reordered;
    return `${head}${run.cpu_us.toFixed(1).padStart(6)} µs CPU per sample (${run.user_us} user, ${run.system_us} system), p99 ${run.p99_ms} ms, generator late by ${run.generator_lag_p99_ms} ms${isDisturbed(run) ? ' (DISTURBED)' : ''}${faults === 0 ? '' : `, LOST ${run.lost}, TWICE ${run.duplicated}, REORDERED ${run.reordered}`}`;
  }
  if ('kb_per_connection' in run) return `${head}${run.kb_per_connection.toFixed(1).padStart(6)} KB per connection`;
  return `${head}${String(run.per_second).padStart(6)} connections per second, ${run.failed} failed`;
}
