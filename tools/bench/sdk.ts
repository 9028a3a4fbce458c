/**
 * What a sample costs the SDK, in CPU time of a client's process: of one that publishes 4,000 a second as a gateway does
 * (acknowledged, numbered), and of one that receives them as a dashboard does. Cloud, publisher and receiver are
 * processes of their own; the variants run one after the other, and their ratio to the first is what counts.
 *
 *     node tools/run.mjs tools/bench/sdk.ts [--seconds 8] [--rate 4000] [--before BUNDLE.mjs]
 *
 * `--before` names a bundle of an older cloud/client/index.node.ts, which runs first. Every run checks that all samples
 * came, once and in order on each topic.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import type * as Sdk from '../../cloud/client/index.node.ts';
import { packageRoot } from '../../host/cli/package-root.ts';

const root = packageRoot();
const topics = 1000;
const mostOpen = 1000;

interface Job {
  readonly role: 'cloud' | 'publisher' | 'receiver';
  readonly sdk: string;
  readonly url: string;
  readonly options: object;
  readonly rate: number;
  readonly seconds: number;
}

type Report = { readonly cpuUs: number; readonly samples: number };

/** Plays one part, told by the parent; reports and ends. */
async function play(job: Job): Promise<void> {
  process.once('disconnect', () => process.exit());
  if (job.role === 'cloud') {
    const { startCloud } = (await import(job.sdk)) as typeof import('../../cloud/server/index.ts');
    const cloud = await startCloud({ port: 0 });
    process.send!({ url: cloud.url });
    return;
  }
  const { connect } = (await import(job.sdk)) as typeof Sdk;
  const client = connect({ url: job.url, ...job.options });
  await new Promise<void>((resolve) => client.onState((connected) => connected && resolve()));
  const report = job.role === 'publisher' ? await publish(client, job) : await receive(client, job);
  process.send!(report);
  await client.close();
  process.exit();
}

async function publish(client: Sdk.CloudClient, { rate, seconds }: Job): Promise<Report> {
  const names = Array.from({ length: topics }, (_, probe) => `bench/${probe}/samples`);
  const waiting: Promise<void>[] = [];
  let seq = 0;
  let settled = 0;
  const total = rate * seconds;
  const before = process.cpuUsage();
  const startedAt = performance.now();
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const due = Math.min(total, ((performance.now() - startedAt) / 1000) * rate);
      // A machine that is busy otherwise is late, and then catches up.
      while (seq < due && seq - settled < mostOpen) {
        seq += 1;
        const data = [{ bn: `urn:dev:earl:${seq % topics}:`, bt: 1795300000.25, n: 'light', u: 'lx', v: seq }];
        waiting.push(client.publishAcknowledged(names[seq % topics]!, data, seq).then(() => void settled++));
      }
      if (seq < total) return;
      clearInterval(timer);
      resolve();
    }, 1);
  });
  await Promise.all(waiting);
  const { user, system } = process.cpuUsage(before);
  return { cpuUs: user + system, samples: total };
}

async function receive(client: Sdk.CloudClient, { rate, seconds }: Job): Promise<Report> {
  const last = new Map<string, number>();
  let samples = 0;
  const total = rate * seconds;
  let done = () => {};
  const all = new Promise<void>((resolve) => {
    done = resolve;
  });
  await client.subscribe('bench/+/samples', (topic, data) => {
    const { v } = (data as { v: number }[])[0]!;
    const expected = (last.get(topic) ?? (v <= topics ? v - topics : Number.NaN)) + topics;
    if (v !== expected) throw new Error(`${topic}: ${v} came in the place of ${expected}`);
    last.set(topic, v);
    samples += 1;
    if (samples === total) done();
  });
  process.send!('ready');
  const before = process.cpuUsage();
  await all;
  const { user, system } = process.cpuUsage(before);
  return { cpuUs: user + system, samples };
}

function start(job: Job): ChildProcess {
  const child = fork(join(root, 'tools/run.mjs'), ['tools/bench/sdk.ts', '--job', JSON.stringify(job)], { cwd: root });
  child.on('exit', (code) => {
    if (code) throw new Error(`the ${job.role} ended with ${code}`);
  });
  return child;
}

async function message<Message>(child: ChildProcess): Promise<Message> {
  return ((await once(child, 'message')) as [Message])[0];
}

/** CPU microseconds a sample of publisher and receiver. */
async function run(server: string, sdk: string, options: object, rate: number, seconds: number) {
  const common = { sdk, url: '', options, rate, seconds };
  const cloud = start({ ...common, sdk: server, role: 'cloud' });
  const { url } = await message<{ url: string }>(cloud);
  const receiver = start({ ...common, url, role: 'receiver' });
  await message(receiver);
  const publisher = start({ ...common, url, role: 'publisher' });
  const [published, received] = await Promise.all([message<Report>(publisher), message<Report>(receiver)]);
  cloud.disconnect();
  return { publisher: published.cpuUs / published.samples, receiver: received.cpuUs / received.samples };
}

async function bundle(entry: string, outfile: string): Promise<string> {
  const options = { bundle: true, format: 'esm', platform: 'node', packages: 'external' } as const;
  await build({ entryPoints: [join(root, entry)], outfile, ...options });
  return outfile;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      job: { type: 'string' },
      seconds: { type: 'string', default: '8' },
      rate: { type: 'string', default: '4000' },
      before: { type: 'string' },
    },
  });
  if (values.job !== undefined) {
    await play(JSON.parse(values.job) as Job);
    return;
  }
  const [seconds, rate] = [Number(values.seconds), Number(values.rate)];
  const folder = mkdtempSync(join(root, 'node_modules/.cache/earl-sdk-bench-'));
  try {
    const server = await bundle('cloud/server/index.ts', join(folder, 'server.mjs'));
    const now = await bundle('cloud/client/index.node.ts', join(folder, 'client.mjs'));
    const variants: [string, string, object][] = [
      ['json', now, { protocol: 'json' }],
      ['earl.v1', now, {}],
      ['earl.v1, windows of 50 ms', now, { batchMs: 50 }],
    ];
    if (values.before !== undefined) variants.unshift(['before', values.before, {}]);
    const figures: Record<string, { publisher: number; receiver: number }> = {};
    for (const [name, sdk, options] of variants) figures[name] = await run(server, sdk, options, rate, seconds);
    const first = figures[variants[0]![0]]!;
    const ratios = Object.fromEntries(
      Object.entries(figures).map(([name, { publisher, receiver }]) => [
        name,
        { publisher: round(publisher / first.publisher), receiver: round(receiver / first.receiver) },
      ]),
    );
    const rounded = Object.fromEntries(
      Object.entries(figures).map(([name, { publisher, receiver }]) => [
        name,
        { publisher: round(publisher), receiver: round(receiver) },
      ]),
    );
    const machine = { cpu: cpus()[0]!.model, cores: cpus().length, node: process.version };
    console.log(JSON.stringify({ machine, rate, seconds, cpuMicrosecondsPerSample: rounded, ratios }, null, 2));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}

await main();
