/**
 * The servers that are compared, each a process of its own on a free port of 127.0.0.1: Earl's cloud and the peers in
 * peers/, which have a package.json of their own and are installed when they are wanted and not there.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../../cloud/workers/free-port.ts';
import { EarlError } from '../../../errors/index.ts';
import { packageRoot } from '../../../host/cli/package-root.ts';
import type { DialectName } from './dialects.ts';

/** `earl-ws` is Earl on Node's sockets, without its addon. */
export const peerNames = ['uws', 'earl-ws', 'ws', 'net', 'socket.io', 'nats'] as const;
export type PeerName = (typeof peerNames)[number];
export type ServerName = 'earl' | PeerName;

export const dialectOf: Readonly<Record<ServerName, DialectName>> = {
  earl: 'earl',
  'earl-ws': 'earl',
  uws: 'plain',
  ws: 'plain',
  net: 'plain',
  'socket.io': 'socket.io',
  nats: 'nats',
};

const START_MS = 20_000;
/** Of what a server says on stderr, so much is kept for the case that it does not start. */
const MOST_COMPLAINTS = 10_000;
const peersFolder = join(packageRoot(), 'tools/bench/cloud/peers');
const bun = join(peersFolder, 'node_modules/@oven/bun-linux-x64/bin/bun');
const socketIo = join(peersFolder, 'node_modules/socket.io');

/** Installs what is missing; why each peer that cannot run is absent. */
export function preparePeers(wanted: readonly PeerName[], say: (line: string) => void): Map<PeerName, string> {
  const needed = [...(wanted.includes('uws') ? [bun] : []), ...(wanted.includes('socket.io') ? [socketIo] : [])];
  if (needed.some((path) => !existsSync(path))) {
    say(`earl bench: installing the peers (about 100 MB) in ${peersFolder}: npm ci`);
    const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: peersFolder, stdio: ['ignore', 2, 2] });
    if (npm.status !== 0) say('earl bench: npm ci failed: the peers that it brings are left out');
  }
  const absent = new Map<PeerName, string>();
  if (wanted.includes('uws') && !runs(bun)) absent.set('uws', 'Bun is not installed, or does not run on this machine');
  if (wanted.includes('socket.io') && !existsSync(socketIo)) absent.set('socket.io', 'not installed');
  if (wanted.includes('nats') && !runs('nats-server')) {
    absent.set('nats', 'not installed (Debian: apt-get install nats-server)');
  }
  return absent;
}

/** Names and versions of the peers. */
export function versionOf(name: ServerName): string {
  if (name === 'uws') return `Bun ${firstLine(bun)}`;
  if (name === 'nats') return firstLine('nats-server');
  return `Node ${process.version}`;
}

function runs(program: string): boolean {
  return spawnSync(program, ['--version']).status === 0;
}

function firstLine(program: string): string {
  return spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout.trim().split('\n')[0]!;
}

export class ServerProcess {
  readonly name: ServerName;
  readonly port: number;
  readonly pid: number;
  /** Who serves the sockets of an Earl. */
  readonly sockets: string | undefined;
  readonly #child: ChildProcess;

  private constructor(name: ServerName, port: number, child: ChildProcess, sockets?: string) {
    this.sockets = sockets;
    this.name = name;
    this.port = port;
    this.pid = child.pid!;
    this.#child = child;
  }

  /**
   * Starts a server and waits until it listens.
   * @param earl the bundled `earl`, and what is added to `earl cloud`
   * @param nodeOptions options of Node for servers that run in it, e.g. `--cpu-prof`
   */
  static async start(
    name: ServerName,
    earl: { readonly file: string; readonly args: readonly string[] },
    nodeOptions: readonly string[] = [],
  ): Promise<ServerProcess> {
    if (name === 'nats') return await ServerProcess.#startNats();
    const node = [process.execPath, ...nodeOptions];
    const [program, ...args] = {
      earl: [...node, earl.file, 'cloud', '--port', '0', '--json', ...earl.args],
      'earl-ws': [...node, earl.file, 'cloud', '--port', '0', '--json'],
      uws: [bun, join(peersFolder, 'uws.js')],
      ws: [...node, join(peersFolder, 'ws.mjs')],
      net: [...node, join(peersFolder, 'net.mjs')],
      'socket.io': [...node, join(peersFolder, 'socket-io.mjs')],
    }[name] as [string, ...string[]];
    const env = name === 'earl-ws' ? { ...process.env, EARL_NATIVE: '0' } : process.env;
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
    const line = JSON.parse(await firstOutput(child, name)) as {
      port?: number;
      url?: string;
      sockets?: string;
    };
    return new ServerProcess(name, line.port ?? Number(new URL(line.url!).port), child, line.sockets);
  }

  static async #startNats(): Promise<ServerProcess> {
    const port = await freePort();
    const child = spawn('nats-server', ['-a', '127.0.0.1', '-p', String(port)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    await firstOutput(child, 'nats', child.stderr!, 'Server is ready');
    child.stderr!.resume();
    return new ServerProcess('nats', port, child);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGTERM');
    const deadline = setTimeout(() => this.#child.kill('SIGKILL'), START_MS);
    await ended;
    clearTimeout(deadline);
  }
}

/** The first line that a server writes, or the first with `wanted` in it. */
async function firstOutput(
  child: ChildProcess,
  name: ServerName,
  stream = child.stdout!,
  wanted = '\n',
): Promise<string> {
  return await new Promise((resolve, reject) => {
    let text = '';
    let complaints = '';
    const fail = (why: string) => {
      child.kill('SIGKILL');
      reject(new EarlError('BENCH_SERVER', `the server ${name} ${why}\n${complaints}`.trim()));
    };
    const deadline = setTimeout(() => fail('did not start in time'), START_MS);
    child.once('exit', (code) => fail(`ended when it should start (exit code ${code})`));
    child.once('error', (error) => fail(`does not start: ${error.message}`));
    child.stderr!.on('data', (more: Buffer) => {
      if (complaints.length < MOST_COMPLAINTS) complaints += more.toString();
    });
    stream.setEncoding('utf8').on('data', (more: string) => {
      if (text.includes(wanted)) return;
      text += more;
      if (!text.includes(wanted)) return;
      clearTimeout(deadline);
      child.removeAllListeners('exit');
      resolve(text.split('\n')[0]!);
    });
  });
}
