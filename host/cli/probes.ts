/**
 * `earl probes`: who is known on this machine, who waits at the door, and who may in. The work is in host/probes.
 *
 * A key is printed only where it was asked for by name (`show --key`, `export --keys`), and read from stdin for whoever does
 * not want it in the history of a shell.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { EarlError, errorMessage } from '../../errors/index.ts';
import { formatKey, parseKey } from '../link/index.ts';
import { checkedId, exportText, importRecords, type ProbeRecord, ProbeStore, withoutKey } from '../probes/index.ts';

interface AcceptFlags {
  readonly key?: string;
  readonly withoutKey?: true;
  readonly json?: true;
}

const examples = `
A gateway keeps a probe that comes by air or network in quarantine until it is accepted here: visible on the dashboard,
nothing of it relayed. What was flashed on this machine (earl flash) is accepted already. A running gateway heeds every
change at once. Records are in $EARL_STATE/probes, by default ~/.local/state/earl/probes, readable by you alone.

Examples:
  $ earl probes list                                  who is known, who waits
  $ earl probes accept 02c0ffee00000001               its key is known here, or it has none
  $ earl probes accept 02c0ffee00000001 --key -       a probe flashed elsewhere; the key comes from stdin
  $ earl probes refuse 02c0ffee00000001 --reason "lost on a train"
  $ earl probes export --keys --out probes.json       to carry to another gateway; then there:
  $ earl probes import probes.json`;

export function probesCommand(): Command {
  const command = new Command('probes')
    .description('Say which probes are known and trusted on this machine')
    .addHelpText('after', examples);
  const sub = (name: string, about: string) => command.command(name).description(about);
  const asJson = 'print JSON on stdout';
  sub('list', 'List known probes, and those that wait to be accepted').option('--json', asJson).action(list);
  sub('show', 'Show what is known of a probe')
    .argument('<id>', 'its 16 hex digits')
    .option('--key', 'show its key too: a secret')
    .option('--json', asJson)
    .action(show);
  sub('accept', 'Let a probe in')
    .argument('<id>', 'its 16 hex digits')
    .option('--key <hex>', 'its key, 32 hex digits; - reads it from stdin')
    .option('--without-key', 'let it in on its word: anybody can say the same')
    .option('--json', asJson)
    .action(accept);
  sub('refuse', 'Keep a probe out, whatever it proves')
    .argument('<id>', 'its 16 hex digits')
    .option('--reason <text>', 'why, for whoever looks later')
    .option('--json', asJson)
    .action(refuse);
  sub('forget', 'Forget a probe and its key')
    .argument('<id>', 'its 16 hex digits')
    .option('--json', asJson)
    .action(forget);
  sub('export', 'Write what is known of probes, to be imported elsewhere')
    .argument('[id...]', 'probes; all of them when none is named')
    .option('--keys', 'with their keys: whoever has the file can pass for these probes')
    .option('--out <file>', 'a new file that only you can read; default: stdout')
    .action(exportRecords);
  sub('import', 'Take what export wrote')
    .argument('<file>', 'what export wrote; - reads stdin')
    .option('--replace', 'also where another key or decision is known here')
    .option('--json', asJson)
    .action(importFile);
  return command;
}

function list({ json }: { json?: true }): void {
  const store = new ProbeStore();
  const records = store.list();
  const damaged = store.damaged();
  if (json) {
    console.log(JSON.stringify({ folder: store.folder, probes: records.map(withoutKey), damaged }));
  } else if (records.length === 0) {
    console.log(
      `No probe is known here. earl flash makes one known; a gateway shows here who waits. (${store.folder})`,
    );
  } else {
    console.log(table(records));
  }
  for (const problem of damaged) console.error(`warning: ${problem}`);
  const waiting = records.filter(({ status }) => status === 'waiting').length;
  if (!json && waiting > 0) console.error(`${waiting} waiting: earl probes accept ID, or earl probes refuse ID`);
}

/** Columns as wide as they must be; the decision and the key first, because they matter. */
export function table(records: readonly ProbeRecord[]): string {
  const rows = records.map((record) => [
    record.id,
    record.status,
    record.key === undefined ? 'no key' : 'key',
    record.kind ?? '-',
    record.lastSeenAt?.slice(0, 16).replace('T', ' ') ?? 'never seen',
    record.via ?? '-',
  ]);
  const head = ['ID', 'STATUS', 'PROOF', 'KIND', 'LAST SEEN (UTC)', 'BY'];
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  return [head, ...rows]
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function show(id: string, { key, json }: { key?: true; json?: true }): void {
  const record = known(new ProbeStore(), id);
  const shown = key ? record : withoutKey(record);
  if (json) console.log(JSON.stringify(shown));
  else for (const [name, value] of Object.entries(shown)) console.log(`${name.padEnd(14)}${value}`);
}

function accept(id: string, flags: AcceptFlags): void {
  if (flags.key !== undefined && flags.withoutKey)
    throw new EarlError('USAGE', 'give --key or --without-key, not both');
  const given = flags.key === undefined ? undefined : readKey(flags.key);
  const store = new ProbeStore();
  const record = store.update(id, (before) => acceptedRecord(checkedId(id), before, given, flags.withoutKey === true))!;
  if (record.key === undefined) {
    console.error(`warning: ${record.id} is let in on its word: whoever says the same id is let in too`);
  }
  said(
    flags,
    record,
    `${record.id} accepted${record.key === undefined ? ' without a key' : ', it must prove its key'}`,
  );
}

function acceptedRecord(
  id: string,
  before: ProbeRecord | undefined,
  given: string | undefined,
  withoutProof: boolean,
): ProbeRecord {
  const { key: _, reason: __, ...rest } = before ?? { id };
  if (withoutProof) return { ...rest, id, status: 'accepted' };
  const key = given ?? before?.key;
  if (key !== undefined) return { ...rest, id, key, status: 'accepted' };
  if (before === undefined) {
    throw new EarlError(
      'PROBES_UNKNOWN',
      `no probe ${id} was met here yet: give its key with --key HEX (earl probes export on the machine that flashed it), or ` +
        'let it in on its word with --without-key',
    );
  }
  if (before.authenticates !== false) {
    throw new EarlError(
      'PROBES_KEY_NEEDED',
      `probe ${id} has a key that is not known here: get it with earl probes export ${id} --keys from the machine that flashed ` +
        'it and give --key HEX, flash it anew here, or let it in on its word with --without-key',
    );
  }
  return { ...rest, id, status: 'accepted' };
}

function refuse(id: string, { reason, json }: { reason?: string; json?: true }): void {
  const record = new ProbeStore().update(id, (before) => ({
    ...before,
    id: checkedId(id),
    status: 'refused',
    ...(reason !== undefined && { reason }),
  }))!;
  said({ json }, record, `${record.id} refused: no gateway of yours lets it in`);
}

function forget(id: string, { json }: { json?: true }): void {
  const store = new ProbeStore();
  const checked = checkedId(id);
  if (!isThere(store, checked)) throw unknown(checked);
  store.remove(checked);
  if (json) console.log(JSON.stringify({ id: checked, forgotten: true }));
  else console.log(`${checked} forgotten, its key too`);
}

function exportRecords(ids: readonly string[], { keys, out }: { keys?: true; out?: string }): void {
  const store = new ProbeStore();
  const records = ids.length > 0 ? ids.map((id) => known(store, id)) : store.list();
  if (records.length === 0) throw new EarlError('PROBES_UNKNOWN', `no probe is known here (${store.folder})`);
  const text = exportText(records, keys === true);
  if (out === undefined) process.stdout.write(text);
  else writeSecret(out, text);
  const where = out === undefined ? '' : ` to ${out}`;
  if (keys)
    console.error(`${records.length} probes${where}, with their keys: keep it to yourself, and remove it after use`);
  else
    console.error(`${records.length} probes${where}, without keys: where it is imported they wait. With keys: --keys`);
}

function writeSecret(file: string, text: string): void {
  try {
    writeFileSync(file, text, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    throw new EarlError('USAGE', `${file} cannot be written as a new file: ${errorMessage(error)}`, { cause: error });
  }
}

function importFile(file: string, { replace, json }: { replace?: true; json?: true }): void {
  const done = importRecords(new ProbeStore(), readText(file), replace === true);
  if (json) console.log(JSON.stringify(done));
  else console.log(`${done.added.length} added, ${done.replaced.length} replaced, ${done.same.length} known already`);
}

function readKey(text: string): string {
  try {
    return formatKey(parseKey(text === '-' ? readText('-').trim() : text.trim()));
  } catch (error) {
    if (error instanceof EarlError && error.code === 'LINK_BAD_KEY') throw new EarlError('USAGE', error.message);
    throw error;
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new EarlError('USAGE', `${file === '-' ? 'stdin' : file} cannot be read: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

function known(store: ProbeStore, id: string): ProbeRecord {
  const record = store.get(id);
  if (record === undefined) throw unknown(checkedId(id));
  return record;
}

/** A damaged record can be forgotten too. */
function isThere(store: ProbeStore, id: string): boolean {
  try {
    return store.get(id) !== undefined;
  } catch (error) {
    if (error instanceof EarlError && error.code === 'PROBES_DAMAGED') return true;
    throw error;
  }
}

function unknown(id: string): EarlError {
  return new EarlError('PROBES_UNKNOWN', `no probe ${id} is known here: earl probes list shows those that are`);
}

function said({ json }: { readonly json?: true | undefined }, record: ProbeRecord, text: string): void {
  console.log(json ? JSON.stringify(withoutKey(record)) : text);
}
