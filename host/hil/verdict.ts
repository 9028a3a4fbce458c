/** What a run of the suite says about a target, case by case, and how the worker tells the runner. */

/** `not observed`: the target lacks the instrument. `not present`: the probe lacks the part. Neither is a pass. */
export type Verdict = 'passed' | 'failed' | 'not observed' | 'not present' | 'not run';

export interface Measurement {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

/** What a case leaves in its task's meta. */
export interface CaseMeta {
  measurements?: Measurement[];
  /** File of the wire log of a failure. */
  record?: string;
}

export interface CaseResult {
  readonly target: string;
  /** Group and title, e.g. `leds › steady colour`. */
  readonly title: string;
  readonly verdict: Verdict;
  /** Why it failed, or what it would have needed. */
  readonly reason?: string;
  readonly measurements: readonly Measurement[];
  readonly record?: string;
  readonly durationMs: number;
}

export interface TargetResult {
  readonly target: string;
  readonly url: string;
  readonly cases: readonly CaseResult[];
  /** Why there are no cases: the port, the probe, the suite itself. `code` as in EarlError. */
  readonly error?: { readonly code?: string; readonly message: string };
}

const prefixes: readonly (readonly [string, Verdict])[] = [
  ['not observed: ', 'not observed'],
  ['not present: ', 'not present'],
];

/** What a case that cannot run passes to `skip`. */
export function skipNote(verdict: 'not observed' | 'not present', needs: string): string {
  return `${verdict}: ${needs}`;
}

/** The verdict in a skip note. */
export function readSkipNote(note: string | undefined): Pick<CaseResult, 'verdict' | 'reason'> {
  for (const [prefix, verdict] of prefixes) {
    if (note?.startsWith(prefix)) return { verdict, reason: note.slice(prefix.length) };
  }
  return { verdict: 'not run', ...(note ? { reason: note } : {}) };
}
