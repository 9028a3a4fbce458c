/** `earl bench emulator` as a command: its lines, its figures' relations, its exit codes. Not how fast this machine is. */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { exitCodes } from './exit-codes.ts';

function earl(...args: string[]) {
  return spawnSync(process.execPath, ['tools/run.mjs', 'host/cli/main.ts', ...args], { encoding: 'utf8' });
}

const hasMspdebug = spawnSync('mspdebug', ['--version']).error === undefined;

interface Parameters {
  readonly runs: number;
  readonly instructions: number;
  readonly cycles: number;
  readonly interpreted_mips: number;
  readonly mips_each: number[];
  readonly mspdebug_mips_each?: number[];
  readonly mspdebug: string;
  readonly machine: string;
  readonly commit: string;
}

describe('earl bench emulator', () => {
  it('--json: the parameters, and the result on the last line', { timeout: 120_000 }, () => {
    const { status, stdout, stderr } = earl('bench', 'emulator', '--runs', '1', '--json');
    expect(stderr).toBe('');
    expect(status).toBe(exitCodes.ok);
    const lines = stdout.trim().split('\n');
    expect(lines).toHaveLength(2);
    const parameters = JSON.parse(lines[0]!) as Parameters;
    const result = JSON.parse(lines[1]!) as Record<string, number>;

    expect(parameters).toMatchObject({
      runs: 1,
      machine: expect.stringContaining('cores'),
      commit: expect.any(String),
    });
    expect(parameters.mips_each).toEqual([result.mips]);
    expect(result.mips).toBeGreaterThan(0);
    // Both are of the one run: cycles and instructions took the same time.
    const cyclesPerInstruction = parameters.cycles / parameters.instructions;
    expect(cyclesPerInstruction).toBeGreaterThan(1);
    expect(result.realtime_factor! / ((result.mips! * cyclesPerInstruction) / 16)).toBeCloseTo(1, 1);
    expect(parameters.interpreted_mips).toBeGreaterThan(0);

    const names = ['mips', 'mspdebug_mips', 'ratio_mspdebug', 'realtime_factor'];
    if (hasMspdebug) {
      expect(Object.keys(result)).toEqual(names);
      expect(parameters.mspdebug_mips_each).toEqual([result.mspdebug_mips]);
      // Of rounded figures.
      expect(result.ratio_mspdebug! / (result.mips! / result.mspdebug_mips!)).toBeCloseTo(1, 1);
    } else {
      expect(Object.keys(result)).toEqual([names[0], names[3]]);
      expect(parameters.mspdebug).toContain('apt-get install mspdebug');
    }
  });

  it.each(['0', '100', 'many'])('refuses --runs %s', (runs) => {
    const { status, stdout, stderr } = earl('bench', 'emulator', '--runs', runs);
    expect(status).toBe(exitCodes.usage);
    expect(stdout).toBe('');
    expect(stderr).toContain('Give a number from 1 to 99.');
  });
});
