/**
 * What this machine knows of one probe, as it stands in a file: checked field by field, because a person may have edited
 * it and a disk may have damaged it. What is damaged is an error and never taken for a probe that nobody knows.
 */

import { EarlError } from '../../errors/index.ts';
import { parseKey } from '../link/index.ts';

/** `accepted` by the user or because it was flashed here; `waiting` it was met and nobody decided; `refused` by the user. */
export const recordStatuses = ['accepted', 'waiting', 'refused'] as const;
export type RecordStatus = (typeof recordStatuses)[number];

export interface ProbeRecord {
  /** 16 lower-case hex digits. */
  readonly id: string;
  /** 32 lower-case hex digits; without it nothing is asked of the probe. */
  readonly key?: string;
  readonly status: RecordStatus;
  /** ball, arm, light… as it said when it was last met. */
  readonly kind?: string;
  /** Where it was last met: the URL of a transport. */
  readonly via?: string;
  /** ISO 8601. */
  readonly firstSeenAt?: string;
  readonly lastSeenAt?: string;
  /** Why it is waiting or refused, for people. */
  readonly reason?: string;
  /** Whether it said that it has a key, when it was last met. */
  readonly authenticates?: boolean;
}

const LONGEST_TEXT = 200;

/** A probe's id in the form of the store. Throws `PROBES_BAD_ID`. */
export function checkedId(id: string): string {
  if (/^[0-9a-f]{16}$/i.test(id)) return id.toLowerCase();
  throw new EarlError('PROBES_BAD_ID', `"${id}" is no probe id: give the 16 hex digits that earl probes list shows`);
}

/** Reads a record out of any JSON value; fields that it does not know are left out. Throws `PROBES_DAMAGED`. */
export function readRecord(value: unknown, from: string): ProbeRecord {
  const fail = (what: string): never => {
    throw new EarlError('PROBES_DAMAGED', `${from} is no record of a probe: ${what}`);
  };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return fail('it is not a JSON object');
  const fields = value as Record<string, unknown>;
  const text = (name: string): { [field: string]: string } => {
    const field = fields[name];
    if (field === undefined) return {};
    if (typeof field !== 'string') return fail(`"${name}" is not a text`);
    return { [name]: field.slice(0, LONGEST_TEXT) };
  };
  const { id, status, key, authenticates } = fields;
  if (typeof id !== 'string' || !/^[0-9a-f]{16}$/.test(id)) return fail('"id" is not 16 lower-case hex digits');
  const known = recordStatuses.find((name) => name === status);
  if (known === undefined) return fail(`"status" is not one of ${recordStatuses.join(', ')}`);
  if (key !== undefined && !isKey(key)) return fail('"key" is not 32 hex digits');
  if (authenticates !== undefined && typeof authenticates !== 'boolean')
    return fail('"authenticates" is not true or false');
  return {
    id,
    status: known,
    ...(key !== undefined && { key: (key as string).toLowerCase() }),
    ...text('kind'),
    ...text('via'),
    ...text('firstSeenAt'),
    ...text('lastSeenAt'),
    ...text('reason'),
    ...(authenticates !== undefined && { authenticates }),
  };
}

function isKey(value: unknown): boolean {
  try {
    return typeof value === 'string' && parseKey(value).length > 0;
  } catch {
    return false;
  }
}

/** The record without its secret, and whether there is one. */
export function withoutKey({ key, ...rest }: ProbeRecord): Omit<ProbeRecord, 'key'> & { readonly hasKey: boolean } {
  return { ...rest, hasKey: key !== undefined };
}
