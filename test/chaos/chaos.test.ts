/**
 * `npm run chaos` as its users run it: a minute through all topologies, ended by Ctrl-C, and killed.
 *
 * EARL_SEED chooses the faults; without it every run has others, and its seed is in what is shown when it fails.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { packageRoot } from '../../host/cli/package-root.ts';
import { topologyNames } from '../../tools/chaos/topologies.ts';

/** A quiet machine needs a little more than the minute; one that is busy may take its time. */
const timeoutMs = 300_000;
/** For the guard to end what is left. */
const goneMs = 20_000;

type Line = { readonly [field: string]: unknown };

class Chaos {
  /** Where it has its temporary files, and nobody else. */
  readonly folder = mkdtempSync(join(tmpdir(), 'earl-chaos-test-'));
  readonly lines: Line[] = [];
  readonly #child: ChildProcess;
  readonly #exit: Promise<number | null>;
  #stderr = '';
  #rest = '';

  constructor(...args: string[]) {
    const seed = process.env.EARL_SEED === undefined ? [] : ['--seed', process.env.EARL_SEED];
    this.#child = spawn(process.execPath, ['tools/run.mjs', 'tools/chaos/main.ts', '--json', ...seed, ...args], {
      cwd: packageRoot(),
      env: { ...process.env, TMPDIR: this.folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#exit = once(this.#child, 'close').then(([code]) => code);
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      const lines = (this.#rest + text).split('\n');
      this.#rest = lines.pop()!;
      for (const line of lines) this.lines.push(JSON.parse(line));
      this.#child.emit('line');
    });
  }

  async event(name: string): Promise<void> {
    while (!this.lines.some(({ event }) => event === name)) {
      const ended = await Promise.race([once(this.#child, 'line').then(() => false), this.#exit.then(() => true)]);
      if (ended) throw new Error(`it ended without ${name}:\n${this.#stderr}`);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Its exit code, everything that it said, and whether nothing of it is left. */
  async end(): Promise<{ code: number | null; last: Line; said: string }> {
    const code = await this.#exit;
    return { code, last: this.lines.at(-1) ?? {}, said: this.#stderr };
  }

  /** Resolves when no process has its folder for temporary files any more, and the folder is empty. */
  async isGone(): Promise<void> {
    const left = () => [...processesOf(this.folder), ...readdirSync(this.folder)];
    const deadline = performance.now() + goneMs;
    while (left().length > 0) {
      if (performance.now() > deadline) expect(left()).toEqual([]);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Those that were started with this folder for temporary files, by their ids. */
function processesOf(folder: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`TMPDIR=${folder}`);
    } catch {
      return false;
    }
  });
}

const running: Chaos[] = [];
function chaos(...args: string[]): Chaos {
  const started = new Chaos(...args);
  running.push(started);
  return started;
}
afterEach(async () => {
  for (const one of running.splice(0)) {
    one.signal('SIGKILL');
    await one.end();
    rmSync(one.folder, { recursive: true, force: true });
  }
});

it(
  'loses, doubles and swaps nothing that was acknowledged, in a minute of faults on every topology',
  async () => {
    const run = chaos('--for', '1m');
    const { code, last, said } = await run.end();
    expect(last, said).toMatchObject({ lost: 0, duplicated: 0, reordered: 0, corrupted: 0, told: 0, crashes: 0 });
    expect(code, said).toBe(0);
    expect(Object.keys(last.topologies as object)).toEqual([...topologyNames]);
    for (const topology of Object.values(last.topologies as Record<string, Line>)) {
      expect(topology.faults).toBeGreaterThan(0);
      expect(topology.acknowledged).toBeGreaterThan(200);
    }
    const faults = run.lines.filter(({ event }) => event === 'fault');
    expect(last.faults).toBe(faults.length);
    await run.isGone();
  },
  timeoutMs,
);

it(
  'ends by Ctrl-C with the verdict so far, and leaves nothing behind',
  async () => {
    const run = chaos('--topology', 'data', '--for', '1h');
    await run.event('fault');
    run.signal('SIGINT');
    const { code, last, said } = await run.end();
    expect(last, said).toMatchObject({ lost: 0, duplicated: 0, reordered: 0, rounds: 1 });
    expect(last.faults, said).toBeGreaterThan(0);
    expect(code, said).toBe(0);
    await run.isGone();
  },
  timeoutMs,
);

it(
  'leaves nothing behind when it is killed',
  async () => {
    const run = chaos('--topology', 'redis', '--for', '1h');
    await run.event('fault');
    run.signal('SIGKILL');
    expect((await run.end()).code).toBe(null);
    await run.isGone();
  },
  timeoutMs,
);

it(
  'says what it cannot do',
  async () => {
    const { code, said } = await chaos('--topology', 'rabbits').end();
    expect(code).toBe(2);
    expect(said).toContain('there is no topology rabbits\nusage: npm run chaos');
  },
  timeoutMs,
);
