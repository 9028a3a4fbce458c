/** Engines for tests: the real programs on free ports, with their data in temporary folders. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../cloud/workers/free-port.ts';

/** A server program that can be killed and started again on the same port with the same data. */
export class Engine {
  readonly url: string;
  readonly port: number;
  readonly #command: string;
  readonly #options: readonly string[];
  readonly folder: string;
  #process: ChildProcess | undefined;
  #output = '';

  private constructor(scheme: string, port: number, command: string, options: readonly string[], folder: string) {
    this.url = `${scheme}://127.0.0.1:${port}`;
    this.port = port;
    this.#command = command;
    this.#options = options;
    this.folder = folder;
  }

  /** Redis as docs/scaling.md wants it: it answers when the disk has what it answers for. */
  static redis(...settings: string[]): Promise<Engine> {
    return Engine.#begin('redis', 'redis-server', (port, folder) => [
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''],
      ...['--appendonly', 'yes', '--appendfsync', 'always', ...settings],
    ]);
  }

  /** NATS with JetStream. */
  static nats(): Promise<Engine> {
    return Engine.#begin('nats', 'nats-server', (port, folder) => [
      ...['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', folder],
    ]);
  }

  /** NATS with a configuration file; `listen` and `store_dir` in it are replaced. */
  static natsConfigured(configuration: string): Promise<Engine> {
    return Engine.#begin('nats', 'nats-server', (port, folder) => {
      const file = join(folder, 'nats.conf');
      const own = configuration
        .replace(/^listen:.*$/m, `listen: "127.0.0.1:${port}"`)
        .replace(/store_dir: "[^"]*"/, `store_dir: "${folder}"`);
      writeFileSync(file, own);
      return ['-c', file];
    });
  }

  static async #begin(
    scheme: string,
    command: string,
    options: (port: number, folder: string) => string[],
  ): Promise<Engine> {
    const port = await freePort();
    const folder = mkdtempSync(join(tmpdir(), `earl-${scheme}-`));
    const own = options(port, folder).map((option) => (option === 'PORT' ? String(port) : option));
    const engine = new Engine(scheme, port, command, own, folder);
    await engine.start();
    return engine;
  }

  get pid(): number {
    return this.#process!.pid!;
  }

  /** Resolves when it takes connections. */
  async start(): Promise<void> {
    const started = spawn(this.#command, this.#options, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = started;
    for (const stream of [started.stdout, started.stderr]) stream.on('data', (text) => (this.#output += text));
    const ended = new Promise<never>((_, reject) => {
      started.once('error', reject);
      started.once('exit', () => reject(new Error(`${this.#command} has ended: ${this.#output.slice(-2000)}`)));
    });
    ended.catch(() => {});
    while (!(await Promise.race([canConnect(this.port), ended])));
  }

  /** Ends it without a chance to do anything. */
  async kill(): Promise<void> {
    const running = this.#process!;
    if (running.exitCode !== null || running.signalCode !== null) return;
    running.kill('SIGKILL');
    await once(running, 'exit');
  }

  /** Stops it in its tracks, or lets it go on: it neither answers nor ends. */
  hang(hanging: boolean): void {
    this.#process!.kill(hanging ? 'SIGSTOP' : 'SIGCONT');
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (connected: boolean) => {
      socket.destroy();
      setTimeout(() => resolve(connected), connected ? 0 : 20);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}
