/**
 * Runs the suite of test/hil against targets: a Vitest project each, all at once, so that a lab with five boards takes
 * as long as one board does.
 *
 * The suite and Vitest are there in a clone of Earl, not in an installed package (`HIL_NOT_HERE`).
 */

import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { TestCase, TestModule, Vitest } from 'vitest/node';
import { EarlError, errorMessage } from '../../errors/index.ts';
import type { TargetSpec } from './hardware-map.ts';
import { type CaseMeta, type CaseResult, readSkipNote, type TargetResult } from './verdict.ts';

export interface HilOptions {
  /** The folder of Earl. */
  readonly root: string;
  readonly targets: readonly TargetSpec[];
  /** Commands of the endurance case. */
  readonly commands: number;
  /** Only cases whose group and title match. */
  readonly pattern?: string;
  /** Folder for the wire logs of failures. */
  readonly record?: string;
  /** Called when a case is over. */
  readonly onCase?: (result: CaseResult) => void;
  readonly signal?: AbortSignal;
}

const SUITE = 'test/hil/suite.hil.ts';

/** Rejects with `HIL_NOT_HERE`; a target that cannot be opened is part of the results. */
export async function runHil(options: HilOptions): Promise<TargetResult[]> {
  const { createVitest } = await loadVitest(options.root);
  const foreign = foreignSignalHandlers();
  const results = new Map(options.targets.map(({ name, url }) => [name, { url, cases: [] as CaseResult[] }]));
  const errors = new Map<string, NonNullable<TargetResult['error']>>();
  const vitest = await createVitest(
    'test',
    {
      config: false,
      watch: false,
      root: options.root,
      maxWorkers: workersFor(options.targets),
      ...(options.pattern !== undefined && { testNamePattern: options.pattern }),
      reporters: [
        {
          onTestCaseResult: (testCase) => {
            const result = caseResult(testCase);
            if (result.verdict === 'not run' && !options.signal?.aborted) return; // left out by the pattern
            const cases = results.get(result.target)?.cases;
            if (cases?.some(({ title }) => title === result.title)) return; // told again when a run is cut short
            cases?.push(result);
            options.onCase?.(result);
          },
          onTestModuleEnd: (module) => noteErrors(module, errors),
        },
      ],
      projects: options.targets.map((target) => project(target, options)),
    },
    { logLevel: 'error' },
  );
  foreign.remove();
  const exitCode = process.exitCode;
  try {
    await start(vitest, options.signal);
  } finally {
    await vitest.close();
    process.exitCode = exitCode; // Vitest has its own; ours come from the results
  }
  return [...results].map(([target, { url, cases }]) => {
    const error =
      errors.get(target) ??
      (cases.length === 0
        ? { message: `no case ${options.pattern ? `matches "${options.pattern}"` : 'was run'}` }
        : undefined);
    return { target, url, cases, ...(error && { error }) };
  });
}

async function loadVitest(root: string): Promise<typeof import('vitest/node')> {
  const hint = 'the suite is part of a clone of Earl: git clone it, run npm ci there and npx earl hil';
  if (!existsSync(join(root, SUITE))) throw new EarlError('HIL_NOT_HERE', `${SUITE} is not here: ${hint}`);
  try {
    return await import('vitest/node');
  } catch (error) {
    throw new EarlError('HIL_NOT_HERE', `Vitest is not installed (${errorMessage(error)}): ${hint}`, { cause: error });
  }
}

/** Boards wait for their UARTs, and as many as there are may do so at once; emulated ones compute. */
function workersFor(targets: readonly TargetSpec[]): number {
  const emulated = targets.filter(({ url }) => url.startsWith('emu:')).length;
  return Math.max(1, targets.length - emulated + Math.min(emulated, availableParallelism()));
}

function project(target: TargetSpec, { root, commands, record }: HilOptions) {
  return {
    test: {
      name: target.name,
      root,
      include: [SUITE],
      fileParallelism: false,
      // A link that failed once is not a link that works.
      retry: 0,
      provide: { hil: { target, commands, ...(record !== undefined && { record }) } },
    },
  };
}

/** Vitest ends the process at a signal, and with it the report of what was seen so far. */
function foreignSignalHandlers(): { remove(): void } {
  const signals = ['SIGINT', 'SIGTERM'] as const;
  const before = new Map(signals.map((signal) => [signal, new Set(process.listeners(signal))]));
  return {
    remove: () => {
      for (const [signal, ours] of before) {
        for (const listener of process.listeners(signal)) if (!ours.has(listener)) process.off(signal, listener);
      }
    },
  };
}

async function start(vitest: Vitest, signal: AbortSignal | undefined): Promise<void> {
  const cancel = () => void vitest.cancelCurrentRun('keyboard-input');
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    await vitest.start();
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}

function caseResult(testCase: TestCase): CaseResult {
  const { state, errors } = testCase.result();
  const meta = testCase.meta() as CaseMeta;
  const about = {
    target: testCase.project.name,
    title: testCase.fullName.replaceAll(' > ', ' › '),
    measurements: meta.measurements ?? [],
    durationMs: testCase.diagnostic()?.duration ?? 0,
    ...(meta.record !== undefined && { record: meta.record }),
  };
  if (state === 'passed') return { ...about, verdict: 'passed' };
  if (state === 'failed') {
    return { ...about, verdict: 'failed', reason: errors?.map(({ message }) => plain(message)).join('\n') ?? 'failed' };
  }
  const result = testCase.result();
  return { ...about, ...readSkipNote('note' in result ? result.note : undefined) };
}

function noteErrors(module: TestModule, errors: Map<string, NonNullable<TargetResult['error']>>): void {
  const [first] = [...module.errors(), ...[...module.children.suites()].flatMap((suite) => suite.errors())];
  if (first === undefined) return;
  const code: unknown = Reflect.get(first, 'code');
  errors.set(module.project.name, { message: plain(first.message), ...(typeof code === 'string' && { code }) });
}

/** Without the colours that assertion messages may carry. */
function plain(text: string): string {
  return text.replace(new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g'), '');
}
