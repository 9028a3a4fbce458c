/** `earl doctor`: what this machine is fit for, and the commands that mend what is missing. The checks are in host/machine. */

import { Command } from 'commander';
import { EarlError } from '../../errors/index.ts';
import { type CheckResult, checks, isReady, type Purpose, purposes, realSystem, runChecks } from '../machine/index.ts';
import { exitCodes } from './exit-codes.ts';
import { packageRoot } from './package-root.ts';

const examples = `
PURPOSE is emulation, flash, serial, ble or dev (development); several are separated by commas. Nothing is changed: the
commands that mend what is missing are printed. The exit code is 0 when emulation works and nothing is missing for the
purposes that were asked for, else 1.

Examples:
  $ earl doctor
  $ earl doctor --for flash,serial       before a LaunchPad is written
  $ earl doctor --for dev --json         in a script: what the tests lack`;

interface DoctorFlags {
  for?: readonly Purpose[];
  json?: true;
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('Check what this machine needs for emulation, flashing, serial ports, BLE and development')
    .option('--for <purposes>', 'fail when something is missing for these: flash, serial, ble, dev', parsePurposes)
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', examples)
    .action(run);
}

async function run({ for: asked = [], json }: DoctorFlags): Promise<void> {
  const results = await runChecks(checks, realSystem(packageRoot()));
  if (json) console.log(JSON.stringify(reportObject(results)));
  else console.log(reportText(results));
  const wanted: readonly Purpose[] = ['emulation', ...asked];
  if (!wanted.every((purpose) => isReady(results, purpose))) process.exitCode = exitCodes.failure;
}

export function parsePurposes(text: string, before: readonly Purpose[] = []): Purpose[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !(purposes as readonly string[]).includes(name));
  if (unknown !== undefined) throw new EarlError('USAGE', `"${unknown}" is none of ${purposes.join(', ')}`);
  return [...before, ...(names as Purpose[])];
}

export function reportObject(results: readonly CheckResult[]) {
  return {
    ready: Object.fromEntries(purposes.map((purpose) => [purpose, isReady(results, purpose)])),
    checks: results,
  };
}

const marks: Readonly<Record<CheckResult['state'], string>> = {
  ok: 'ok     ',
  warning: 'warning',
  missing: 'MISSING',
  skipped: '-      ',
};

/** For people; ends without a newline. */
export function reportText(results: readonly CheckResult[]): string {
  const lines = results.flatMap(({ state, title, detail, neededFor, remedy = [] }) => [
    `${marks[state]}  ${title}: ${detail}${state === 'missing' ? `  [${neededFor.join(', ')}]` : ''}`,
    ...remedy.map((command) => `             ${command}`),
  ]);
  const verdicts = purposes.map((purpose) => {
    const count = results.filter(({ state, neededFor }) => state === 'missing' && neededFor.includes(purpose)).length;
    if (isReady(results, purpose)) return `${purpose} ready`;
    return count > 0 ? `${purpose} ${count} missing` : `${purpose} as emulation`;
  });
  return `${lines.join('\n')}\n\n${verdicts.join('; ')}`;
}
