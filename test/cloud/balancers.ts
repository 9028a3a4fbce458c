/** HAProxy and nginx for tests: the real programs with what `earl balancer` writes, on free ports, in folders of their own. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import {
  type BalancerWishes,
  type CloudTimes,
  haproxyConfiguration,
  nginxConfiguration,
  planTopology,
} from '../../cloud/balancer/index.ts';
import { type Cloud, defaultServerLimits } from '../../cloud/server/index.ts';
import { freePort } from '../../cloud/workers/free-port.ts';

export type Program = 'haproxy' | 'nginx';
export const programs: readonly Program[] = ['haproxy', 'nginx'];

export interface BalancerTestWishes {
  readonly mqttServers?: readonly string[];
  /** Make a certificate for localhost, and serve by TLS. */
  readonly tls?: boolean;
  /** Instead of the cloud's own. */
  readonly times?: Partial<CloudTimes>;
}

export class Balancer {
  readonly program: Program;
  readonly port: number;
  readonly mqttPort: number | undefined;
  /** Of the certificate, to be trusted. */
  readonly certificate: string;
  readonly folder: string;
  readonly #socket: string;
  #process: ChildProcess | undefined;
  #output = '';

  private constructor(program: Program, port: number, mqttPort: number | undefined, folder: string) {
    this.program = program;
    this.port = port;
    this.mqttPort = mqttPort;
    this.folder = folder;
    this.certificate = join(folder, 'cert.pem');
    this.#socket = join(folder, 'stats.sock');
  }

  /** Resolves when it takes connections. */
  static async start(program: Program, servers: readonly string[], wishes: BalancerTestWishes = {}): Promise<Balancer> {
    const folder = mkdtempSync(join(tmpdir(), `earl-${program}-`));
    const mqttPort = wishes.mqttServers === undefined ? undefined : await freePort();
    const balancer = new Balancer(program, await freePort(), mqttPort, folder);
    if (wishes.tls) makeCertificate(folder);
    const times = { ...defaultServerLimits, ...wishes.times };
    const plan = planTopology({ servers, ...balancer.#wishes(wishes) }, times);
    const text = program === 'haproxy' ? haproxyConfiguration(plan) : nginxConfiguration(plan);
    writeFileSync(join(folder, 'balancer.conf'), text);
    await balancer.start();
    return balancer;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Everything it wrote, its access log included when that goes to the standard streams. */
  get text(): string {
    return this.#output;
  }

  async start(): Promise<void> {
    const args = { haproxy: ['-f', 'balancer.conf'], nginx: ['-p', this.folder, '-c', 'balancer.conf'] }[this.program];
    // Workers of nginx outlive a master that is killed: they are a group, to be killed at once.
    const started = spawn(this.program, args, { cwd: this.folder, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = started;
    for (const stream of [started.stdout, started.stderr]) stream.on('data', (text) => (this.#output += text));
    const ended = new Promise<never>((_, reject) => {
      started.once('error', reject);
      started.once('exit', () => reject(new Error(`${this.program} has ended: ${this.#output.slice(-2000)}`)));
    });
    ended.catch(() => {});
    while (!(await Promise.race([takesConnections(this.port), ended])));
  }

  /** Ends it without a chance to do anything. */
  async kill(): Promise<void> {
    const running = this.#process!;
    if (running.exitCode !== null || running.signalCode !== null) return;
    process.kill(-running.pid!, 'SIGKILL');
    await once(running, 'exit');
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Status of each server (`s1`, `m1`) by HAProxy's stats socket. */
  async status(): Promise<Record<string, string>> {
    const socket = connect(this.#socket);
    socket.setEncoding('utf8').end('show stat\n');
    let table = '';
    for await (const text of socket) table += text;
    const [header, ...rows] = table
      .trim()
      .split('\n')
      .map((line) => line.replace(/^# /, '').split(','));
    const [name, status] = [header!.indexOf('svname'), header!.indexOf('status')];
    return Object.fromEntries(rows.filter((row) => /^[sm]\d/.test(row[name]!)).map((row) => [row[name], row[status]]));
  }

  #wishes({ mqttServers, tls }: BalancerTestWishes): Omit<BalancerWishes, 'servers'> {
    const key = join(this.folder, 'key.pem');
    const files =
      this.program === 'haproxy'
        ? { tlsCert: join(this.folder, 'both.pem') }
        : { tlsCert: this.certificate, tlsKey: key };
    return {
      listen: String(this.port),
      unprivileged: true,
      ...(this.program === 'haproxy' ? { stats: this.#socket } : {}),
      ...(mqttServers ? { mqttListen: String(this.mqttPort), mqttServers } : {}),
      ...(tls ? files : {}),
    };
  }
}

export function hostPort({ port }: Pick<Cloud, 'port'>): string {
  return `127.0.0.1:${port}`;
}

function makeCertificate(folder: string): void {
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const files = ['-keyout', 'key.pem', '-out', 'cert.pem'];
  spawnSync('openssl', ['req', '-x509', ...ec, ...subject, ...files], { cwd: folder });
  spawnSync('sh', ['-c', 'cat cert.pem key.pem > both.pem'], { cwd: folder });
}

async function takesConnections(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    await after(10);
    return false;
  } finally {
    socket.destroy();
  }
}
