/**
 * Reads SenML packs (RFC 8428, JSON representation) as far as probes use them: numeric and boolean values with base
 * name, time, unit and value. It leaves out strings, data values and sums, which a chart cannot draw.
 */

import type { Json } from '../protocol/index.ts';

/** All values of one moment. */
export interface Sample {
  /** Seconds since 1970. */
  readonly timeSeconds: number;
  readonly values: ReadonlyMap<string, Measured>;
}

export interface Measured {
  readonly value: number;
  /** Unit of the IANA SenML registry; empty when the pack names none. */
  readonly unit: string;
}

/** Times below this are relative to now (RFC 8428, section 4.5.3). */
const ABSOLUTE_FROM_SECONDS = 2 ** 28;
/** No probe measures more; beyond, an axis would run out of steps. */
const LARGEST_VALUE = 1e12;
/** More records than any Earl sample has; a longer pack is cut, so that one message cannot stall the page. */
const MAX_RECORDS = 4096;

interface Base {
  name: string;
  time: number;
  unit: string;
  value: number;
}

/**
 * The samples of a pack in the order of their times; empty when `data` is no SenML pack.
 *
 * @param nowSeconds what relative times count from
 */
export function readSenml(data: Json, nowSeconds: number): Sample[] {
  if (!Array.isArray(data)) return [];
  const base: Base = { name: '', time: 0, unit: '', value: 0 };
  const moments = new Map<number, Map<string, Measured>>();
  for (const record of data.slice(0, MAX_RECORDS)) {
    if (record === null || typeof record !== 'object' || Array.isArray(record)) return [];
    takeBase(base, record);
    const value = valueIn(record, base);
    if (value === undefined) continue;
    const time = base.time + (finite(record.t) ?? 0);
    const timeSeconds = time < ABSOLUTE_FROM_SECONDS ? nowSeconds + time : time;
    const name = shortName(base.name + (text(record.n) ?? ''));
    const unit = text(record.u) ?? base.unit;
    const values = moments.get(timeSeconds) ?? new Map<string, Measured>();
    moments.set(timeSeconds, values.set(name, { value, unit }));
  }
  return [...moments]
    .map(([timeSeconds, values]) => ({ timeSeconds, values }))
    .sort((a, b) => a.timeSeconds - b.timeSeconds);
}

function takeBase(base: Base, record: { [key: string]: Json }): void {
  base.name = text(record.bn) ?? base.name;
  base.time = finite(record.bt) ?? base.time;
  base.unit = text(record.bu) ?? base.unit;
  base.value = finite(record.bv) ?? base.value;
}

function valueIn(record: { [key: string]: Json }, base: Base): number | undefined {
  const bool = record.vb;
  if (typeof bool === 'boolean') return bool ? 1 : 0;
  const value = finite(record.v);
  return value === undefined || Math.abs(base.value + value) > LARGEST_VALUE ? undefined : base.value + value;
}

/** `urn:dev:earl:0011:temp` is `temp` on a card that says which probe it is. */
function shortName(name: string): string {
  return name.slice(name.lastIndexOf(':') + 1);
}

function text(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function finite(value: Json | undefined): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
