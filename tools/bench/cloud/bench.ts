/**
 * `earl bench cloud`: what Earl's cloud costs, beside other servers under the same load in the same run.
 *
 *     node tools/run.mjs tools/bench/cloud/bench.ts [--publishers N] [--seconds 5] [--rounds 1] [--peers uws,ws,net]
 *         [--workloads one_to_one,fan_out] [--connections N] [--profile FOLDER] [--json]
 *
 * Every run starts a server and a load generator (load.ts) as processes of their own; the servers take turns, so that a
 * machine that grows busier does so for all. docs/cloud-performance.md says how to read the figures.
 */

import { spawn, spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { EarlError, errorMessage } from '../../../errors/index.ts';
import { machine } from '../../../host/cli/bench.ts';
import { packageRoot } from '../../../host/cli/package-root.ts';
import { bundleEarl } from '../../../test/e2e/earl-process.ts';
import { figuresOf, lineOf, type Run } from './figures.ts';
import type { ConnectReport, IdleReport, LoadOrder, TrafficReport } from './load.ts';
import { fileLimit } from './process-cost.ts';
import {
  dialectOf,
  type PeerName,
  peerNames,
  preparePeers,
  type ServerName,
  ServerProcess,
  versionOf,
} from './servers.ts';
import {
  acknowledged,
  connectionsOf,
  dashboard,
  deliveriesPerSecond,
  fanOut,
  gateways,
  oneToOne,
  type Workload,
} from './workloads.ts';

const { values: flags } = parseArgs({
  options: {
    publishers: { type: 'string' },
    connections: { type: 'string' },
    probes: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '1' },
    peers: { type: 'string', default: peerNames.join(',') },
    workloads: { type: 'string' },
    profile: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});

/** Descriptors that a process needs besides its connections. */
const SPARE_FILES = 200;
/** The cloud's own limit, and enough for memory and rates. */
const MOST_CONNECTIONS = 10_000;
const MOST_PUBLISHERS = 5000;
const twoWorkers = ['--workers', '2'];

/** One thing to measure, on the servers for which it means something. */
interface Measurement {
  readonly name: string;
  readonly peers: readonly PeerName[];
  /** What is added to `earl cloud`. */
  readonly earlArgs?: readonly string[];
  order(target: Pick<LoadOrder, 'dialect' | 'port' | 'pid'>): LoadOrder;
}

function measurements(room: number): Measurement[] {
  const most = Math.min(MOST_CONNECTIONS, room);
  const publishers = numberOf('publishers', Math.min(MOST_PUBLISHERS, Math.floor(most / 2)));
  const connections = Math.min(numberOf('connections', most), most);
  const probes = numberOf('probes', 1000);
  const traffic = (workload: Workload, peers: readonly PeerName[]): Measurement => {
    if (connectionsOf(workload) > most) {
      throw new EarlError(
        'USAGE',
        `${workload.name} needs ${connectionsOf(workload)} connections; ${most} are possible`,
      );
    }
    const seconds = numberOf('seconds', 5);
    // Few samples a second compile the server's code later.
    const warmUpSeconds = Math.min(deliveriesPerSecond(workload) < 10_000 ? 10 : 3, 2 * seconds);
    return {
      name: workload.name,
      peers,
      order: (target) => ({ ...target, kind: 'traffic', workload, warmUpSeconds, seconds }),
    };
  };
  const idle = (name: string, subscribed: boolean): Measurement => ({
    name,
    peers: ['uws', 'earl-ws', 'ws', 'socket.io'],
    order: (target) => {
      const warmUpConnections = Math.floor(connections / 5);
      return { ...target, kind: 'idle', connections: connections - warmUpConnections, warmUpConnections, subscribed };
    },
  });
  const connect: Measurement['order'] = (target) => ({ ...target, kind: 'connect', connections });
  return [
    traffic(oneToOne(publishers), ['uws', 'earl-ws', 'net', 'ws', 'socket.io', 'nats']),
    traffic(acknowledged(publishers), []),
    traffic(fanOut(Math.ceil(publishers / 50), Math.min(50, publishers)), [
      'uws',
      'earl-ws',
      'net',
      'ws',
      'socket.io',
      'nats',
    ]),
    traffic(dashboard(probes, 50, 50), ['uws', 'earl-ws', 'ws']),
    traffic(dashboard(probes, 50, 0), ['uws']),
    traffic(gateways(publishers * 4), []),
    { ...traffic(gateways(publishers * 4), []), name: 'gateways_two_workers', earlArgs: twoWorkers },
    idle('idle', false),
    idle('idle_subscribed', true),
    { name: 'connect', peers: ['uws', 'ws'], order: connect },
    { name: 'connect_two_workers', peers: [], earlArgs: twoWorkers, order: connect },
  ];
}

function numberOf(flag: 'publishers' | 'connections' | 'probes' | 'seconds' | 'rounds', standard: number): number {
  const text = flags[flag];
  if (text === undefined) return standard;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new EarlError('USAGE', `--${flag} needs a whole number from 1`);
}

/** The names in a list, checked. */
function chosen<Name extends string>(flag: string, text: string, all: readonly Name[]): Name[] {
  if (text === 'none') return [];
  const names = text.split(',').map((name) => name.trim());
  for (const name of names) {
    if (!all.includes(name as Name)) throw new EarlError('USAGE', `--${flag}: no ${name}; there are ${all.join(', ')}`);
  }
  return names as Name[];
}

async function generate(order: LoadOrder): Promise<TrafficReport | IdleReport | ConnectReport> {
  const args = ['tools/run.mjs', 'tools/bench/cloud/load.ts', JSON.stringify(order)];
  const child = spawn(process.execPath, args, { cwd: packageRoot(), stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const code = await new Promise((ended) => child.once('close', ended));
  if (code !== 0) throw new EarlError('BENCH_LOAD', `the load generator failed (exit code ${code})`);
  return JSON.parse(output) as TrafficReport | IdleReport | ConnectReport;
}

async function measure(measurement: Measurement, server: ServerName, round: number, earl: string): Promise<Run> {
  const profile =
    flags.profile !== undefined && server === 'earl'
      ? [
          '--cpu-prof',
          `--cpu-prof-dir=${resolve(flags.profile)}`,
          `--cpu-prof-name=${measurement.name}-${round}.cpuprofile`,
        ]
      : [];
  const running = await ServerProcess.start(server, { file: earl, args: measurement.earlArgs ?? [] }, profile);
  try {
    const order = measurement.order({ dialect: dialectOf[server], port: running.port, pid: running.pid });
    const { sockets } = running;
    const report = await generate(order);
    return { workload: measurement.name, server, round, ...(sockets ? { sockets } : {}), ...report };
  } finally {
    await running.stop();
  }
}

async function main(): Promise<void> {
  const rounds = numberOf('rounds', 1);
  const room = fileLimit() - SPARE_FILES;
  const all = measurements(room);
  const names = all.map(({ name }) => name);
  const wanted = flags.workloads === undefined ? names : chosen('workloads', flags.workloads, names);
  const peers = chosen('peers', flags.peers, peerNames);
  const say = (line: string) => console.error(line);
  const absent = preparePeers(peers, say);
  for (const [peer, why] of absent) say(`earl bench: without ${peer}: ${why}`);
  const present = peers.filter((peer) => !absent.has(peer));
  const parameters = {
    ...machine(),
    date: new Date().toISOString(),
    most_open_files: fileLimit(),
    seconds: numberOf('seconds', 5),
    rounds,
    servers: Object.fromEntries((['earl', ...present] as const).map((name) => [name, versionOf(name)])),
    absent: Object.fromEntries(absent),
    orders: all
      .filter(({ name }) => wanted.includes(name))
      .map((one) => one.order({ dialect: 'earl', port: 0, pid: 0 }))
      .map(({ dialect: _dialect, port: _port, pid: _pid, ...order }) => order),
  };
  if (flags.json) console.log(JSON.stringify(parameters));
  const native = spawnSync(process.execPath, ['tools/build-native.mjs'], {
    cwd: packageRoot(),
    stdio: ['ignore', 2, 2],
  });
  if (native.status !== 0) say('earl bench: without the addon for sockets: earl and earl-ws are the same');
  const earl = await bundleEarl();
  const runs: Run[] = [];
  try {
    for (let round = 1; round <= rounds; round++) {
      for (const measurement of all.filter(({ name }) => wanted.includes(name))) {
        const servers = ['earl', ...measurement.peers.filter((peer) => present.includes(peer))] as const;
        for (const server of servers) {
          const run = await measure(measurement, server, round, earl.file);
          runs.push(run);
          console.log(flags.json ? JSON.stringify(run) : lineOf(run));
        }
      }
    }
  } finally {
    earl.remove();
  }
  const figures = figuresOf(runs);
  console.log(JSON.stringify(figures));
  if (figures.lost || figures.duplicated || figures.reordered) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  console.error(`earl: ${errorMessage(error)}`);
  process.exitCode = error instanceof EarlError && error.code === 'USAGE' ? 2 : 1;
}
