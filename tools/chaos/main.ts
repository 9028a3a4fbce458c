/**
 * `npm run chaos`: proves on real programs that acknowledged means survives (docs/chaos.md).
 *
 *     npm run chaos -- [--topology data,redis] [--for 1m] [--seed N] [--load 1]
 *         [--network auto|namespaces|proxies] [--json] [--keep]
 *
 * Goes round the topologies, each in rounds of its own programs, clients and faults; says what it does on stderr. Exit
 * code 1 when something acknowledged was lost, or anything was doubled or swapped, or did not come back by itself.
 */

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { EarlError, errorMessage } from '../../errors/index.ts';
import { parseDurationMs } from '../../host/cli/duration.ts';
import { exitCodeOf, exitCodes } from '../../host/cli/exit-codes.ts';
import { bundleEarl } from '../../test/e2e/earl-process.ts';
import { isInside, isolation, runInside, settleInside } from './isolation.ts';
import { Guard } from './programs.ts';
import { isGood, summary, writeEvidence } from './report.ts';
import { type RoundResult, runRound } from './round.ts';
import { type TopologyName, topologyNames } from './topologies.ts';

const networks = ['auto', 'namespaces', 'proxies'] as const;
const usage = `usage: npm run chaos -- [--topology ${topologyNames.join(',')}] [--for 1m] [--seed N] [--load 1] [--network ${networks.join('|')}] [--json] [--keep]`;

/** A longer round would outgrow what the cloud keeps for resuming, and make its trace unwieldy. */
const longestRoundMs = 120_000;
/** More would be more than a resumption may bring (20,000 messages) after a fault of a few seconds. */
const mostLoad = 5;
/** Of a round's time, what starting and settling take on a quiet machine. */
const overheadMs = 4000;
const shortestFaultsMs = 2000;

interface Plan {
  readonly topologies: readonly TopologyName[];
  readonly totalMs: number;
  readonly seed: number;
  readonly load: number;
  readonly network: (typeof networks)[number];
  readonly json: boolean;
  readonly keep: boolean;
}

function planOf(args: readonly string[]): Plan {
  const { values } = parseArgs({
    args: [...args],
    options: {
      topology: { type: 'string' },
      for: { type: 'string', default: '1m' },
      seed: { type: 'string' },
      load: { type: 'string', default: '1' },
      network: { type: 'string', default: 'auto' },
      json: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
    },
  });
  const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(values.seed);
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) throw problem('--seed is a whole number below 2^32');
  const names = values.topology?.split(',') ?? topologyNames;
  for (const name of names) {
    if (!topologyNames.includes(name as TopologyName)) throw problem(`there is no topology ${name}`);
  }
  const load = Number(values.load);
  if (!(load > 0 && load <= mostLoad)) throw problem(`--load is more than 0 and at most ${mostLoad}`);
  const network = networks.find((name) => name === values.network);
  if (network === undefined) throw problem(`there is no network ${values.network}`);
  const { json, keep } = values;
  return {
    topologies: names as readonly TopologyName[],
    totalMs: parseDurationMs(values.for),
    seed,
    load,
    network,
    json,
    keep,
  };
}

function problem(what: string): EarlError {
  return new EarlError('USAGE', `${what}\n${usage}`);
}

/** Rounds of equal length; every topology as often as the others. */
function roundsOf(
  { totalMs, seed, load }: Plan,
  topologies: readonly TopologyName[],
): { topology: TopologyName; seed: number; faultsMs: number }[] {
  const laps = Math.max(1, Math.ceil((totalMs * Math.max(1, load / 2)) / longestRoundMs / topologies.length));
  const roundMs = totalMs / laps / topologies.length;
  return Array.from({ length: laps * topologies.length }, (_, index) => ({
    topology: topologies[index % topologies.length]!,
    // The first round has the seed of the run, so that any round can be had again alone.
    seed: (seed + index * 0x9e3779b1) % 2 ** 32,
    faultsMs: Math.max(shortestFaultsMs, roundMs - overheadMs),
  }));
}

async function run(plan: Plan): Promise<number> {
  const began = performance.now();
  const folder = mkdtempSync(join(tmpdir(), 'earl-chaos-'));
  const guard = new Guard(folder);
  const interrupted = interruption();
  const bundle = await bundleEarl();
  const results: RoundResult[] = [];
  const say = (event: Record<string, unknown>) => {
    if (plan.json) console.log(JSON.stringify(event));
  };
  const topologies = possible(plan.topologies, bundle.file);
  const network = isInside() ? 'network namespaces' : 'proxies';
  console.error(`chaos: seed ${plan.seed}, ${topologies.join(', ')}, ${network}`);
  try {
    for (const [index, { topology, seed, faultsMs }] of roundsOf(plan, topologies).entries()) {
      if (interrupted.aborted) break;
      const own = join(folder, `${index + 1}-${topology}`);
      mkdirSync(own);
      console.error(`${topology}: round ${index + 1}, seed ${seed}`);
      say({ event: 'round', topology, round: index + 1, seed });
      const result = await runRound({
        ...{ topology, seed, faultsMs, earl: bundle.file, folder: own, guard, signal: interrupted },
        load: plan.load,
        namespaces: isInside(),
        tell: (event) => {
          if (event.event !== 'healed') console.error(`  ${(event.atMs / 1000).toFixed(1)} s  ${event.what}`);
          say({ ...event, topology });
        },
      });
      results.push(result);
      tellResult(result, say);
      if (isGood(result) && !plan.keep) rmSync(own, { recursive: true });
      else {
        writeEvidence(own, result);
        guard.keep();
        console.error(`  the evidence is in ${own}`);
      }
    }
  } finally {
    bundle.remove();
    await guard.close();
  }
  const last = summary(results, plan.seed, (performance.now() - began) / 1000);
  console.error(
    `chaos: ${last.acknowledged} acknowledged, ${last.lost} lost, ${last.duplicated} duplicated, ${last.reordered} reordered, ${last.faults} faults, seed ${plan.seed}`,
  );
  if (plan.json) console.log(JSON.stringify(last));
  return results.length > 0 && results.every(isGood) ? exitCodes.ok : exitCodes.failure;
}

function tellResult(result: RoundResult, say: (event: Record<string, unknown>) => void): void {
  const { topology, seed, verdict, faults, crashes, failure, seconds } = result;
  const { wrong, ...counts } = verdict;
  console.error(
    `  ${counts.acknowledged} acknowledged, ${counts.lost} lost, ${counts.duplicated} duplicated, ${counts.reordered} reordered, ${faults} faults in ${seconds} s`,
  );
  if (failure !== undefined) console.error(`  FAILED: ${failure}`);
  for (const crash of crashes) console.error(`  CRASHED: ${crash}`);
  for (const { problem: kind, publisher, seq, observer } of wrong.slice(0, 5)) {
    console.error(`  ${kind}: ${publisher} ${seq} at ${observer}`);
  }
  say({ event: 'verdict', topology, seed, ...counts, faults, crashes, failure: failure ?? null, seconds, wrong });
}

/** Aborted by the first Ctrl-C or SIGTERM; the second ends everything at once, and the guard cleans up. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(exitCodes.interrupted);
      console.error('chaos: no more faults; the verdict so far comes. Press Ctrl-C again to stop at once');
      controller.abort();
    });
  }
  return controller.signal;
}

/** Leaves out what this version cannot. */
function possible(topologies: readonly TopologyName[], earl: string): TopologyName[] {
  const workers = hasWorkers(earl);
  const left = topologies.filter((name) => workers || !name.endsWith('workers'));
  if (left.length === topologies.length) return [...topologies];
  if (left.length === 0) throw problem('this earl cloud has no --workers');
  console.error('chaos: this earl cloud has no --workers: topologies with workers are left out');
  return left;
}

/** Whether this `earl cloud` has workers is seen in its help. */
function hasWorkers(earl: string): boolean {
  return execFileSync(process.execPath, [earl, 'cloud', '--help'], { encoding: 'utf8' }).includes('--workers');
}

/** In a network namespace of its own where that can be had. */
async function runSomewhere(plan: Plan): Promise<number> {
  if (isInside()) settleInside();
  if (isInside() || plan.network === 'proxies') return await run(plan);
  const how = isolation();
  if (how !== undefined) return await runInside(how);
  if (plan.network === 'auto') return await run(plan);
  throw new EarlError('USAGE', 'network namespaces cannot be made here: run as root, or with --network proxies');
}

try {
  process.exitCode = await runSomewhere(planOf(process.argv.slice(2)));
} catch (error) {
  console.error(`chaos: ${errorMessage(error)}`);
  process.exitCode = exitCodeOf(error);
}
