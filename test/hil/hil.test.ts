/** `earl hil` itself: what it says about targets that are whole, bare, wrong and absent. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TargetResult } from '../../host/hil/index.ts';

const LIMIT_MS = 120_000;
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'earl-hil-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function hil(...args: string[]): Promise<Run> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['tools/run.mjs', 'host/cli/main.ts', 'hil', ...args],
      { timeout: LIMIT_MS, env: { ...process.env, VITEST: undefined, NODE_ENV: undefined } },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

function mapFile(targets: readonly object[]): string {
  const file = join(folder, `map-${targets.length}-${Math.random().toString(36).slice(2)}.json`);
  writeFileSync(file, JSON.stringify({ version: 1, targets }));
  return file;
}

const resultsOf = ({ stdout }: Run): TargetResult[] => JSON.parse(stdout).results;

const verdictsOf = (result: TargetResult | undefined) =>
  Object.fromEntries((result?.cases ?? []).map(({ title, verdict }) => [title.split(' › ')[1], verdict]));

test('two targets at once: the one without instruments is not called good for what nobody saw', {
  timeout: LIMIT_MS,
}, async () => {
  const map = mapFile([
    { name: 'whole', url: 'emu:ball' },
    { name: 'bare', url: 'emu:ball?seed=2', instruments: [] },
  ]);
  const run = await hil('--map', map, '--case', 'restarts', '--json');
  expect(run.code, run.stderr).toBe(0);
  const [whole, bare] = resultsOf(run);
  expect(verdictsOf(whole)).toEqual({
    'reset by command': 'passed',
    'reset button': 'passed',
    'power off and on': 'passed',
    'brown-out': 'passed',
    watchdog: 'passed',
  });
  expect(verdictsOf(bare)).toEqual({
    'reset by command': 'passed',
    'reset button': 'not observed',
    'power off and on': 'not observed',
    'brown-out': 'not observed',
    watchdog: 'not observed',
  });
});

test('the wrong board: exit code 6, JUnit, and a wire log that can be replayed', { timeout: LIMIT_MS }, async () => {
  const map = mapFile([{ name: 'bench-1', url: 'emu:light', probe: { kind: 'ball', id: '02c0ffee00000001' } }]);
  const [junit, logs] = [join(folder, 'hil.xml'), join(folder, 'logs')];
  const run = await hil('--map', map, '--case', 'identity and version', '--junit', junit, '--record', logs);
  expect(run.code).toBe(6);
  expect(run.stdout).toContain(
    "identity › identity and version: kind in the hardware map: expected 'light' to be 'ball'",
  );
  expect(readFileSync(junit, 'utf8')).toContain('failures="1"');
  const log = join(logs, readdirSync(logs)[0]!);
  expect(run.stdout).toContain(`earl hil --replay ${log}`);
  const replay = await hil('--replay', log);
  expect(replay.code, replay.stderr).toBe(0);
  expect(replay.stdout).toMatch(/host {2}-> #\d+ +set_interval intervalMs=250/);
  expect(replay.stdout).toMatch(/probe -> #\d+ +ack commandSequence=\d+ status=0/);
});

test('a port that is not there: exit code 3, and nothing passed', { timeout: LIMIT_MS }, async () => {
  const run = await hil('--target', `serial:${join(folder, 'ttyNone')}`, '--json');
  expect(run.code, run.stderr).toBe(3);
  const [result] = resultsOf(run);
  expect(result?.error).toMatchObject({ code: 'TRANSPORT_NOT_FOUND' });
  expect(result?.cases.filter(({ verdict }) => verdict === 'passed')).toEqual([]);
});

test('a map that is wrong: exit code 2 and the field', { timeout: LIMIT_MS }, async () => {
  const run = await hil('--map', mapFile([{ name: 'a', url: 'usb:1' }]));
  expect(run.code).toBe(2);
  expect(run.stderr).toMatch(/targets\[0\]\.url: write one of serial:/);
});
