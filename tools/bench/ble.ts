/**
 * How long a sample takes over Bluetooth Low Energy: from the stop bit of its last byte on the probe's UART to its arrival at
 * a WebSocket subscriber, and where the time goes; and how many probes one adapter carries.
 *
 *     node tools/run.mjs tools/bench/ble.ts [--probes 10] [--seconds 60] [--loss 0.01] [--interval 30] [--bridge nus]
 *         [--kinds arm,light] [--seed 1] [--profile FOLDER] [--json]
 *
 * Three processes: emulated boards with the released firmware, bridge modules and the virtual air (ble-boards.ts);
 * `earl up --ble` with gateway and cloud; the subscriber, which is this one. Each sample is known again by its values, so
 * only probes are used whose values change. The numbers are verified before they are printed: every sample that left a
 * UART arrived, once and in order, and the gateway's own count of lost packets says the same. Prints a table, and with --json
 * one JSON object as its last line. Exits with 1 when samples were lost, or the goal was missed.
 */

import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type CloudClient, connect } from '../../cloud/client/index.node.ts';
import type { Json, SenmlRecord } from '../../cloud/protocol/messages.ts';
import { packageRoot } from '../../host/cli/package-root.ts';
import { bundleEarl } from '../../test/e2e/earl-process.ts';
import { type BoardReport, type BoardsReport, monotonicMs, type Stamp, summary, valuesOf } from './ble-stamps.ts';

const GOAL_P99_MS = 150;
const SITE = 'bench';
const ONLINE_LIMIT_MS = 90_000;
const WARM_UP_MS = 12_000;
const TAIL_MS = 3000;
/** Linux counts a process's CPU time in hundredths of a second. */
const TICK_MS = 10;

const { values: flags } = parseArgs({
  options: {
    probes: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '60' },
    loss: { type: 'string', default: '0.01' },
    interval: { type: 'string', default: '30' },
    bridge: { type: 'string', default: 'nus' },
    kinds: { type: 'string', default: 'arm,light' },
    seed: { type: 'string', default: '1' },
    profile: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const count = Number(flags.probes);
const seconds = Number(flags.seconds);

/** What the subscriber heard of one probe. */
class Heard {
  readonly samples: Stamp[] = [];
  online = false;
  deaths = 0;
  counters: { [name: string]: Json } = {};
}

/** The boards' process. */
class Boards {
  private readonly child: ChildProcess;

  constructor() {
    const args = [flags.probes, flags.kinds, flags.bridge, flags.loss, flags.seed];
    const script = join(packageRoot(), 'tools/bench/ble-boards.ts');
    this.child = fork(join(packageRoot(), 'tools/run.mjs'), [script, ...args], { serialization: 'advanced' });
  }

  get pid(): number {
    return this.child.pid!;
  }

  message<Message>(): Promise<Message> {
    return new Promise((resolve, reject) => {
      this.child.once('message', (message) => resolve(message as Message));
      this.child.once('exit', (code) => reject(new Error(`the boards ended with ${code}`)));
    });
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  send(message: string): void {
    this.child.send(message);
  }

  async stop(): Promise<void> {
    if (!this.running) return;
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.send('stop');
    await ended;
  }
}

/** `earl up --ble`, with what it says. */
class Up {
  readonly lines: { event?: string; url?: string; websocket?: string; message?: string }[] = [];
  private readonly child: ChildProcess;
  private rest = '';
  private onLine = () => {};

  constructor(bundle: string, adapter: string) {
    const profiling = flags.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${flags.profile}`];
    const options = [
      '--no-probes',
      '--ble',
      '--adapter',
      adapter,
      '--port',
      '0',
      '--site',
      SITE,
      '--trust',
      'all',
      '--json',
    ];
    options.push('--ble-interval', flags.interval);
    this.child = spawn(process.execPath, [...profiling, bundle, 'up', ...options], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      const lines = (this.rest + text).split('\n');
      this.rest = lines.pop()!;
      for (const line of lines) if (line.startsWith('{')) this.lines.push(JSON.parse(line));
      this.onLine();
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  websocket(): Promise<string> {
    return new Promise((resolve) => {
      this.onLine = () => {
        const line = this.lines.find(({ event }) => event === 'listening');
        if (line?.websocket !== undefined) resolve(line.websocket);
      };
      this.onLine();
    });
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGTERM');
    await ended;
  }
}

/** CPU time of a process since its start, ms; 0 where /proc is not. */
function cpuMsOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  } catch {
    return 0;
  }
}

async function listen(client: CloudClient): Promise<Map<string, Heard>> {
  const probes = new Map<string, Heard>();
  const probe = (topic: string) => {
    const id = topic.split('/')[1]!;
    const known = probes.get(id) ?? new Heard();
    probes.set(id, known);
    return known;
  };
  await client.subscribe(`${SITE}/+/samples`, (topic, data) => {
    probe(topic).samples.push([valuesOf(data as unknown as SenmlRecord[]), monotonicMs()]);
  });
  await client.subscribe(`${SITE}/+/status`, (topic, data) => {
    const heard = probe(topic);
    const { online } = data as { online: boolean };
    if (heard.online && !online) heard.deaths++;
    heard.online = online;
  });
  await client.subscribe(`${SITE}/+/counters`, (topic, data) => {
    probe(topic).counters = (data as { link?: { [name: string]: Json } }).link ?? {};
  });
  return probes;
}

/** Pairs samples that left with those that arrived, in order. A sample that is passed over was lost. */
function pair(left: readonly Stamp[], came: readonly Stamp[]) {
  const delays: { leftMs: number; delayMs: number }[] = [];
  const lost: Stamp[] = [];
  let strangers = 0;
  let at = 0;
  for (const [values, ms] of came) {
    let match = at;
    while (match < left.length && !(left[match]![0] === values && left[match]![1] <= ms)) match++;
    if (match === left.length) {
      strangers++; // twice, out of order, or never sent
      continue;
    }
    lost.push(...left.slice(at, match));
    delays.push({ leftMs: left[match]![1], delayMs: ms - left[match]![1] });
    at = match + 1;
  }
  lost.push(...left.slice(at));
  return { delays, lost, strangers };
}

function analyse({ boards }: BoardsReport, heard: ReadonlyMap<string, Heard>, startMs: number, endMs: number) {
  const within = (ms: number) => ms >= startMs && ms <= endMs;
  const total: number[] = [];
  const onAir: number[] = [];
  const beyond: number[] = [];
  let [lost, lostOnAir, strangers] = [0, 0, 0];
  const inWindow = (stamps: readonly Stamp[], marginMs: number) =>
    stamps.filter(([, ms]) => ms >= startMs - marginMs && ms <= endMs + marginMs);
  for (const board of boards) {
    const left = inWindow(board.left, 0);
    const road = pair(
      left,
      inWindow(heard.get(board.id)?.samples ?? [], TAIL_MS).filter(([, ms]) => ms >= startMs),
    );
    const air = pair(
      left,
      inWindow(board.aired, TAIL_MS).filter(([, ms]) => ms >= startMs),
    );
    total.push(...road.delays.map(({ delayMs }) => delayMs));
    onAir.push(...air.delays.map(({ delayMs }) => delayMs));
    const airedAt = new Map(air.delays.map(({ leftMs, delayMs }) => [leftMs, delayMs]));
    for (const { leftMs, delayMs } of road.delays) {
      const airMs = airedAt.get(leftMs);
      if (airMs !== undefined) beyond.push(delayMs - airMs);
    }
    lost += road.lost.filter(([, ms]) => within(ms)).length;
    lostOnAir += air.lost.filter(([, ms]) => within(ms)).length;
    // What left just before the window and came within it is no stranger.
    const before = new Set(board.left.filter(([, ms]) => ms < startMs || ms > endMs).map(([values]) => values));
    const repeated = heard.get(board.id)?.samples.filter(([values, ms]) => within(ms) && !before.has(values)) ?? [];
    strangers += Math.max(0, repeated.length - left.length);
  }
  return { total, onAir, beyond, lost, lostOnAir, strangers };
}

async function measure() {
  const boards = new Boards();
  const bundle = await bundleEarl();
  let up: Up | undefined;
  let client: CloudClient | undefined;
  try {
    const { url, ids } = await boards.message<{ url: string; ids: string[] }>();
    const startedMs = monotonicMs();
    up = new Up(bundle.file, url);
    client = connect({ url: await up.websocket() });
    const heard = await listen(client);
    const all = () => ids.filter((id) => heard.get(id)?.online === true).length;
    while (all() < count && boards.running && monotonicMs() - startedMs < ONLINE_LIMIT_MS) await sleep(50);
    const setUpMs = monotonicMs() - startedMs;
    const online = all();
    await sleep(WARM_UP_MS);
    const deathsBefore = [...heard.values()].reduce((sum, { deaths }) => sum + deaths, 0);
    const lostBefore = countOf(heard, 'lost');
    boards.send('measure');
    const cpuBefore = cpuMsOf(up.pid);
    const startMs = monotonicMs();
    await sleep(seconds * 1000);
    const endMs = monotonicMs();
    const gatewayCpuMs = cpuMsOf(up.pid) - cpuBefore;
    await sleep(TAIL_MS);
    boards.send('report');
    const { report } = await boards.message<{ report: BoardsReport }>();
    await sleep(10_000 - TAIL_MS); // the counters are asked for every ten seconds
    const result = analyse(report, heard, startMs, endMs);
    const deaths = [...heard.values()].reduce((sum, probe) => sum + probe.deaths, 0) - deathsBefore;
    return {
      online,
      setUpMs: Math.round(setUpMs),
      sent: report.boards.reduce(
        (sum, { left }) => sum + left.filter(([, ms]) => ms >= startMs && ms <= endMs).length,
        0,
      ),
      lost: result.lost,
      lostOnAir: result.lostOnAir,
      repeated: result.strangers,
      linksLost: deaths,
      countedByGateway: countOf(heard, 'lost') - lostBefore,
      roadMs: summary(result.total),
      uartToGatewayAdapterMs: summary(result.onAir),
      adapterToSubscriberMs: summary(result.beyond),
      cpuShare: {
        boardsAndAir: round(report.cpuMs / (seconds * 1000)),
        gatewayAndCloud: round(gatewayCpuMs / (seconds * 1000)),
      },
      boards: worst(report.boards),
      air: report.air,
      links: report.links,
      radioShare: round(report.radioShare),
      complaints: up.lines.filter(({ event }) => event !== 'probe-online' && event !== 'bridge-found').slice(0, 20),
    };
  } finally {
    await client?.close();
    await up?.stop();
    await boards.stop().catch(() => {});
    bundle.remove();
  }
}

function countOf(heard: ReadonlyMap<string, Heard>, name: string): number {
  return [...heard.values()].reduce((sum, { counters }) => sum + Number(counters[name] ?? 0), 0);
}

/** Of all boards: the greatest lag, and the sums of what modules had to drop. */
function worst(boards: readonly BoardReport[]) {
  const sum = (of: (board: BoardReport) => number) => boards.reduce((total, board) => total + of(board), 0);
  return {
    lateMs: Math.round(Math.max(...boards.map(({ lateMs }) => lateMs))),
    givenUpMs: Math.round(sum(({ givenUpMs }) => givenUpMs)),
    bytesLostToAir: sum(({ bridge }) => bridge.lostToAir),
    bytesLostToBoard: sum(({ bridge }) => bridge.lostToBoard),
    connections: sum(({ bridge }) => bridge.connections),
  };
}

function machine() {
  return {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    os: `${platform()} ${release()}`,
    node: process.version,
    loadAverage1min: loadavg()[0],
  };
}

function commit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const before = machine();
const result = await measure();
const met = result.online === count && result.lost === 0 && result.repeated === 0 && result.roadMs.p99 <= GOAL_P99_MS;
const { probes: _, profile: __, json: ___, ...parameters } = flags;
const report = {
  benchmark: 'ble',
  what: 'ms from the stop bit of a sample on the emulated UART, over the virtual radio, to its arrival at a subscriber',
  machine: before,
  commit: commit(),
  parameters: { probes: count, ...parameters, baud: 9600, sampleHz: 4 },
  ...result,
  goal: { p99Ms: GOAL_P99_MS, lost: 0, met },
};
const line = (name: string, { p50, p90, p99, max }: (typeof result)['roadMs']) =>
  `${name.padEnd(38)}${[p50, p90, p99, max].map((ms) => ms.toFixed(1).padStart(9)).join('')}`;
console.log(
  `${count} probes, ${flags.interval} ms interval, ${Number(flags.loss) * 100} % loss, ${flags.bridge}, ${seconds} s`,
);
console.log(
  `online ${result.online} of ${count} after ${(result.setUpMs / 1000).toFixed(1)} s; links lost ${result.linksLost}`,
);
console.log(
  `samples sent ${result.sent}, lost ${result.lost} (${result.lostOnAir} before the adapter), repeated ${result.repeated}`,
);
console.log(`${'ms'.padEnd(38)}${['p50', 'p90', 'p99', 'max'].map((name) => name.padStart(9)).join('')}`);
console.log(line('UART to subscriber', result.roadMs));
console.log(line("  UART to the gateway's adapter", result.uartToGatewayAdapterMs));
console.log(line('  adapter to subscriber', result.adapterToSubscriberMs));
const { boardsAndAir, gatewayAndCloud } = result.cpuShare;
console.log(
  `CPU: boards and air ${(100 * boardsAndAir).toFixed(0)} %, gateway and cloud ${(100 * gatewayAndCloud).toFixed(0)} % of a core`,
);
console.log(`adapter: ${result.links} links, radio busy ${(100 * result.radioShare).toFixed(0)} % of the time`);
if (flags.json) console.log(JSON.stringify(report));
process.exitCode = met ? 0 : 1;
