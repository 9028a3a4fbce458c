/** What the processes of the BLE benchmark tell each other: when each sample was where. */

import type { BridgeCounters } from '../../host/bridge/index.ts';

/** `[values, ms]` of a sample. */
export type Stamp = readonly [values: string, ms: number];

export interface BoardReport {
  readonly id: string;
  readonly kind: string;
  readonly left: Stamp[];
  readonly aired: Stamp[];
  readonly lateMs: number;
  readonly givenUpMs: number;
  readonly bridge: BridgeCounters;
}

export interface BoardsReport {
  readonly boards: BoardReport[];
  readonly air: { advertisingPdus: number; collisions: number; lost: number };
  readonly links: number;
  /** Share of the time in which the gateway's radio sent or listened, scans included. */
  readonly radioShare: number;
  readonly cpuMs: number;
}

/** CLOCK_MONOTONIC, ms. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** The values of a pack, by which a sample is known again. */
export function valuesOf(pack: readonly { n: string; v?: number }[]): string {
  return pack.map(({ n, v }) => `${n} ${v}`).join(', ');
}

export interface Summary {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

export function summary(numbers: readonly number[]): Summary {
  const [p50, p90, p99, max] = [0.5, 0.9, 0.99, 1].map((share) => quantile(numbers, share));
  return { count: numbers.length, p50: p50!, p90: p90!, p99: p99!, max: max! };
}

/** The smallest value that at least this share of the numbers does not exceed; rounded to tenths. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  return Math.round(value * 10) / 10;
}
