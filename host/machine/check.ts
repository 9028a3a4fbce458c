/** What a check is, what it finds, and how the findings of many become a verdict for each purpose. */

import type { System } from './system.ts';

/** What a machine is wanted for; everything needs what emulation needs. */
export const purposes = ['emulation', 'flash', 'serial', 'ble', 'dev'] as const;
export type Purpose = (typeof purposes)[number];

/**
 * `ok`; `warning`: works, but something may get in the way; `missing`: what needs it does not work; `skipped`: says
 * nothing on this machine, and why.
 */
export type State = 'ok' | 'warning' | 'missing' | 'skipped';

export interface Finding {
  readonly state: State;
  /** What was found, for a person. */
  readonly detail: string;
  /** Shell commands that mend it, in order; always there when something is missing. */
  readonly remedy?: readonly string[];
}

export interface Check {
  /** Stable, for programs. */
  readonly id: string;
  readonly title: string;
  readonly neededFor: readonly Purpose[];
  run(system: System): Promise<Finding>;
}

export interface CheckResult extends Finding {
  readonly id: string;
  readonly title: string;
  readonly neededFor: readonly Purpose[];
}

/** Runs the checks one after another: their results keep the order. A check that throws is a finding, too. */
export async function runChecks(checks: readonly Check[], system: System): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const { id, title, neededFor, run } of checks) {
    const finding = await run(system).catch(
      (error: unknown): Finding => ({ state: 'warning', detail: `could not be checked: ${String(error)}` }),
    );
    results.push({ id, title, neededFor, ...finding });
  }
  return results;
}

/** Whether nothing that a purpose needs is missing. */
export function isReady(results: readonly CheckResult[], purpose: Purpose): boolean {
  return !results.some(
    ({ state, neededFor }) => state === 'missing' && (neededFor.includes('emulation') || neededFor.includes(purpose)),
  );
}

export const ok = (detail: string): Finding => ({ state: 'ok', detail });
export const skipped = (detail: string): Finding => ({ state: 'skipped', detail });
export const warning = (detail: string, ...remedy: readonly string[]): Finding => ({
  state: 'warning',
  detail,
  remedy,
});
export const missing = (detail: string, ...remedy: readonly string[]): Finding => ({
  state: 'missing',
  detail,
  remedy,
});

/** Only on Linux: elsewhere the finding is that there is nothing to check. */
export function onLinux(run: (system: System) => Promise<Finding>): (system: System) => Promise<Finding> {
  return (system) =>
    system.platform === 'linux' ? run(system) : Promise.resolve(skipped(`nothing to check on ${system.platform}`));
}
