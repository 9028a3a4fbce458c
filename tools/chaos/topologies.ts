/**
 * The arrangements that a run can be made of. Which faults befall each is which guarantees it gives (docs/chaos.md): what
 * a topology does not promise to survive is not in its list.
 */

import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  cut,
  kill,
  killChild,
  killPrimary,
  partition,
  pause,
  pauseChild,
  pausePrimary,
  refuse,
  restart,
  slow,
} from './faults.ts';
import { freePort, type Guard, Program } from './programs.ts';
import { FaultyProxy, type Tamper } from './proxy.ts';
import type { SeededRandom } from './random.ts';
import { NamespaceRoads, ProxyRoads, type Roads } from './roads.ts';
import type { FaultSource, Topology } from './topology.ts';

export const topologyNames = ['memory+workers', 'data', 'data+workers', 'redis', 'nats'] as const;
export type TopologyName = (typeof topologyNames)[number];

export interface TopologyOptions {
  /** Bundled `earl`. */
  readonly earl: string;
  /** For logs, journals and configurations. */
  readonly folder: string;
  readonly guard: Guard;
  readonly random: SeededRandom;
  /** Whether links may be made and taken down; else proxies stand for them. */
  readonly namespaces: boolean;
  readonly onCrash: (what: string) => void;
  /** Changes what reaches the clients: to prove that the checker notices. */
  readonly tamper?: Tamper;
}

export function startTopology(name: TopologyName, options: TopologyOptions): Promise<Topology> {
  return { 'memory+workers': workers, data, 'data+workers': dataWorkers, redis, nats }[name](options);
}

const betweenClients = 'clients and cloud';

async function data(options: TopologyOptions): Promise<Topology> {
  const server = await earl('server', ['--data', join(options.folder, 'journal')], options);
  return started([server], () => server.port, options, [kill(server), pause(server), restart(server)]);
}

/** The memory of the primary is what holds the messages: workers come and go, the primary only pauses. */
async function workers(options: TopologyOptions): Promise<Topology> {
  const server = await earl('server', ['--workers', '2'], options);
  const faults = [killChild(server), pauseChild(server), pausePrimary(server), pause(server)];
  return started([server], () => server.port, options, faults);
}

async function dataWorkers(options: TopologyOptions): Promise<Topology> {
  const server = await earl('server', ['--workers', '2', '--data', join(options.folder, 'journal')], options);
  return started([server], () => server.port, options, [
    kill(server),
    killPrimary(server, options.onCrash),
    killChild(server),
    pauseChild(server),
    pausePrimary(server),
    pause(server),
    restart(server),
  ]);
}

/** Servers behind HAProxy, each with a road of its own to Redis. */
async function redis(options: TopologyOptions): Promise<Topology> {
  const roads = await makeRoads(options);
  const engine = await startEngine('redis', options, roads, (port, folder) => [
    ...['redis-server', '--port', port, '--bind', roads.listenHost, '--protected-mode', 'no', '--dir', folder],
    ...['--save', '', '--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction'],
  ]);
  const { servers, faults } = await engineServers(engine, options.random.between(2, 3), options, roads);
  const balancer = await haproxy(servers, options);
  const own = [kill(engine), pause(engine), refuse(engine), kill(balancer), pause(balancer)];
  return started([balancer, ...servers, engine], () => balancer.port, options, [...own, ...faults], roads);
}

/** Clients take the servers in turn; there is no balancer. */
async function nats(options: TopologyOptions): Promise<Topology> {
  const roads = await makeRoads(options);
  const engine = await startEngine('nats', options, roads, (port, folder) => [
    ...['nats-server', '-a', roads.listenHost, '-p', port, '-js', '-sd', folder],
  ]);
  const { servers, faults } = await engineServers(engine, 2, options, roads);
  let turn = 0;
  const next = () => servers[turn++ % servers.length]!.port;
  return started([...servers, engine], next, options, [kill(engine), pause(engine), ...faults], roads);
}

function makeRoads(options: TopologyOptions): Promise<Roads> | Roads {
  return options.namespaces ? NamespaceRoads.make(options) : new ProxyRoads();
}

async function startEngine(
  name: string,
  options: TopologyOptions,
  roads: Roads,
  commandLine: (port: string, folder: string) => string[],
): Promise<Program> {
  const engine = await program(name, options, (port, folder) => {
    const [command, ...args] = [...roads.wrapper, ...commandLine(String(port), folder)];
    return { command: command!, args, host: roads.engineHost };
  });
  await engine.start();
  return engine;
}

async function engineServers(
  engine: Program,
  count: number,
  options: TopologyOptions,
  roads: Roads,
): Promise<{ servers: Program[]; faults: FaultSource[] }> {
  const starting: Promise<Program>[] = [];
  const faults: FaultSource[] = [];
  for (let number = 1; number <= count; number++) {
    const road = await roads.add(`server-${number} and ${engine.name}`, engine.port);
    starting.push(earl(`server-${number}`, ['--backplane', `${engine.name}://${road.address}`], options));
    faults.push(...road.faults);
  }
  const servers = await Promise.all(starting);
  // As likely as all that befalls the roads.
  faults.push(kill(...servers), kill(...servers), pause(...servers), pause(...servers), restart(...servers));
  return { servers, faults };
}

/** Adds the road of the clients to what has been started. */
async function started(
  programs: readonly Program[],
  port: () => number,
  options: TopologyOptions,
  faults: readonly FaultSource[],
  roads?: Roads,
): Promise<Topology> {
  const front = await FaultyProxy.start(await freePort(), port, options.tamper);
  return {
    url: `ws://127.0.0.1:${front.port}`,
    faults: [...faults, cut(betweenClients, front), partition(betweenClients, front), slow(betweenClients, front)],
    stop: async () => {
      await front.close();
      // In their order: a server that still has its engine says goodbye to it.
      for (const ended of programs) await ended.end('SIGKILL');
      await roads?.close();
    },
  };
}

/** `earl cloud`, started. */
async function earl(name: string, args: readonly string[], options: TopologyOptions): Promise<Program> {
  const server = await program(name, options, (port) => ({
    command: process.execPath,
    args: [options.earl, 'cloud', '--port', String(port), '--json', ...args],
    ready: '"event":"listening"',
  }));
  await server.start();
  return server;
}

/** With the configuration that Earl writes for it. */
async function haproxy(servers: readonly Program[], options: TopologyOptions): Promise<Program> {
  const balancer = await program('balancer', options, (port, folder) => {
    const file = join(folder, 'haproxy.cfg');
    const named = servers.flatMap((server) => ['--server', `127.0.0.1:${server.port}`]);
    const wishes = ['--listen', `127.0.0.1:${port}`, '--unprivileged', '--output', file];
    execFileSync(process.execPath, [options.earl, 'balancer', 'haproxy', ...named, ...wishes], { stdio: 'pipe' });
    return { command: 'haproxy', args: ['-db', '-f', file] };
  });
  await balancer.start();
  return balancer;
}

async function program(
  name: string,
  options: TopologyOptions,
  how: (port: number, folder: string) => { command: string; args: string[]; ready?: string; host?: string },
): Promise<Program> {
  const folder = join(options.folder, name);
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const { guard, onCrash } = options;
  return new Program({ name, port, folder: options.folder, guard, onCrash, ...how(port, folder) });
}
