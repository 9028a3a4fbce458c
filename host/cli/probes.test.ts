import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ProbeStore } from '../probes/index.ts';
import { probesCommand } from './probes.ts';

const ID = '02c0ffee00000001';
const OTHER = '02c0ffee00000002';
const KEY = '00112233445566778899aabbccddeeff';

let root: string;
let store: ProbeStore;
let out: string[];
let err: string[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'earl-cli-probes-'));
  vi.stubEnv('EARL_STATE', root);
  store = new ProbeStore();
  out = [];
  err = [];
  vi.spyOn(console, 'log').mockImplementation((line) => void out.push(String(line)));
  vi.spyOn(console, 'error').mockImplementation((line) => void err.push(String(line)));
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => out.push(String(text)) > 0);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true });
});

async function earl(...args: string[]): Promise<string> {
  out = [];
  err = [];
  await probesCommand().exitOverride().parseAsync(args, { from: 'user' });
  return out.join('\n');
}

test('an empty store says what fills it', async () => {
  expect(await earl('list')).toContain('No probe is known');
  expect(JSON.parse(await earl('list', '--json'))).toEqual({ folder: join(root, 'probes'), probes: [], damaged: [] });
});

test('who is known and who waits, without secrets', async () => {
  store.put({
    id: ID,
    key: KEY,
    status: 'accepted',
    kind: 'ball',
    lastSeenAt: '2026-01-02T03:04:05.000Z',
    via: 'ble:x',
  });
  store.put({ id: OTHER, status: 'waiting' });
  writeFileSync(join(store.folder, '02c0ffee00000003.json'), '{', { mode: 0o600 });
  const text = await earl('list');
  expect(text.split('\n')).toHaveLength(3);
  expect(text).toMatch(new RegExp(`${ID} +accepted +key +ball +2026-01-02 03:04 +ble:x`));
  expect(text).toMatch(new RegExp(`${OTHER} +waiting +no key +- +never seen`));
  expect(err.join('\n')).toMatch(/damaged|not JSON/);
  expect(err.join('\n')).toContain('1 waiting: earl probes accept ID');
  const { probes, damaged } = JSON.parse(await earl('list', '--json'));
  expect(probes).toMatchObject([
    { id: ID, hasKey: true },
    { id: OTHER, hasKey: false },
  ]);
  expect(damaged).toHaveLength(1);
  for (const args of [
    ['list'],
    ['list', '--json'],
    ['show', ID],
    ['show', ID, '--json'],
    ['accept', ID, '--json'],
    ['export', ID],
  ]) {
    expect((await earl(...args)) + err.join(), args.join(' ')).not.toContain(KEY);
  }
  expect(await earl('show', ID, '--key')).toContain(KEY);
});

test('accept: with a known key, with one given, on its word, or with an explanation', async () => {
  await expect(earl('accept', ID)).rejects.toMatchObject({
    code: 'PROBES_UNKNOWN',
    message: expect.stringContaining('--key HEX'),
  });
  store.put({ id: ID, status: 'waiting', authenticates: true, kind: 'ball' });
  await expect(earl('accept', ID)).rejects.toMatchObject({
    code: 'PROBES_KEY_NEEDED',
    message: expect.stringContaining('--without-key'),
  });
  expect(store.get(ID)?.status).toBe('waiting');
  await earl('accept', ID.toUpperCase(), '--key', KEY.toUpperCase());
  expect(store.get(ID)).toEqual({ id: ID, status: 'accepted', authenticates: true, kind: 'ball', key: KEY });
  expect(err).toEqual([]);
  await earl('refuse', ID, '--reason', 'lost');
  expect(store.get(ID)).toMatchObject({ status: 'refused', reason: 'lost', key: KEY });
  await earl('accept', ID);
  expect(store.get(ID)).toMatchObject({ status: 'accepted', key: KEY });
  expect(store.get(ID)).not.toHaveProperty('reason');
  await earl('accept', ID, '--without-key');
  expect(store.get(ID)).not.toHaveProperty('key');
  expect(err.join()).toContain('on its word');
});

test('accept: a probe that said it has no key needs none, and the user is told what that means', async () => {
  store.put({ id: ID, status: 'waiting', authenticates: false });
  expect(await earl('accept', ID)).toBe(`${ID} accepted without a key`);
  expect(store.get(ID)).toMatchObject({ status: 'accepted' });
  expect(err.join()).toContain('on its word');
});

test('accept: wrong keys are refused and not repeated', async () => {
  await expect(earl('accept', ID, '--key', KEY.slice(1))).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.not.stringContaining(KEY.slice(1)),
  });
  await expect(earl('accept', ID, '--key', KEY, '--without-key')).rejects.toMatchObject({ code: 'USAGE' });
  await expect(earl('accept', 'ball')).rejects.toMatchObject({ code: 'PROBES_BAD_ID' });
  expect(store.list()).toEqual([]);
});

test('forget: also what is damaged; who is not known is said', async () => {
  store.put({ id: ID, key: KEY, status: 'accepted' });
  writeFileSync(join(store.folder, `${OTHER}.json`), '{', { mode: 0o600 });
  await earl('forget', ID);
  await earl('forget', OTHER);
  expect(store.list()).toEqual([]);
  expect(store.damaged()).toEqual([]);
  await expect(earl('forget', ID)).rejects.toMatchObject({ code: 'PROBES_UNKNOWN' });
});

test("to another machine: export into a file of one's own, import, conflicts", async () => {
  store.put({ id: ID, key: KEY, status: 'accepted' });
  store.put({ id: OTHER, status: 'refused' });
  const file = join(root, 'moved.json');
  await earl('export', '--keys', '--out', file);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(file, 'utf8')).toContain(KEY);
  await expect(earl('export', '--out', file)).rejects.toMatchObject({ code: 'USAGE' });
  await earl('forget', ID);
  await earl('forget', OTHER);
  expect(JSON.parse(await earl('import', file, '--json'))).toEqual({ added: [ID, OTHER], same: [], replaced: [] });
  expect(store.get(ID)).toEqual({ id: ID, key: KEY, status: 'accepted' });
  await earl('refuse', ID);
  await expect(earl('import', file)).rejects.toMatchObject({ code: 'PROBES_CONFLICT' });
  expect(await earl('import', file, '--replace')).toBe('0 added, 1 replaced, 1 known already');
  await expect(earl('import', join(root, 'none'))).rejects.toMatchObject({ code: 'USAGE' });
});
