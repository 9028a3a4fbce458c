import { fork } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ProbeRecord } from './record.ts';
import { defaultProbesFolder, knownKey, ProbeStore } from './store.ts';

const ID = '02c0ffee00000001';
const OTHER = '02c0ffee00000002';
const KEY = '00112233445566778899aabbccddeeff';
const accepted: ProbeRecord = { id: ID, key: KEY, status: 'accepted', kind: 'ball', via: 'ble:aa:bb:cc:dd:ee:ff' };

let root: string;
let store: ProbeStore;
const fileOf = (id: string) => join(root, 'probes', `${id}.json`);

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'earl-probes-'));
  store = new ProbeStore(join(root, 'probes'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true });
});

test('what is put is there for another process, and gone when removed', () => {
  expect(store.get(ID)).toBeUndefined();
  expect(store.list()).toEqual([]);
  expect(existsSync(store.folder)).toBe(false); // looking makes nothing
  store.put(accepted);
  store.put({ id: OTHER, status: 'waiting' });
  const again = new ProbeStore(store.folder);
  expect(again.get(ID.toUpperCase())).toEqual(accepted);
  expect(again.list().map(({ id }) => id)).toEqual([ID, OTHER]);
  again.remove(ID);
  again.remove(ID);
  expect(store.get(ID)).toBeUndefined();
  expect(readdirSync(store.folder)).toEqual([`${OTHER}.json`]);
});

test('the folder: EARL_STATE, then XDG_STATE_HOME', () => {
  vi.stubEnv('EARL_STATE', '/some/state');
  expect(defaultProbesFolder()).toBe(join('/some/state', 'probes'));
  vi.stubEnv('EARL_STATE', '');
  vi.stubEnv('XDG_STATE_HOME', '/xdg');
  expect(defaultProbesFolder()).toBe(join('/xdg', 'earl', 'probes'));
});

test.each([
  ['cut off', `{"id": "${ID}", "sta`, 'not JSON'],
  ['empty', '', 'not JSON'],
  ['another type', '[]', 'not a JSON object'],
  ['an unknown status', `{"id": "${ID}", "status": "trusted"}`, 'accepted, waiting, refused'],
  ['a short key', `{"id": "${ID}", "status": "accepted", "key": "0011"}`, '32 hex digits'],
  ['a key of zeros', `{"id": "${ID}", "status": "accepted", "key": "${'0'.repeat(32)}"}`, '32 hex digits'],
  ['another id', `{"id": "${OTHER}", "status": "accepted"}`, OTHER],
])('a damaged file (%s) is an error and not an unknown probe; the others can be read', (_, text, said) => {
  store.put({ id: OTHER, status: 'refused' });
  store.put(accepted);
  writeFileSync(fileOf(ID), text);
  expect(() => store.get(ID)).toThrow(
    expect.objectContaining({ code: 'PROBES_DAMAGED', message: expect.stringContaining(said) }),
  );
  expect(store.list().map(({ id }) => id)).toEqual([OTHER]);
  expect(store.damaged()).toHaveLength(1);
  expect(() => store.put(accepted)).toThrow(expect.objectContaining({ code: 'PROBES_DAMAGED' }));
  store.remove(ID);
  store.put(accepted);
  expect(store.get(ID)).toEqual(accepted);
});

test('the key for whoever makes a board of an id', () => {
  const id = Uint8Array.of(2, 0xc0, 0xff, 0xee, 0, 0, 0, 1);
  expect(knownKey(id, store)).toBeUndefined();
  store.put(accepted);
  expect(Buffer.from(knownKey(id, store)!).toString('hex')).toBe(KEY);
  writeFileSync(fileOf(ID), '{');
  expect(knownKey(id, store)).toBeUndefined();
});

test('files of other names, and unknown fields, are left alone', () => {
  store.put(accepted);
  writeFileSync(join(store.folder, 'README'), 'mine');
  writeFileSync(fileOf(OTHER), JSON.stringify({ id: OTHER, status: 'waiting', later: 1 }), { mode: 0o600 });
  expect(store.list().map(({ id }) => id)).toEqual([ID, OTHER]);
  expect(store.get(OTHER)).toEqual({ id: OTHER, status: 'waiting' });
});

describe.skipIf(process.platform === 'win32')('permissions', () => {
  test('folder 0700, files 0600, whatever the umask', () => {
    const umask = process.umask(0);
    try {
      store.put(accepted);
    } finally {
      process.umask(umask);
    }
    expect(statSync(store.folder).mode & 0o777).toBe(0o700);
    expect(statSync(fileOf(ID)).mode & 0o777).toBe(0o600);
  });

  test('a folder in which others may write is not trusted; one that they may read is closed', () => {
    store.put(accepted);
    chmodSync(store.folder, 0o777);
    expect(() => store.get(ID)).toThrow(
      expect.objectContaining({ code: 'PROBES_PERMISSION', message: expect.stringContaining('chmod 700') }),
    );
    expect(() => store.put(accepted)).toThrow(expect.objectContaining({ code: 'PROBES_PERMISSION' }));
    chmodSync(store.folder, 0o755);
    expect(store.get(ID)).toEqual(accepted);
    expect(statSync(store.folder).mode & 0o777).toBe(0o700);
  });

  test('a key that others can read is no secret', () => {
    store.put(accepted);
    chmodSync(fileOf(ID), 0o644);
    expect(() => store.get(ID)).toThrow(
      expect.objectContaining({ code: 'PROBES_PERMISSION', message: expect.stringContaining('chmod 600') }),
    );
  });

  test('a file where the folder should be', () => {
    writeFileSync(store.folder, '');
    expect(() => store.put(accepted)).toThrow(expect.objectContaining({ code: 'PROBES_FOLDER' }));
  });
});

test('a change sees what is there; undefined leaves it', () => {
  expect(store.update(ID, () => undefined)).toBeUndefined();
  store.update(ID, () => ({ id: ID, status: 'waiting' }));
  expect(store.update(ID, (record) => ({ ...record!, status: 'accepted' }))).toEqual({ id: ID, status: 'accepted' });
  expect(store.update(ID, () => undefined)).toEqual({ id: ID, status: 'accepted' });
});

test('a lock whose holder is gone is broken, and a failing change leaves none behind', () => {
  store.open();
  writeFileSync(join(store.folder, `.${ID}.lock`), '4194305'); // above the highest process number of Linux
  store.put(accepted);
  expect(store.get(ID)).toEqual(accepted);
  expect(() =>
    store.update(ID, () => {
      throw new Error('no');
    }),
  ).toThrow('no');
  expect(readdirSync(store.folder)).toEqual([`${ID}.json`]);
});

test('a lock that somebody holds is waited for, and then said', () => {
  store.open();
  writeFileSync(join(store.folder, `.${ID}.lock`), String(process.ppid));
  expect(() => store.put(accepted)).toThrow(expect.objectContaining({ code: 'PROBES_LOCKED' }));
});

test('two processes change one record and no change is lost', async () => {
  store.put({ id: ID, status: 'waiting', reason: '0' });
  const program = join(import.meta.dirname, '../../test/security/count-in-record.ts');
  const children = [1, 2].map(() =>
    fork(join(import.meta.dirname, '../../tools/run.mjs'), [program, store.folder, ID, '40'], { stdio: 'ignore' }),
  );
  for (let n = 0; n < 40; n++)
    store.update(ID, (record) => ({ ...record!, reason: String(Number(record!.reason) + 1) }));
  const codes = await Promise.all(children.map((child) => new Promise((resolve) => child.on('exit', resolve))));
  expect(codes).toEqual([0, 0]);
  expect(store.get(ID)?.reason).toBe('120');
});

test('a watch tells each record that is written, changed or removed, and nothing after its end', async () => {
  const seen: string[] = [];
  const stop = store.watch((id) => seen.push(id));
  const other = new ProbeStore(store.folder);
  other.put(accepted);
  await vi.waitFor(() => expect(seen).toEqual([ID]), 10_000);
  other.put({ ...accepted, status: 'refused' });
  await vi.waitFor(() => expect(seen).toEqual([ID, ID]), 10_000);
  other.remove(ID);
  await vi.waitFor(() => expect(seen).toEqual([ID, ID, ID]), 10_000);
  stop();
  other.put({ id: OTHER, status: 'waiting' });
  const again: string[] = [];
  const stopAgain = store.watch((id) => again.push(id));
  other.remove(OTHER);
  await vi.waitFor(() => expect(again).toEqual([OTHER]), 10_000);
  expect(seen).toEqual([ID, ID, ID]);
  stopAgain();
});

test('ids are checked before they become file names', () => {
  for (const bad of ['../etc', '', 'abc', `${ID}0`]) {
    expect(() => store.get(bad)).toThrow(expect.objectContaining({ code: 'PROBES_BAD_ID' }));
    expect(() => store.put({ id: bad, status: 'waiting' })).toThrow(expect.objectContaining({ code: 'PROBES_BAD_ID' }));
  }
});
