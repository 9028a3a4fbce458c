/**
 * Where the records of probes live: one JSON file a probe in one folder, for this user's eyes only.
 *
 * Several processes use it at once (gateways, `earl probes`, `earl flash`), so files are replaced whole, and a change of a
 * record holds that record's lock. Synchronous: records are small and changes rare. Keys are kept in plain text, protected
 * by the permissions of folder and files (0700, 0600), which are checked; on Windows by the user's profile. An operating
 * system's key store is left out: a gateway runs without anybody at the screen.
 */

import {
  chmodSync,
  chownSync,
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  watch as watchFolder,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { EarlError, errorMessage } from '../../errors/index.ts';
import { formatId, parseKey } from '../link/index.ts';
import { withLock } from './lock.ts';
import { checkedId, type ProbeRecord, readRecord } from './record.ts';

/** After a change, before it is told: a change is several events. */
const SETTLE_MS = 20;
/** Looks at the folder beside its events, which network file systems do not send. */
const POLL_MS = 3000;

const isPosix = process.platform !== 'win32';

/** `$EARL_STATE`, or where a user's state belongs (XDG Base Directory Specification). */
export function defaultProbesFolder(): string {
  const state = process.env.EARL_STATE || join(process.env.XDG_STATE_HOME || join(homedir(), '.local/state'), 'earl');
  return join(state, 'probes');
}

/** The key that this user's store has for an id, for whoever makes a board of that id; `undefined` when it has none to give. */
export function knownKey(id: Uint8Array, store = new ProbeStore()): Uint8Array | undefined {
  try {
    const key = store.get(formatId(id))?.key;
    return key === undefined ? undefined : parseKey(key);
  } catch {
    return undefined; // the gateway that is asked to let it in says why
  }
}

export class ProbeStore {
  readonly folder: string;
  private files = 0;

  constructor(folder = defaultProbesFolder()) {
    this.folder = folder;
  }

  /**
   * Makes the folder if there is none, and sees that it can be used. Throws `PROBES_PERMISSION` when somebody else may
   * write in it, `PROBES_FOLDER` when it cannot be made.
   */
  open(): void {
    try {
      mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw new EarlError(
        'PROBES_FOLDER',
        `the folder of known probes cannot be made (${errorMessage(error)}): make ${this.folder} writable, or set EARL_STATE`,
        { cause: error },
      );
    }
    this.checkFolder();
  }

  /** What is known of a probe. Throws `PROBES_DAMAGED`, `PROBES_PERMISSION`, or `PROBES_BAD_ID`. */
  get(id: string): ProbeRecord | undefined {
    this.checkFolder();
    return this.read(checkedId(id));
  }

  /** All records that can be read, by id. What cannot is in `damaged`. */
  list(): ProbeRecord[] {
    return this.readAll().records;
  }

  /** What is wrong with files that cannot be read, a sentence each. */
  damaged(): string[] {
    return this.readAll().problems;
  }

  /** Writes a record, whatever was there. */
  put(record: ProbeRecord): void {
    this.update(record.id, () => record);
  }

  remove(id: string): void {
    const known = checkedId(id);
    this.open();
    withLock(this.lockOf(known), () => rmSync(this.fileOf(known), { force: true }));
  }

  /**
   * Changes a record while nobody else does. `change` gets what is there, and returns what shall be; `undefined` leaves it.
   * Returns what is there afterwards.
   */
  update(id: string, change: (record: ProbeRecord | undefined) => ProbeRecord | undefined): ProbeRecord | undefined {
    const known = checkedId(id);
    this.open();
    return withLock(this.lockOf(known), () => {
      const before = this.read(known);
      const after = change(before);
      if (after === undefined) return before;
      this.write(readRecord(after, `record ${known}`));
      return after;
    });
  }

  /**
   * Tells the id of each record that was written or removed, by whatever process. Returns what ends it. Keeps no process
   * alive.
   */
  watch(onChange: (id: string) => void): () => void {
    this.open();
    let seen = this.stamps();
    let settling: NodeJS.Timeout | undefined;
    const compare = () => {
      settling = undefined;
      const now = this.stamps();
      const changed = [...new Set([...seen.keys(), ...now.keys()])].filter((id) => seen.get(id) !== now.get(id));
      seen = now;
      for (const id of changed) onChange(id);
    };
    const watcher = watchFolder(this.folder, { persistent: false }, () => {
      settling ??= setTimeout(compare, SETTLE_MS).unref();
    });
    watcher.on('error', () => {}); // the poll goes on
    const poll = setInterval(compare, POLL_MS).unref();
    return () => {
      watcher.close();
      clearInterval(poll);
      clearTimeout(settling);
    };
  }

  private fileOf(id: string): string {
    return join(this.folder, `${id}.json`);
  }

  private lockOf(id: string): string {
    return join(this.folder, `.${id}.lock`);
  }

  private ids(): string[] {
    try {
      return readdirSync(this.folder)
        .flatMap((name) => /^([0-9a-f]{16})\.json$/.exec(name)?.[1] ?? [])
        .sort();
    } catch {
      return []; // no folder: nothing is known
    }
  }

  private stamps(): Map<string, string> {
    return new Map(
      this.ids().map((id) => {
        const stat = statSync(this.fileOf(id), { throwIfNoEntry: false });
        return [id, `${stat?.ino} ${stat?.mtimeMs} ${stat?.size} ${stat?.mode}`];
      }),
    );
  }

  private readAll(): { records: ProbeRecord[]; problems: string[] } {
    this.checkFolder();
    const records: ProbeRecord[] = [];
    const problems: string[] = [];
    for (const id of this.ids()) {
      try {
        const record = this.read(id);
        if (record !== undefined) records.push(record);
      } catch (error) {
        problems.push(errorMessage(error));
      }
    }
    return { records, problems };
  }

  private read(id: string): ProbeRecord | undefined {
    const file = this.fileOf(id);
    let text: string;
    try {
      text = readPrivately(file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      if (error instanceof EarlError) throw error;
      throw new EarlError('PROBES_PERMISSION', `${file} cannot be read: ${errorMessage(error)}`, { cause: error });
    }
    const record = parsed(text, file, id);
    if (record.id === id) return record;
    throw new EarlError('PROBES_DAMAGED', `${file} holds the record of probe ${record.id}: rename or remove it`);
  }

  private write(record: ProbeRecord): void {
    const file = this.fileOf(record.id);
    const temporary = join(this.folder, `.${record.id}.${process.pid}.${++this.files}.new`);
    try {
      writeFileSync(temporary, `${JSON.stringify(record, undefined, 2)}\n`, { mode: 0o600, flush: true });
      this.giveToOwner(temporary);
      renameSync(temporary, file);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw new EarlError('PROBES_FOLDER', `${file} cannot be written: ${errorMessage(error)}`, { cause: error });
    }
  }

  /** Under sudo a record must stay readable for the user whose folder it is. */
  private giveToOwner(file: string): void {
    if (!isPosix || process.getuid?.() !== 0) return;
    const { uid, gid } = statSync(this.folder);
    if (uid !== 0) chownSync(file, uid, gid);
  }

  private checkFolder(): void {
    const stat = statSync(this.folder, { throwIfNoEntry: false });
    if (stat === undefined) return;
    if (!stat.isDirectory()) {
      throw new EarlError('PROBES_FOLDER', `${this.folder} is not a folder: remove it, or set EARL_STATE`);
    }
    if (!isPosix) return;
    const me = process.getuid!();
    if (me !== 0 && stat.uid !== me) {
      throw new EarlError(
        'PROBES_PERMISSION',
        `${this.folder} belongs to another user (${stat.uid}): whoever owns it decides which probes are trusted. Take it ` +
          'over with chown, or set EARL_STATE',
      );
    }
    if ((stat.mode & 0o022) !== 0) {
      throw new EarlError(
        'PROBES_PERMISSION',
        `others may write in ${this.folder}, and so accept probes: chmod 700 ${this.folder}, then look with earl probes list`,
      );
    }
    if ((stat.mode & 0o055) !== 0) chmodSync(this.folder, 0o700);
  }
}

/** Throws `PROBES_PERMISSION` when others can read or write the file too. */
function readPrivately(file: string): string {
  const handle = openSync(file, 'r');
  try {
    if (isPosix && (fstatSync(handle).mode & 0o077) !== 0) {
      throw new EarlError(
        'PROBES_PERMISSION',
        `others can read or write ${file}, which holds a key: chmod 600 ${file}. If somebody may have seen it, flash the ` +
          'probe with --key random',
      );
    }
    return readFileSync(handle, 'utf8');
  } finally {
    closeSync(handle);
  }
}

function parsed(text: string, file: string, id: string): ProbeRecord {
  try {
    return readRecord(JSON.parse(text), file);
  } catch (error) {
    const what = error instanceof SyntaxError ? `${file} is not JSON (${error.message})` : errorMessage(error);
    throw new EarlError(
      'PROBES_DAMAGED',
      `${what}. Until it is mended probe ${id} is not let in: earl probes forget ${id}, then import, accept or flash it again`,
      { cause: error },
    );
  }
}
