/**
 * What an engine between two servers costs: CPU time of both servers and of the engine for each delivered sample, beside
 * one server that keeps everything in memory, in the same run. Publishers are at one server, their subscribers at the other.
 *
 *     node tools/run.mjs tools/bench/engines.ts [--publishers 1000] [--hz 4] [--seconds 10] [--only memory,nats]
 *         [--profile FOLDER] [--json]
 *
 * It counts what was lost, doubled and reordered, and ends with 1 if anything was. Needs redis-server and nats-server.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { build as buildHistogram } from 'hdr-histogram-js';
import { EarlError } from '../../errors/index.ts';
import { machine } from '../../host/cli/bench.ts';
import { Engine } from '../../test/contract/engines.ts';
import { bundleEarl } from '../../test/e2e/earl-process.ts';
import { dialects, type Publisher } from './cloud/dialects.ts';
import { cpuTime } from './cloud/process-cost.ts';

const { values: flags } = parseArgs({
  options: {
    publishers: { type: 'string', default: '1000' },
    hz: { type: 'string', default: '4' },
    seconds: { type: 'string', default: '10' },
    only: { type: 'string' },
    profile: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const publishers = Number(flags.publishers);
const hz = Number(flags.hz);
const seconds = Number(flags.seconds);
const warmUpSeconds = Math.min(5, seconds);
const payloadBytes = 70;
const tickMs = 2;
const drainMs = 5_000;

interface Setup {
  readonly name: string;
  readonly engine: (() => Promise<Engine>) | undefined;
}

const setups: readonly Setup[] = [
  { name: 'memory', engine: undefined },
  { name: 'redis, appendfsync always', engine: () => Engine.redis() },
  { name: 'redis, appendfsync everysec', engine: () => Engine.redis('--appendfsync', 'everysec') },
  { name: 'nats', engine: () => Engine.nats() },
];

class Server {
  readonly pid: number;
  readonly port: number;
  readonly #child: ChildProcess;

  static async start(earl: string, options: readonly string[]): Promise<Server> {
    const profile = flags.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${resolve(flags.profile)}`];
    const args = [...profile, earl, 'cloud', '--port', '0', '--json', ...options];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    for await (const line of createInterface(child.stdout)) {
      const { url } = JSON.parse(line) as { url: string };
      return new Server(child, Number(new URL(url).port));
    }
    throw new EarlError('BENCH_SERVER', 'the server did not start');
  }

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.pid = child.pid!;
    this.port = port;
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGTERM');
    await ended;
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const rounded = (value: number) => Math.round(value * 10) / 10;

/** Plays the load from one port to another; `cpu` is asked at the beginning and the end of the measured time. */
async function play(from: number, to: number, cpu: () => readonly number[]) {
  const latency = buildHistogram({ numberOfSignificantValueDigits: 3 });
  const last = new Uint32Array(publishers);
  const count = { received: 0, duplicated: 0, reordered: 0 };
  const senders: Publisher[] = [];
  let measuring = false;
  for (let index = 0; index < publishers; index++) {
    await dialects.earl.subscribe(to, { publisher: index, topics: 1, maxDelayMs: 0 }, (bytes, at) => {
      const number = bytes.readUInt32LE(at);
      if (number === last[index]) count.duplicated += 1;
      else if (number < last[index]!) count.reordered += 1;
      else last[index] = number;
      count.received += 1;
      if (measuring)
        latency.recordValue(Math.max(1, Math.round((performance.now() - bytes.readDoubleLE(at + 4)) * 1000)));
    });
    const wishes = { publisher: index, topics: 1, watched: false, acknowledged: false, onAccepted: () => {} };
    senders.push(await dialects.earl.publisher(from, wishes));
  }
  const spacing = 1000 / (hz * publishers);
  const startedAt = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    for (let due = startedAt + sent * spacing; due <= performance.now(); due += spacing) {
      const payload = Buffer.alloc(payloadBytes, 'A');
      payload.writeUInt32LE(Math.floor(sent / publishers) + 1, 0);
      payload.writeDoubleLE(due, 4);
      senders[sent++ % publishers]!.send([0], [payload]);
    }
  }, tickMs);
  await pause(warmUpSeconds * 1000);
  const [cpuBefore, receivedBefore] = [cpu(), count.received];
  measuring = true;
  await pause(seconds * 1000);
  measuring = false;
  const [cpuAfter, received] = [cpu(), count.received - receivedBefore];
  clearInterval(timer);
  for (let waited = 0; count.received < sent && waited < drainMs; waited += 50) await pause(50);
  for (const sender of senders) sender.end();
  return {
    cpu_us: cpuAfter.map((after, index) => rounded((after - cpuBefore[index]!) / received)),
    p50_ms: rounded(latency.getValueAtPercentile(50) / 1000),
    p99_ms: rounded(latency.getValueAtPercentile(99) / 1000),
    deliveries: received,
    lost: sent - count.received,
    duplicated: count.duplicated,
    reordered: count.reordered,
  };
}

async function measure(earl: string, { name, engine }: Setup) {
  const running = await engine?.();
  const options = running === undefined ? [] : ['--backplane', running.url];
  const from = await Server.start(earl, options);
  const to = running === undefined ? from : await Server.start(earl, options);
  const pids = [from.pid, ...(running === undefined ? [] : [to.pid, running.pid])];
  try {
    const cpu = () => pids.map(cpuTime).map(({ userUs, systemUs }) => userUs + systemUs);
    const { cpu_us, ...rest } = await play(from.port, to.port, cpu);
    const [publishing = 0, delivering = 0, ofEngine = 0] = cpu_us;
    const total = rounded(publishing + delivering + ofEngine);
    return {
      setup: name,
      total_us: total,
      publishing_us: publishing,
      delivering_us: delivering,
      engine_us: ofEngine,
      ...rest,
    };
  } finally {
    for (const server of new Set([from, to])) await server.stop();
    await running?.remove();
  }
}

const earl = await bundleEarl();
try {
  if (flags.json)
    console.log(JSON.stringify({ ...machine(), date: new Date().toISOString(), publishers, hz, seconds }));
  let inMemory = 0;
  const wanted = flags.only?.split(',');
  for (const setup of setups.filter(({ name }) => wanted?.includes(name) ?? true)) {
    const run = await measure(earl.file, setup);
    if (setup.engine === undefined) inMemory = run.total_us;
    const all = inMemory > 0 ? { ...run, total_ratio_memory: rounded(run.total_us / inMemory) } : run;
    if (flags.json) console.log(JSON.stringify(all));
    else console.table([all]);
    if (run.lost + run.duplicated + run.reordered > 0) process.exitCode = 1;
  }
} finally {
  earl.remove();
}
process.exit();
