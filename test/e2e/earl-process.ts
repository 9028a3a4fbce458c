/**
 * Runs `earl …` from source as a process of its own and reads its `--json` lines; for tests that kill what they test.
 *
 * The command line is bundled once per test file; everything that a process says is kept and shown when a wait fails.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { packageRoot } from '../../host/cli/package-root.ts';

/** One JSON line of a command. */
export type Line = { [field: string]: unknown };

interface Waiter {
  readonly wanted: (line: Line) => boolean;
  readonly found: (line: Line) => void;
}

/** The bundled `earl`; call `remove` when the tests are over. */
export async function bundleEarl(): Promise<{ file: string; remove: () => void }> {
  const folder = join(packageRoot(), 'node_modules/.cache/earl');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `earl-e2e-${process.pid}-${Math.random().toString(36).slice(2)}.mjs`);
  await build({
    entryPoints: [join(packageRoot(), 'host/cli/main.ts')],
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    sourcemap: 'inline',
    logLevel: 'warning',
  });
  return { file, remove: () => rmSync(file, { force: true }) };
}

export class EarlProcess {
  readonly lines: Line[] = [];
  private readonly name: string;
  private readonly child: ChildProcess;
  private readonly waiters = new Set<Waiter>();
  private readonly exited: Promise<number | NodeJS.Signals>;
  private output = '';
  private rest = '';

  /** @param args what one would type after `earl` */
  constructor(bundle: string, args: readonly string[]) {
    this.name = `earl ${args.join(' ')}`;
    this.child = spawn(process.execPath, ['--enable-source-maps', bundle, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => this.read(text));
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.output += text;
    });
    this.exited = new Promise((resolve) => {
      this.child.on('exit', (code, signal) => resolve(code ?? signal ?? 1));
    });
  }

  /** Everything it wrote, stdout and stderr. */
  get text(): string {
    return this.output;
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** True while it has not ended. */
  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** The first JSON line, of all so far and to come, that is wanted; `since` skips older ones (`lines.length`). */
  line(wanted: (line: Line) => boolean, since = 0, timeoutMs = 15_000): Promise<Line> {
    const old = this.lines.slice(since).find(wanted);
    if (old !== undefined) return Promise.resolve(old);
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        this.waiters.delete(waiter);
        clearTimeout(timer);
        settle();
      };
      const waiter: Waiter = { wanted, found: (line) => end(() => resolve(line)) };
      const fail = (why: string) => end(() => reject(new Error(`${this.name}: ${why}; it wrote:\n${this.output}`)));
      const timer = setTimeout(() => fail(`no such line in ${timeoutMs} ms`), timeoutMs);
      this.waiters.add(waiter);
      void this.exited.then((code) => this.waiters.has(waiter) && fail(`ended with ${code}`));
    });
  }

  /** Its exit code, or the signal that ended it. */
  exit(): Promise<number | NodeJS.Signals> {
    return this.exited;
  }

  /** Sends a signal and waits for the end; does nothing when it has ended already. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals> {
    this.child.kill(signal);
    return await this.exited;
  }

  private read(text: string): void {
    this.output += text;
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop()!;
    for (const line of lines) {
      if (line.startsWith('{')) this.take(JSON.parse(line) as Line);
    }
  }

  private take(line: Line): void {
    this.lines.push(line);
    for (const { wanted, found } of [...this.waiters]) if (wanted(line)) found(line);
  }
}
