/** Records as one text, to carry what is known of probes from one machine to another (`earl probes export` and `import`). */

import { EarlError } from '../../errors/index.ts';
import { type ProbeRecord, readRecord } from './record.ts';
import type { ProbeStore } from './store.ts';

const FORMAT = 'earl-probes-1';
/** Far more than anybody has probes. */
const MOST_RECORDS = 10_000;

export interface Imported {
  /** Ids that were new here, or learned a key. */
  readonly added: readonly string[];
  /** Ids that were here already with the same key and status. */
  readonly same: readonly string[];
  /** Ids whose other key or status here was replaced. */
  readonly replaced: readonly string[];
}

/**
 * @param withKeys the text is a secret then. Without, a probe that has a key becomes one that waits for it: it must not be
 * taken on its word elsewhere because its key was left out.
 */
export function exportText(records: readonly ProbeRecord[], withKeys: boolean): string {
  const probes = records.map((record) => (withKeys || record.key === undefined ? record : keyless(record)));
  return `${JSON.stringify({ format: FORMAT, probes }, undefined, 2)}\n`;
}

function keyless({ key: _, ...rest }: ProbeRecord): ProbeRecord {
  return { ...rest, status: rest.status === 'accepted' ? 'waiting' : rest.status };
}

/**
 * Puts what `exportText` wrote into a store: everything or, when something is wrong, nothing. Throws `PROBES_BAD_IMPORT`, or
 * `PROBES_CONFLICT` when a probe has another key or status here and `replace` is false.
 */
export function importRecords(store: ProbeStore, text: string, replace: boolean): Imported {
  const records = parseExport(text);
  const plan = records.map((record) => ({ record, before: store.get(record.id) }));
  const conflicts = plan.filter(({ record, before }) => before !== undefined && !agrees(before, record));
  if (conflicts.length > 0 && !replace) {
    const ids = conflicts.map(({ record }) => record.id).join(', ');
    throw new EarlError(
      'PROBES_CONFLICT',
      `other keys or decisions are known here for ${ids}: nothing was imported; add --replace to take those of the file`,
    );
  }
  const changed = plan.filter(({ record, before }) => before === undefined || !isSame(before, record));
  for (const { record } of changed) store.update(record.id, (before) => ({ ...before, ...record }));
  const ids = (some: typeof plan) => some.map(({ record }) => record.id);
  return {
    added: ids(changed.filter((entry) => !conflicts.includes(entry))),
    same: ids(plan.filter((entry) => !changed.includes(entry))),
    replaced: ids(conflicts),
  };
}

function parseExport(text: string): ProbeRecord[] {
  let file: { format?: unknown; probes?: unknown };
  try {
    file = JSON.parse(text) as typeof file;
  } catch (error) {
    throw new EarlError('PROBES_BAD_IMPORT', 'that is not JSON, so not what earl probes export writes', {
      cause: error,
    });
  }
  if (file?.format !== FORMAT || !Array.isArray(file.probes) || file.probes.length > MOST_RECORDS) {
    throw new EarlError(
      'PROBES_BAD_IMPORT',
      `that is not what earl probes export writes: "format" must be "${FORMAT}"`,
    );
  }
  const records = file.probes.map((value, at) => readRecord(value, `probe ${at + 1} of the file`));
  if (new Set(records.map(({ id }) => id)).size < records.length) {
    throw new EarlError('PROBES_BAD_IMPORT', 'a probe stands twice in the file: nothing was imported');
  }
  return records;
}

/** Nothing that the user decided or flashed here would be lost. */
function agrees(before: ProbeRecord, record: ProbeRecord): boolean {
  const sameKey = before.key === undefined || record.key === undefined || before.key === record.key;
  return sameKey && (before.status === record.status || before.status === 'waiting');
}

function isSame(before: ProbeRecord, record: ProbeRecord): boolean {
  return before.status === record.status && (record.key === undefined || before.key === record.key);
}
