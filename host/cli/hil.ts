/**
 * `earl hil`: one suite of cases against boards and emulated boards.
 *
 * stdout: the table, or JSON. stderr: each case as it ends. Exit code 6 when a case failed, that of the transport when
 * no target could be opened.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { EarlError, errorMessage } from '../../errors/index.ts';
import {
  type CaseResult,
  chooseTargets,
  countVerdicts,
  decodeWireLog,
  jsonReport,
  junitReport,
  parseHardwareMap,
  readWireLog,
  runHil,
  type TargetResult,
  type TargetSpec,
  tableReport,
} from '../hil/index.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import { packageRoot } from './package-root.ts';

interface HilFlags {
  target: string[];
  map?: string;
  instruments: boolean;
  case?: string;
  commands: number;
  junit?: string;
  json?: true;
  record?: string | true;
  replay?: string;
}

const DEFAULT_MAP = 'earl-hil.json';
const DEFAULT_RECORDS = 'earl-hil-logs';
const DEFAULT_COMMANDS = 10_000;

const examples = `
TARGET is serial:PATH, tcp:HOST:PORT, emu:KIND, a name in the hardware map, or emu for one emulated probe of each kind.
Without --target the whole map is run, all targets at once; without a map, emu. What a target cannot observe for want
of an instrument is reported as "not observed". docs/hil.md tells how to wire a lab.

Examples:
  $ earl hil --target emu
  $ earl hil --target serial:/dev/ttyACM0 --record
  $ earl hil --map lab/earl-hil.json --junit hil.xml
  $ earl hil --target emu:ball --case "bus faults"
  $ earl hil --replay earl-hil-logs/ball-reset-button.jsonl`;

export function hilCommand(): Command {
  return new Command('hil')
    .description('Test boards, real and emulated, with one suite')
    .option('--target <target>', 'what to test; may be given several times', collect, [])
    .option('--map <file>', `hardware map (default: ${DEFAULT_MAP} when it is there)`)
    .option('--no-instruments', 'leave the instruments out, those of emulated boards too')
    .option('--case <pattern>', 'only cases whose group and title match')
    .option('--commands <count>', 'commands of the endurance case', parseCount, DEFAULT_COMMANDS)
    .option('--junit <file>', 'write JUnit XML')
    .option('--json', 'print JSON instead of the table')
    .option('--record [folder]', `keep the wire log of each case that fails (default: ${DEFAULT_RECORDS})`)
    .option('--replay <file>', 'show a wire log, decoded, and do nothing else')
    .addHelpText('after', examples)
    .action(run);
}

async function run(flags: HilFlags): Promise<void> {
  if (flags.replay !== undefined) {
    replay(flags.replay);
    return;
  }
  const targets = chooseTargets(flags.target, readMap(flags.map)).map((target) =>
    flags.instruments ? target : { ...target, instruments: [] },
  );
  refuseSameName(targets);
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
  const startedAt = performance.now();
  const results = await runHil({
    root: packageRoot(),
    targets,
    commands: flags.commands,
    onCase: progress,
    signal: interrupted.signal,
    ...(flags.case !== undefined && { pattern: flags.case }),
    ...(flags.record !== undefined && { record: resolve(flags.record === true ? DEFAULT_RECORDS : flags.record) }),
  });
  const wallMs = performance.now() - startedAt;
  if (flags.junit !== undefined) writeFileSync(flags.junit, junitReport(results));
  process.stdout.write(flags.json ? `${jsonReport(results, wallMs)}\n` : tableReport(results, wallMs));
  process.exitCode = interrupted.signal.aborted ? exitCodes.interrupted : exitCodeFor(results);
}

function readMap(given: string | undefined): TargetSpec[] {
  const file = given ?? DEFAULT_MAP;
  if (given === undefined && !existsSync(file)) return [];
  return parseHardwareMap(readText(file), file);
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new EarlError('USAGE', `cannot read ${file}: ${errorMessage(error)}`, { cause: error });
  }
}

function replay(file: string): void {
  const { about, chunks } = readWireLog(readText(file), file);
  console.error(`${String(about.case)}, ${String(about.target)} (${String(about.url)})`);
  for (const line of decodeWireLog(chunks)) console.log(line);
}

function refuseSameName(targets: readonly TargetSpec[]): void {
  const names = targets.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw new EarlError('USAGE', `the target "${twice}" is given twice`);
}

function progress({ target, title, verdict }: CaseResult): void {
  if (verdict === 'passed' || verdict === 'failed') {
    console.error(`${verdict === 'passed' ? 'pass' : 'FAIL'}  ${target}: ${title}`);
  }
}

function exitCodeFor(results: readonly TargetResult[]): number {
  const counts = countVerdicts(results);
  const [error] = results.flatMap(({ error }) => error ?? []);
  if (counts.passed + counts.failed === 0 && error?.code !== undefined) {
    return exitCodeOf(new EarlError(error.code, error.message));
  }
  return counts.failed > 0 || counts['not run'] > 0 || error !== undefined ? exitCodes.testsFailed : exitCodes.ok;
}

function collect(value: string, previous: string[]): string[] {
  return [...previous, value];
}

function parseCount(text: string): number {
  const count = /^\d{1,7}$/.test(text) ? Number(text) : 0;
  if (count >= 1) return count;
  throw new InvalidArgumentError('Give a whole number from 1 to 9999999.');
}
