/**
 * Programs that a run starts, kills, pauses and starts again; none outlives the run.
 *
 * Each is the leader of a process group of its own, so that its workers end with it. A guard, a few lines of shell in a
 * session of its own, learns each group by its standard input; when that ends, in whatever way the run did, it kills the
 * groups that are left and removes the folder. What ends without being told to is counted as a crash and started again,
 * as a supervisor would.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, readFileSync, type WriteStream } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EarlError } from '../../errors/index.ts';

/** Reads `+ group`, `- group` and `keep`; at the end of its input kills what is left and removes the folder. */
const guardScript = `
groups=' '; keep=
while read -r word group; do
  case "$word" in
    +) groups="$groups$group " ;;
    -) groups=$(printf %s "$groups" | sed "s/ $group / /") ;;
    keep) keep=yes ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
[ "$keep" ] || rm -rf -- "$1"
`;

export class Guard {
  readonly folder: string;
  readonly #child: ChildProcess;

  /** @param folder everything that the run writes; removed when the run has ended, unless it is kept */
  constructor(folder: string) {
    this.folder = folder;
    this.#child = spawn('/bin/sh', ['-c', guardScript, 'guard', folder], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    this.#child.stdin!.on('error', () => {});
  }

  add(group: number): void {
    this.#child.stdin!.write(`+ ${group}\n`);
  }

  remove(group: number): void {
    this.#child.stdin!.write(`- ${group}\n`);
  }

  keep(): void {
    this.#child.stdin!.write('keep x\n');
  }

  /** Resolves when everything is gone. */
  async close(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.stdin!.end();
    await ended;
  }
}

export interface ProgramOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Its TCP port. */
  readonly port: number;
  /** Where that is; default loopback. */
  readonly host?: string;
  /** What it writes when it is ready; when absent it is ready as soon as the port takes connections. */
  readonly ready?: string;
  /** Where its log goes. */
  readonly folder: string;
  readonly guard: Guard;
  /** Says what happened that nobody asked for. */
  readonly onCrash: (what: string) => void;
}

/** How long a program may take to become ready on a machine that is busy. */
const startTimeoutMs = 30_000;

export class Program {
  readonly name: string;
  readonly port: number;
  readonly host: string;
  readonly #options: ProgramOptions;
  readonly #log: WriteStream;
  #child: ChildProcess | undefined;
  #saidReady = false;
  #wanted = false;

  constructor(options: ProgramOptions) {
    this.#options = options;
    this.name = options.name;
    this.port = options.port;
    this.host = options.host ?? '127.0.0.1';
    this.#log = createWriteStream(join(options.folder, `${options.name}.log`), { flags: 'a' });
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Resolves when it takes connections; starts it again when it gives up because what it needs is not there yet. */
  async start(): Promise<void> {
    this.#wanted = true;
    const deadline = performance.now() + startTimeoutMs;
    while (this.#wanted) {
      const child = this.#spawn();
      while (this.#wanted && isRunning(child)) {
        if (await this.#isReady()) {
          child.once('exit', (code, signal) => this.#crashed(child, code, signal));
          if (!isRunning(child)) break;
          return;
        }
        if (performance.now() > deadline) {
          throw new EarlError('CHAOS_START', `${this.name} takes no connections on port ${this.port}: see its log`);
        }
        await delay(25);
      }
      if (performance.now() > deadline) throw new EarlError('CHAOS_START', `${this.name} does not start: see its log`);
      await delay(200);
    }
  }

  /** Ends it by a signal, and resolves when the process and its group are gone. */
  async end(signal: 'SIGKILL' | 'SIGTERM', timeoutMs = 20_000): Promise<void> {
    this.#wanted = false;
    const child = this.#child;
    if (child === undefined || !isRunning(child)) return;
    const exited = once(child, 'exit');
    // A group would take the workers along, which is for their parent to do.
    if (signal === 'SIGTERM') child.kill(signal);
    else killGroup(child.pid!, signal);
    const deadline = setTimeout(() => killGroup(child.pid!, 'SIGKILL'), timeoutMs);
    await exited;
    clearTimeout(deadline);
    killGroup(child.pid!, 'SIGKILL');
    this.#options.guard.remove(child.pid!);
  }

  /**
   * Kills only the first process, whose children are left to notice. Resolves with a function that ends those that have
   * not, and says whether there were any.
   */
  async killParent(): Promise<() => boolean> {
    this.#wanted = false;
    const child = this.#child!;
    if (isRunning(child)) {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }
    return () => {
      const orphans = killGroup(child.pid!, 'SIGKILL');
      this.#options.guard.remove(child.pid!);
      return orphans;
    };
  }

  /** Stops all of its processes where they are. */
  pause(): void {
    killGroup(this.#child!.pid!, 'SIGSTOP');
  }

  resume(): void {
    killGroup(this.#child!.pid!, 'SIGCONT');
  }

  /** The first process alone, as `pause` and `resume` do to all. */
  signalParent(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child!.kill(signal);
  }

  /** The processes that it has started itself. */
  children(): number[] {
    const pid = this.#child?.pid;
    try {
      return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(/\s+/).filter(Boolean).map(Number);
    } catch {
      return [];
    }
  }

  async #isReady(): Promise<boolean> {
    return this.#options.ready === undefined ? await takesConnections(this.port, this.host) : this.#saidReady;
  }

  #spawn(): ChildProcess {
    const { command, args, guard, folder, ready } = this.#options;
    this.#saidReady = false;
    this.#log.write(`--- ${new Date().toISOString()} ${command} ${args.join(' ')}\n`);
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      cwd: folder,
      // What is killed leaves its temporary files: they go with the run's.
      env: { ...process.env, TMPDIR: guard.folder },
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) stream.pipe(this.#log, { end: false });
    if (ready !== undefined) {
      child.stdout.on('data', (text: Buffer) => {
        if (child === this.#child && text.includes(ready)) this.#saidReady = true;
      });
    }
    child.once('error', (error) => this.#log.write(`${error.message}\n`));
    if (child.pid === undefined) {
      throw new EarlError('CHAOS_START', `${command} cannot be started: is it installed? (tools/setup.sh lists it)`);
    }
    const { pid } = child;
    guard.add(pid);
    child.once('exit', (code, signal) => {
      this.#log.write(`--- ${new Date().toISOString()} ended: ${signal ?? code}\n`);
    });
    return child;
  }

  #crashed(child: ChildProcess, code: number | null, signal: string | null): void {
    if (!this.#wanted || child !== this.#child) return;
    killGroup(child.pid!, 'SIGKILL');
    this.#options.guard.remove(child.pid!);
    this.#options.onCrash(`${this.name} ended by itself (${signal ?? code})`);
    this.start().catch((error: Error) => this.#options.onCrash(error.message));
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null && child.pid !== undefined;
}

/** Whether there was anybody. */
function killGroup(group: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(-group, signal);
  } catch {
    return false;
  }
}

function takesConnections(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    const end = (taken: boolean) => {
      socket.destroy();
      resolve(taken);
    };
    socket.setTimeout(1000, () => end(false));
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}

/**
 * A port that nobody listens on, below those that the kernel gives to outgoing connections: a program that is started
 * again must find it free.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!free) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}
