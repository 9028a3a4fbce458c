/** Whether a probe is there, as honestly as the page can know it; in a word, a shape and a sentence. */

import type { Probe } from './fleet.ts';
import { formatAge } from './quantities.ts';

export const stateNames = {
  online: 'Online',
  quiet: 'Quiet',
  quarantined: 'Quarantined',
  offline: 'Offline',
  unknown: 'Unknown',
} as const;
export type StateName = keyof typeof stateNames;

export interface ProbeState {
  readonly name: StateName;
  /** Why, in a few words; empty for a probe that is well. */
  readonly detail: string;
}

/** A probe may be late by this much before it is called quiet: one lost frame and a slow browser are no silence. */
const LATE_INTERVALS = 3;
const LATE_MS = 1500;

/** State at `nowMs` of the page's clock, `connected` to the cloud or not. */
export function stateOf(probe: Probe, connected: boolean, nowMs: number): ProbeState {
  if (!connected) return { name: 'unknown', detail: 'no connection to the cloud' };
  const { status } = probe;
  const age = probe.ageSeconds(nowMs);
  if (status !== undefined && !status.online) return { name: 'offline', detail: status.reason ?? '' };
  if (status?.quarantined) return { name: 'quarantined', detail: status.reason || 'its gateway does not let it in' };
  if (age === undefined) {
    return status === undefined
      ? { name: 'unknown', detail: 'it has not said who it is' }
      : { name: 'quiet', detail: 'no samples yet' };
  }
  const limitSeconds = (LATE_INTERVALS * (status?.intervalMs ?? 1000) + LATE_MS) / 1000;
  if (age > limitSeconds) return { name: 'quiet', detail: `no sample for ${formatAge(age)}` };
  return { name: 'online', detail: '' };
}
