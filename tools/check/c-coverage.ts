/**
 * Line and branch coverage of the firmware's unit tests, by file: node tools/run.mjs tools/check/c-coverage.ts
 *
 * Builds firmware/test once more with gcov's counters and without sanitizers, whose branches nobody wrote, runs it and
 * adds up what the programs that share a source counted. Drivers of registers that only the chip has are tested on the
 * emulator (firmware/hal/test, test/hil) and do not appear. Needs gcc and gcov; prints, judges nothing.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';

const tests = resolve('firmware/test');
const FLAGS = '-std=c11 -O0 -g --coverage -Istand-ins -I..';

interface GcovLine {
  readonly line_number: number;
  readonly count: number;
  readonly branches: readonly { readonly count: number }[];
}

interface GcovReport {
  readonly current_working_directory: string;
  readonly files: readonly { readonly file: string; readonly lines: readonly GcovLine[] }[];
}

/** Counts of one source: by line, and by branch as `line/index`. */
interface Counts {
  readonly lines: Map<number, number>;
  readonly branches: Map<string, number>;
}

function runTests(build: string): void {
  const make = spawnSync('make', ['-s', '-C', tests, `BUILD=${relative(tests, build)}`, `FLAGS=${FLAGS}`], {
    encoding: 'utf8',
  });
  if (make.status === 0) return;
  throw new Error(`the unit tests failed, mend them first:\n${make.stdout}${make.stderr}`);
}

function addUp(build: string): Map<string, Counts> {
  const sources = new Map<string, Counts>();
  for (const data of readdirSync(build).filter((name) => name.endsWith('.gcda'))) {
    const output = execFileSync('gcov', ['--json-format', '--stdout', '--branch-probabilities', data], {
      cwd: build,
      encoding: 'utf8',
      maxBuffer: 64 << 20,
    });
    const report = JSON.parse(output) as GcovReport;
    for (const { file, lines } of report.files) {
      const path = relative(resolve('firmware'), resolve(report.current_working_directory, file));
      if (path.startsWith('..') || path.startsWith('test/')) continue;
      const counts = sources.get(path) ?? { lines: new Map(), branches: new Map() };
      sources.set(path, counts);
      for (const line of lines) count(counts, line);
    }
  }
  return sources;
}

function count({ lines, branches }: Counts, line: GcovLine): void {
  lines.set(line.line_number, (lines.get(line.line_number) ?? 0) + line.count);
  for (const [index, branch] of line.branches.entries()) {
    const key = `${line.line_number}/${index}`;
    branches.set(key, (branches.get(key) ?? 0) + branch.count);
  }
}

function share(counts: Iterable<number>): { taken: number; all: number } {
  const all = [...counts];
  return { taken: all.filter((value) => value > 0).length, all: all.length };
}

function percent({ taken, all }: { taken: number; all: number }): string {
  const text = all === 0 ? '-' : `${((100 * taken) / all).toFixed(1)} %`;
  return `${text.padStart(8)} ${`${taken}/${all}`.padStart(9)}`;
}

function print(sources: ReadonlyMap<string, Counts>): void {
  console.log(`${'firmware/'.padEnd(28)} ${'lines'.padStart(18)}  ${'branches'.padStart(18)}  lines never run`);
  const total = { lines: { taken: 0, all: 0 }, branches: { taken: 0, all: 0 } };
  for (const [path, counts] of [...sources].sort(([a], [b]) => a.localeCompare(b))) {
    const [lines, branches] = [share(counts.lines.values()), share(counts.branches.values())];
    for (const [sum, part] of [
      [total.lines, lines],
      [total.branches, branches],
    ] as const) {
      sum.taken += part.taken;
      sum.all += part.all;
    }
    const never = [...counts.lines].flatMap(([line, times]) => (times === 0 ? [line] : [])).sort((a, b) => a - b);
    console.log(`${path.padEnd(28)} ${percent(lines)}  ${percent(branches)}  ${never.join(' ')}`.trimEnd());
  }
  console.log(`${'all'.padEnd(28)} ${percent(total.lines)}  ${percent(total.branches)}`);
}

mkdirSync(join(tests, 'build'), { recursive: true });
const build = mkdtempSync(join(tests, 'build/coverage-'));
try {
  runTests(build);
  print(addUp(build));
} finally {
  rmSync(build, { recursive: true, force: true });
}
