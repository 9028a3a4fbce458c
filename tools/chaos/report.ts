/** From the results of rounds to the last line, and to the evidence of what went wrong. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RecoveryTimes, Times } from './recovery.ts';
import type { RoundResult } from './round.ts';

/** A round is good when nothing was lost, doubled or swapped, and everything came back by itself. */
export function isGood({ verdict, crashes, failure }: RoundResult): boolean {
  const { lost, duplicated, reordered, corrupted } = verdict;
  return lost + duplicated + reordered + corrupted + crashes.length === 0 && failure === undefined;
}

export interface Totals {
  readonly acknowledged: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly reordered: number;
  readonly faults: number;
  readonly corrupted: number;
  readonly told: number;
  readonly crashes: number;
  readonly unacknowledged: number;
  readonly unacknowledged_delivered: number;
  readonly rounds: number;
}

const counted = ['acknowledged', 'lost', 'duplicated', 'reordered'] as const;

function totals(results: readonly RoundResult[]): Totals {
  const sum = (value: (result: RoundResult) => number) => results.reduce((total, result) => total + value(result), 0);
  const [acknowledged, lost, duplicated, reordered] = counted.map((key) => sum(({ verdict }) => verdict[key]));
  return {
    ...{ acknowledged: acknowledged!, lost: lost!, duplicated: duplicated!, reordered: reordered! },
    faults: sum(({ faults }) => faults),
    corrupted: sum(({ verdict }) => verdict.corrupted),
    told: sum(({ verdict }) => verdict.told),
    crashes: sum(({ crashes }) => crashes.length),
    unacknowledged: sum(({ verdict }) => verdict.unacknowledged),
    unacknowledged_delivered: sum(({ verdict }) => verdict.unacknowledgedDelivered),
    rounds: results.length,
  };
}

/** The last line of `--json`. Times are in milliseconds; `failed` counts rounds that were not good. */
export function summary(results: readonly RoundResult[], seed: number, seconds: number): Record<string, unknown> {
  const names = [...new Set(results.map(({ topology }) => topology))];
  const topologies = names.map((name) => {
    const own = results.filter(({ topology }) => topology === name);
    return [name, { ...totals(own), ...recoveryOf(own), by_fault: byFault(own) }] as const;
  });
  return {
    ...totals(results),
    failed: results.filter((result) => !isGood(result)).length,
    seed,
    seconds: Math.round(seconds * 10) / 10,
    ...recoveryOf(results),
    topologies: Object.fromEntries(topologies),
  };
}

function recoveryOf(results: readonly RoundResult[]): Record<string, number> {
  return flat(results.map(({ recovery }) => recovery.all));
}

function byFault(results: readonly RoundResult[]): Record<string, unknown> {
  const kinds = new Set(results.flatMap(({ recovery }) => [...recovery.byKind.keys()]));
  const entries = [...kinds].sort().map((kind) => {
    const own = results.flatMap(({ recovery }) => recovery.byKind.get(kind) ?? []);
    const count = results.reduce((sum, { kinds: counts }) => sum + (counts.get(kind) ?? 0), 0);
    return [kind, { count, ...flat(own) }] as const;
  });
  return Object.fromEntries(entries);
}

/** Of several rounds the median is that of their medians. */
function flat(times: readonly RecoveryTimes[]): Record<string, number> {
  const line: Record<string, number> = {};
  for (const part of ['publish', 'delivery'] as const) {
    const own = times.map((one) => one[part]).filter((one): one is Times => one !== undefined);
    if (own.length === 0) continue;
    const medians = own.map(({ p50 }) => p50).sort((one, other) => one - other);
    line[`${part}_recovery_p50_ms`] = medians[Math.floor(medians.length / 2)]!;
    line[`${part}_recovery_max_ms`] = Math.max(...own.map(({ max }) => max));
  }
  return line;
}

/** What a reader wants first: which messages, what happened to each, and how to have it again. */
export function writeEvidence(folder: string, result: RoundResult): void {
  const { topology, seed, verdict, crashes, failure } = result;
  const lines = [
    `topology ${topology}, seed ${seed}`,
    `again: npm run chaos -- --topology ${topology} --seed ${seed} --for ${Math.ceil(result.seconds)}s`,
    `lost ${verdict.lost}, duplicated ${verdict.duplicated}, reordered ${verdict.reordered}, corrupted ${verdict.corrupted}`,
    ...(failure === undefined ? [] : [`failure: ${failure}`]),
    ...crashes.map((what) => `crash: ${what}`),
    '',
    ...verdict.wrong.flatMap(({ problem, publisher, seq, topic, observer, history }) => [
      `${problem}: ${publisher} ${seq} on ${topic}, at ${observer}`,
      ...history.map((line) => `  ${line}`),
    ]),
    '',
    'trace.jsonl holds every event of the round (tools/chaos/ledger.ts), the .log files what the programs wrote.',
    '',
  ];
  writeFileSync(join(folder, 'verdict.txt'), lines.join('\n'));
}
