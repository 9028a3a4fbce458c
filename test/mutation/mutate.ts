/**
 * Breaks the firmware in many ways and asks the tests each time: node tools/run.mjs test/mutation/mutate.ts [--both]
 *
 * A copy of firmware/ gets one mutant after another. The C unit test of what was broken runs first; what it lets pass
 * (with --both: every mutant of the I2C driver) is built into the arm band's image and given to the hardware-in-the-loop
 * cases that would show it. A mutant that neither notices is printed, and the exit code is 1. First the unbroken firmware
 * must pass both.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { runHil } from '../../host/hil/index.ts';
import { i2cMutants, type Mutant } from './i2c-mutants.ts';
import { probeMutants } from './probe-mutants.ts';

const root = resolve('.');
const LONGEST_MS = 120_000;
const CASES = 'bus faults|accelerometer|radio module|authentication';
const mutants: readonly Mutant[] = [...i2cMutants, ...probeMutants];

type Finding = 'passed' | 'failed' | 'does not compile' | 'hung';

/** A firmware folder of our own, which finds the tools beside it as the real one does. */
function copyFirmware(): string {
  const builds = join(root, 'build');
  mkdirSync(builds, { recursive: true });
  const folder = mkdtempSync(join(builds, 'mutation-'));
  const skipped = new Set([join(root, 'firmware/build'), join(root, 'firmware/test/build')]);
  cpSync(join(root, 'firmware'), join(folder, 'firmware'), { recursive: true, filter: (path) => !skipped.has(path) });
  for (const name of ['tools', 'host', 'errors', 'node_modules', 'package.json']) {
    symlinkSync(join(root, name), join(folder, name));
  }
  return folder;
}

function make(folder: string, target: string): Finding {
  const { status, signal } = spawnSync('make', ['-s', '-C', folder, target], { timeout: LONGEST_MS, stdio: 'pipe' });
  if (signal !== null) return 'hung';
  return status === 0 ? 'passed' : 'does not compile';
}

function unitTest(folder: string, name: string): Finding {
  const tests = join(folder, 'firmware/test');
  const built = make(tests, `build/${name}`);
  if (built !== 'passed') return built;
  const { status, signal } = spawnSync(join(tests, 'build', name), { timeout: 20_000, stdio: 'pipe' });
  if (signal === 'SIGTERM') return 'hung';
  return status === 0 ? 'passed' : 'failed';
}

async function hilTest(folder: string): Promise<Finding> {
  const firmware = join(folder, 'firmware');
  const compiler = ['gcc', 'clang'].find((name) => make(firmware, `COMPILER=${name}`) === 'passed');
  if (compiler === undefined) return 'does not compile';
  const image = join(firmware, 'build', compiler, 'arm.hex');
  const [result] = await runHil({
    root,
    targets: [{ name: 'arm', url: `emu:${image}`, instruments: ['virtual'] }],
    commands: 100,
    pattern: CASES,
  });
  const cases = result?.cases ?? [];
  const passed = cases.filter(({ verdict }) => verdict === 'passed').length;
  return passed > 0 && !result?.error && cases.every(({ verdict }) => verdict !== 'failed') ? 'passed' : 'failed';
}

/** The file's text with a mutant in it. Throws when the anchor does not match exactly once. */
function applyMutant({ name, file, anchor, replacement }: Mutant): string {
  const source = readFileSync(join(root, 'firmware', file), 'utf8');
  const matches = [...source.matchAll(new RegExp(anchor.source, 'g'))].length;
  if (matches === 1) return source.replace(anchor, replacement);
  throw new Error(
    `"${name}": its anchor ${anchor} matches ${matches} places of firmware/${file}, not one: the code was rewritten, ` +
      'so write the mutant anew in test/mutation',
  );
}

async function findings(
  folder: string,
  test: string,
  both: boolean,
): Promise<{ unit: Finding; hil: Finding | undefined }> {
  const unit = unitTest(folder, test);
  return { unit, hil: both || unit === 'passed' ? await hilTest(folder) : undefined };
}

const isCaught = (finding: Finding | undefined) => finding === 'failed' || finding === 'hung';

async function main(both: boolean): Promise<number> {
  const mutated = mutants.map(applyMutant);
  const folder = copyFirmware();
  try {
    for (const test of new Set(mutants.map((mutant) => mutant.test))) {
      const unit = unitTest(folder, test);
      if (unit !== 'passed') throw new Error(`the unbroken firmware: ${test} ${unit}; mend that first`);
    }
    const hil = await hilTest(folder);
    if (hil !== 'passed') throw new Error(`the unbroken firmware: hil ${hil}; mend that first`);
    let caught = 0;
    console.log(`${'mutant'.padEnd(50)}  ${'C unit test'.padEnd(16)}  hil`);
    for (const [index, { name, file, test }] of mutants.entries()) {
      const path = join(folder, 'firmware', file);
      const whole = readFileSync(path);
      writeFileSync(path, mutated[index]!);
      const { unit, hil } = await findings(folder, test, both && i2cMutants.includes(mutants[index]!));
      writeFileSync(path, whole);
      if (isCaught(unit) || isCaught(hil)) caught++;
      console.log(`${name.padEnd(50)}  ${unit.padEnd(16)}  ${hil ?? 'not needed'}`);
    }
    console.log(`\n${caught} of ${mutants.length} caught`);
    return caught === mutants.length ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const unknown = process.argv.slice(2).find((argument) => argument !== '--both');
if (unknown !== undefined) {
  console.error('usage: node tools/run.mjs test/mutation/mutate.ts [--both]');
  process.exitCode = 2;
} else process.exitCode = await main(process.argv.includes('--both'));
