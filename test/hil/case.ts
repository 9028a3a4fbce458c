/**
 * How a case of the suite is written: what it needs, and what it does with a bench.
 *
 * A case never asks which target it runs on. It names the capabilities that the probe must have (else *not present*) and
 * the instruments that must stand on the bench (else *not observed*). Before each case the bench is mended and the
 * probe brought to a known state; after a failure the wire log is kept when the run records.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inject, onTestFailed, type TestContext, test } from 'vitest';
import { Bench } from '../../host/hil/bench.ts';
import type { TargetSpec } from '../../host/hil/hardware-map.ts';
import { type InstrumentName, type Instruments, instrumentNames } from '../../host/hil/instruments.ts';
import { type CaseMeta, skipNote } from '../../host/hil/verdict.ts';
import { type Capability, capabilities } from '../../host/link/index.ts';

/** What the runner hands to the worker (host/hil/run.ts). */
export interface HilSettings {
  readonly target: TargetSpec;
  /** Commands of the endurance case. */
  readonly commands: number;
  /** Folder for wire logs of failures. */
  readonly record?: string;
}

declare module 'vitest' {
  export interface ProvidedContext {
    hil: HilSettings;
  }
}

type Needed<I extends InstrumentName> = Instruments & Required<Pick<Instruments, I>>;

export interface Needs<I extends InstrumentName> {
  readonly capabilities?: readonly Capability[];
  /** Capabilities of which the probe must have one. */
  readonly oneOf?: readonly Capability[];
  readonly instruments?: readonly I[];
  /** Wall clock, in seconds; default 120. */
  readonly limitS?: number;
}

export interface CaseTools<I extends InstrumentName> {
  readonly bench: Bench;
  readonly instruments: Needed<I>;
  /** Puts a number into the report. */
  measured(name: string, value: number, unit: string): void;
  /** Ends the case: the probe has no such part, which no capability tells. */
  notPresent(what: string): never;
}

let opened: Promise<Bench> | undefined;

/** The bench of this worker: opened by the first case, shared by all. */
export function theBench(): Promise<Bench> {
  opened ??= Bench.open(inject('hil').target);
  return opened;
}

export function hilCase<I extends InstrumentName = never>(
  title: string,
  needs: Needs<I>,
  body: (tools: CaseTools<I>) => Promise<void>,
): void {
  test(title, { timeout: (needs.limitS ?? 120) * 1000 }, async (context) => {
    const bench = await theBench();
    skipUnlessPossible(context, bench, needs);
    recordFailure(bench, context);
    await prepare(bench);
    const meta = context.task.meta as CaseMeta;
    const measurements: NonNullable<CaseMeta['measurements']> = [];
    meta.measurements = measurements;
    await body({
      bench,
      instruments: bench.instruments as Needed<I>,
      measured: (name, value, unit) => measurements.push({ name, value, unit }),
      notPresent: (what) => context.skip(skipNote('not present', `this probe has no ${what}`)),
    });
  });
}

export function has(bench: Bench, capability: Capability): boolean {
  return (bench.hello.capabilities & capabilities[capability]) !== 0;
}

function skipUnlessPossible<I extends InstrumentName>(context: TestContext, bench: Bench, needs: Needs<I>): void {
  const missing = needs.capabilities?.find((capability) => !has(bench, capability));
  if (missing) context.skip(skipNote('not present', `this probe has no ${missing}`));
  if (needs.oneOf && !needs.oneOf.some((capability) => has(bench, capability))) {
    context.skip(skipNote('not present', `this probe has none of ${needs.oneOf.join(', ')}`));
  }
  const absent = needs.instruments?.filter((name) => bench.instruments[name] === undefined) ?? [];
  if (absent.length > 0) {
    context.skip(skipNote('not observed', `needs ${absent.map((name) => instrumentNames[name]).join(' and ')}`));
  }
}

function recordFailure(bench: Bench, { task }: TestContext): void {
  const { record, target } = inject('hil');
  bench.log.clear();
  if (record === undefined) return;
  onTestFailed(() => {
    mkdirSync(record, { recursive: true });
    const file = join(record, `${target.name}-${task.name.replace(/[^A-Za-z0-9]+/g, '-')}.jsonl`);
    writeFileSync(file, bench.log.write({ target: target.name, url: target.url, case: task.name }));
    (task.meta as CaseMeta).record = file;
  });
}

/** Four samples a second, nothing lit, nothing running, nothing broken, and nothing heard yet. */
async function prepare(bench: Bench): Promise<void> {
  bench.settle();
  await bench.online(15_000);
  await ok(bench.command({ name: 'set_interval', intervalMs: 250 }), 'set_interval');
  if (has(bench, 'leds')) await darken(bench);
  if (has(bench, 'motor')) await ok(bench.command({ name: 'vibrate', duty: 0, durationMs: 0 }), 'vibrate');
  await bench.wait(300);
  bench.forget();
}

/** A driver that was unplugged a moment ago is tried again by the probe; give it the time. */
async function darken(bench: Bench): Promise<void> {
  await bench.command({ name: 'led_test', test: 0, stepMs: 20 }); // refused by probes that have no tests
  for (let attempt = 0; ; attempt++) {
    const { status } = await bench.command({ name: 'set_outputs', codes: new Uint8Array(7) });
    if (status === 'ok') return;
    if (attempt === 6) throw new Error(`the LED driver does not answer: ${status}`);
    await bench.wait(500);
  }
}

async function ok(outcome: Promise<{ status: string }>, what: string): Promise<void> {
  const { status } = await outcome;
  if (status !== 'ok') throw new Error(`${what}: ${status}`);
}
