/**
 * From the flash to the gateway's decision: a board in the boot loader gets its id and key, the store learns them, and the
 * firmware that was written proves them to a session that asks as for a probe by air.
 */
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type IdentityFlags, identityChoice, storeIdentity } from '../../host/cli/flash-identity.ts';
import { Board } from '../../host/emulator/index.ts';
import { bslRunner, makePlan, recordIn, vectorBlock } from '../../host/flash/index.ts';
import { formatId, formatKey } from '../../host/link/index.ts';
import { ProbeStore, TrustPolicy } from '../../host/probes/index.ts';
import { readImage } from '../../host/transport/firmware-image.ts';
import { BoardLine, cablePulled } from '../flash/board-line.ts';
import { boardWith, hostOf, ID, KEY } from './board.ts';

const light = readImage('light');
const password = vectorBlock(makePlan(light)).data;

let folder: string;
let store: ProbeStore;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'earl-security-flash-'));
  store = new ProbeStore(join(folder, 'probes'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What `earl flash light --runner bsl:… --on-chip light` does; `pullAt` pulls the cable at that frame. */
async function flash(board: Board, flags: IdentityFlags = {}, pullAt = Number.POSITIVE_INFINITY) {
  const line = new BoardLine(board);
  let frames = 0;
  line.onWrite = () => {
    if (++frames >= pullAt) throw cablePulled();
  };
  const plan = makePlan(light, { identity: identityChoice(flags, store) });
  const runner = bslRunner('bsl:test', async () => line, { stateFolder: join(folder, 'flash'), password });
  const result = await runner.flash(plan, { onProgress: () => {}, onNotice: () => {} }, new AbortController().signal);
  const note = result.record && storeIdentity(store, result.record, 'light');
  return { ...result, note, frames };
}

/** How the board fares at a gateway that meets it by air and has this store. */
async function byAir(board: Board) {
  const policy = new TrustPolicy({ mode: 'wired', store });
  const host = hostOf(board);
  const [first] = store.list();
  const id = first?.id ?? '0000000000000000';
  host.known.demand = policy.demand({ id, url: 'ble:x', kind: 'light', authenticates: true });
  await host.run(1500);
  return { ...host, id };
}

const onChip = (board: Board) => recordIn(Uint8Array.from({ length: 256 }, (_, at) => board.mcu.peek(0x1000 + at)));

test('a board without an id gets both, the store learns them, and the board proves it', async () => {
  const board = new Board({ image: light, alive: false });
  const { record } = await flash(board);
  expect(onChip(board)).toEqual(record);
  expect(store.list()).toEqual([
    { id: formatId(record!.id), key: formatKey(record!.key!), status: 'accepted', authenticates: true, kind: 'light' },
  ]);
  const { states, session } = await byAir(board);
  expect(states.at(-1)).toBe('online');
  expect(session.probe!.id).toEqual(record!.id);
});

test('flashed again it stays who it is, also after the record was lost on the chip', async () => {
  const board = boardWith('light', ID, KEY);
  store.put({ id: formatId(ID), key: formatKey(KEY), status: 'accepted' });
  expect((await flash(board)).record).toEqual({ id: ID, key: KEY });
  board.mcu.poke(0x1000, new Uint8Array(64).fill(0xff));
  expect((await flash(board, { id: ID })).record).toEqual({ id: ID, key: KEY });
  expect((await byAir(board)).states.at(-1)).toBe('online');
});

test('a board with a key that is not known here gets another: whoever had the first cannot pass for it', async () => {
  const board = boardWith('light', ID, KEY);
  const { record } = await flash(board);
  expect(record!.id).toEqual(ID);
  expect(record!.key).not.toEqual(KEY);
  expect((await byAir(boardWith('light', ID, KEY))).refusals).toEqual(['wrong_answer']);
  expect((await byAir(board)).states.at(-1)).toBe('online');
});

test('a flash that is interrupted tells the store nothing; the next one does', async () => {
  const board = boardWith('light', ID);
  const { frames } = await flash(boardWith('light', ID));
  store.remove(formatId(ID));
  await expect(flash(board, {}, frames - 4)).rejects.toMatchObject({ code: 'FLASH_LOST' });
  expect(store.list()).toEqual([]);
  const { record } = await flash(board);
  expect(onChip(board)).toEqual(record);
  expect(store.get(formatId(ID))?.key).toBe(formatKey(record!.key!));
  expect((await byAir(board)).states.at(-1)).toBe('online');
});

test('a store that cannot be used ends the flash before anything is erased', async () => {
  const board = boardWith('light', ID, KEY);
  store.put({ id: formatId(ID), key: formatKey(KEY), status: 'accepted' });
  rmSync(store.folder, { recursive: true });
  store = new ProbeStore(join(process.execPath, 'probes'));
  await expect(flash(board)).rejects.toMatchObject({ code: 'PROBES_FOLDER' });
  expect(onChip(board)).toEqual({ id: ID, key: KEY });
});

test('--key none takes the key from board and store, and the probe waits to be accepted', async () => {
  const board = boardWith('light', ID, KEY);
  store.put({ id: formatId(ID), key: formatKey(KEY), status: 'accepted' });
  const { note } = await flash(board, { key: 'none' });
  expect(onChip(board)).toEqual({ id: ID });
  expect(note).toContain('--without-key');
  expect(store.get(formatId(ID))).toEqual({ id: formatId(ID), status: 'waiting', authenticates: false });
});

test.skipIf(process.platform === 'win32')(
  'the backup of info memory, which holds the key, is for one pair of eyes',
  async () => {
    const board = boardWith('light', ID, KEY);
    const { backup } = await flash(board);
    expect(readFileSync(backup!, 'utf8')).toContain('EA 02');
    expect(statSync(backup!).mode & 0o777).toBe(0o600);
  },
);
