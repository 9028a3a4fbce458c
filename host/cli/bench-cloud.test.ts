/** `earl bench cloud` as a command, with few connections: its lines, that nothing is lost, what it says of absent peers. */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { exitCodes } from './exit-codes.ts';

function earl(...args: string[]) {
  return spawnSync(process.execPath, ['tools/run.mjs', 'host/cli/main.ts', 'bench', 'cloud', ...args], {
    encoding: 'utf8',
  });
}

interface Line {
  readonly workload: string;
  readonly server: string;
  readonly deliveries: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly reordered: number;
  readonly unaccepted?: number;
}

const few = ['--publishers', '20', '--connections', '40', '--probes', '40', '--seconds', '1'];

describe('earl bench cloud', () => {
  // `ws` is a dependency of Earl, and `net` is Node itself: neither is installed for the benchmark.
  it('--json: parameters, runs of Earl and its peers, and the figures on the last line', { timeout: 180_000 }, () => {
    const workloads = 'one_to_one,acknowledged,dashboard';
    const { status, stdout, stderr } = earl('--json', ...few, '--peers', 'ws,net', '--workloads', workloads);
    expect(stderr).toBe('');
    expect(status).toBe(exitCodes.ok);
    const [first, ...rest] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(first).toMatchObject({ machine: expect.stringContaining('cores'), rounds: 1, absent: {} });
    const figures = rest.pop() as Record<string, number>;
    const runs = rest as Line[];
    expect(runs.map(({ workload, server }) => `${workload} ${server}`)).toEqual([
      'one_to_one earl',
      'one_to_one net',
      'one_to_one ws',
      'acknowledged earl',
      'dashboard earl',
      'dashboard ws',
    ]);
    for (const run of runs) {
      expect(run).toMatchObject({ lost: 0, duplicated: 0, reordered: 0 });
      expect(run.deliveries).toBeGreaterThan(0);
    }
    expect(runs[3]).toMatchObject({ unaccepted: 0 });
    expect(figures).toMatchObject({ lost: 0, duplicated: 0, reordered: 0 });
    expect(figures).not.toHaveProperty('one_to_one_cpu_ratio_uws');
  });

  it('measures memory and connecting, without peers', { timeout: 120_000 }, () => {
    const { status, stdout } = earl('--json', ...few, '--peers', 'none', '--workloads', 'idle,connect');
    expect(status).toBe(exitCodes.ok);
    const figures = JSON.parse(stdout.trim().split('\n').at(-1)!) as Record<string, number>;
    expect(figures).toMatchObject({ kb_per_idle_connection: expect.any(Number), connections_failed: 0 });
    expect(figures.connections_per_second).toBeGreaterThan(0);
  });

  it.each([
    [['--publishers', '0'], '--publishers needs a whole number from 1'],
    [['--publishers', '1000000', '--peers', 'none'], 'connections; '],
    [['--peers', 'iis'], '--peers: no iis; there are uws, earl-ws, ws'],
    [['--workloads', 'x'], 'there are one_to_one, acknowledged'],
  ])('refuses %j', { timeout: 60_000 }, (args, problem) => {
    const { status, stdout, stderr } = earl(...args);
    expect(stderr).toContain(problem);
    expect(status).toBe(exitCodes.usage);
    expect(stdout).toBe('');
  });
});
