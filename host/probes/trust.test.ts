import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ProbeRecord } from './record.ts';
import { ProbeStore } from './store.ts';
import { exportText, importRecords } from './transfer.ts';
import { type Claim, isWired, MAX_WAITING, parseTrustMode, remedyOf, type TrustMode, TrustPolicy } from './trust.ts';

const ID = '02c0ffee00000001';
const KEY = '00112233445566778899aabbccddeeff';
const OTHER_KEY = 'ff112233445566778899aabbccddeeff';

let root: string;
let store: ProbeStore;
let now: number;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'earl-trust-'));
  store = new ProbeStore(root);
  now = Date.UTC(2026, 0, 1);
});
afterEach(() => rmSync(root, { recursive: true }));

const policy = (mode: TrustMode) => new TrustPolicy({ mode, store, wallMs: () => now });
const claim = (url: string, authenticates = true): Claim => ({ id: ID, url, kind: 'ball', authenticates });

/** `none`, `proof`, or the code of the refusal. */
function decided(mode: TrustMode, url: string, authenticates = true): string {
  const demand = policy(mode).demand(claim(url, authenticates));
  return demand.kind === 'refuse' ? demand.refusal.code : demand.kind;
}

const WIRE = 'serial:/dev/ttyACM0';
const AIR = 'ble:aa:bb:cc:dd:ee:ff';

test.each<
  [string, Partial<ProbeRecord> | undefined, [wired: [string, string], none: [string, string], all: [string, string]]]
>([
  //                                             on a wire, by air; with --trust wired, none, all
  [
    'a stranger',
    undefined,
    [
      ['none', 'unknown'],
      ['unknown', 'unknown'],
      ['none', 'none'],
    ],
  ],
  [
    'one that waits',
    { status: 'waiting' },
    [
      ['none', 'unknown'],
      ['unknown', 'unknown'],
      ['none', 'none'],
    ],
  ],
  [
    'accepted with a key',
    { status: 'accepted', key: KEY },
    [
      ['proof', 'proof'],
      ['proof', 'proof'],
      ['none', 'none'],
    ],
  ],
  [
    'accepted without',
    { status: 'accepted' },
    [
      ['none', 'none'],
      ['none', 'none'],
      ['none', 'none'],
    ],
  ],
  [
    'waiting with a key',
    { status: 'waiting', key: KEY },
    [
      ['proof', 'unknown'],
      ['unknown', 'unknown'],
      ['none', 'none'],
    ],
  ],
  [
    'refused',
    { status: 'refused', key: KEY },
    [
      ['refused', 'refused'],
      ['refused', 'refused'],
      ['none', 'none'],
    ],
  ],
])('%s', (_, record, [wired, none, all]) => {
  if (record) store.put({ id: ID, status: 'waiting', ...record });
  expect([WIRE, AIR].map((url) => decided('wired', url))).toEqual(wired);
  expect([WIRE, AIR].map((url) => decided('none', url))).toEqual(none);
  expect([WIRE, AIR].map((url) => decided('all', url))).toEqual(all);
});

test('a known key and a claim to have none is a downgrade, on a wire too', () => {
  store.put({ id: ID, status: 'accepted', key: KEY });
  expect([decided('wired', WIRE, false), decided('wired', AIR, false)]).toEqual(['downgrade', 'downgrade']);
});

test('what the gateway emulates itself need not prove it to itself, but may be refused', () => {
  store.put({ id: ID, status: 'accepted', key: KEY });
  expect([decided('wired', 'emu:ball', false), decided('none', 'emu:ball')]).toEqual(['none', 'proof']);
  store.put({ id: ID, status: 'refused' });
  expect(decided('wired', 'emu:ball')).toBe('refused');
});

test('a damaged record lets nobody in', () => {
  store.put({ id: ID, status: 'accepted', key: KEY });
  writeFileSync(join(root, `${ID}.json`), '{');
  expect(() => policy('wired').demand(claim(WIRE))).toThrow(expect.objectContaining({ code: 'PROBES_DAMAGED' }));
});

test('what is a wire', () => {
  for (const url of [
    'emu:ball',
    'serial:/dev/ttyACM0',
    'serial:COM3?baud=9600',
    'tcp:127.0.0.1:4000',
    'tcp:localhost:4000',
    'tcp:[::1]:4000',
    'rfc2217://127.0.0.1:4000?baud=9600',
  ]) {
    expect(isWired(url), url).toBe(true);
  }
  for (const url of [
    'ble:Earl44556677',
    'tcp:192.168.1.5:4000',
    'tcp:127.0.0.1.example.org:4000',
    'tcp:localhost.example.org:1',
    'tcp:[2001:db8::1]:1',
    'rfc2217://10.0.0.1:4000',
    'serial:/dev/rfcomm0',
    'serial:/dev/tty.Bluetooth-Incoming-Port',
    'new:thing',
  ]) {
    expect(isWired(url), url).toBe(false);
  }
});

test('strangers are noted once a minute; those of whom nothing is asked leave no trace', () => {
  const wired = policy('wired');
  const refusal = { code: 'unknown', message: '' } as const;
  wired.note(claim(WIRE));
  expect(store.list()).toEqual([]);
  wired.note(claim(AIR), refusal);
  expect(store.get(ID)).toEqual({
    id: ID,
    status: 'waiting',
    kind: 'ball',
    via: AIR,
    authenticates: true,
    firstSeenAt: '2026-01-01T00:00:00.000Z',
    lastSeenAt: '2026-01-01T00:00:00.000Z',
  });
  now += 30_000;
  wired.note(claim(AIR), refusal);
  expect(store.get(ID)?.lastSeenAt).toBe('2026-01-01T00:00:00.000Z');
  now += 31_000;
  wired.note(claim(AIR), refusal);
  expect(store.get(ID)).toMatchObject({
    firstSeenAt: '2026-01-01T00:00:00.000Z',
    lastSeenAt: '2026-01-01T00:01:01.000Z',
  });
});

test('a claim that was not proven changes nothing of a probe that the user knows', () => {
  const record: ProbeRecord = { id: ID, status: 'accepted', key: KEY, via: WIRE, kind: 'arm' };
  store.put(record);
  policy('wired').note(claim(AIR, false), { code: 'downgrade', message: '' });
  expect(store.get(ID)).toEqual(record);
  policy('wired').note(claim(AIR));
  expect(store.get(ID)).toMatchObject({ status: 'accepted', key: KEY, via: AIR, kind: 'ball' });
});

test('strangers without end: the one not seen for longest is forgotten, those that were decided never', () => {
  store.put({ id: ID, status: 'accepted', key: KEY });
  const wired = policy('wired');
  const idOf = (n: number) => `ee${n.toString(16).padStart(14, '0')}`;
  for (let n = 0; n < MAX_WAITING + 3; n++) {
    now += 1000;
    wired.note({ ...claim(AIR), id: idOf(n) }, { code: 'unknown', message: '' });
  }
  const ids = store.list().map(({ id }) => id);
  expect(ids).toHaveLength(MAX_WAITING + 1);
  expect(ids).toContain(ID);
  expect(ids).not.toContain(idOf(2));
  expect(ids).toContain(idOf(3));
});

test('every refusal says what to type, where typing helps', () => {
  const remedy = (code: Parameters<typeof remedyOf>[1]['code'], authenticates = true) =>
    remedyOf({ id: ID, authenticates }, { code, message: '' });
  expect(remedy('unknown', false)).toBe(`earl probes accept ${ID}`);
  expect(remedy('unknown')).toBe(`earl probes accept ${ID} --key HEX`);
  expect(remedy('no_key')).toBe(`earl probes accept ${ID} --without-key`);
  expect(remedy('wrong_answer')).toContain('--key HEX');
  expect(remedy('no_answer')).toBe('');
});

test('--trust takes three words', () => {
  expect(parseTrustMode('none')).toBe('none');
  expect(() => parseTrustMode('some')).toThrow(expect.objectContaining({ code: 'USAGE' }));
});

test('records move to another machine with their keys; without keys nobody becomes trusted on its word', () => {
  const records: ProbeRecord[] = [
    { id: ID, status: 'accepted', key: KEY },
    { id: '02c0ffee00000002', status: 'refused' },
  ];
  const secret = exportText(records, true);
  expect(importRecords(store, secret, false)).toEqual({ added: records.map(({ id }) => id), same: [], replaced: [] });
  expect(store.list()).toEqual(records);
  expect(importRecords(store, secret, false)).toMatchObject({ added: [], same: records.map(({ id }) => id) });
  const open = exportText(records, false);
  expect(open).not.toContain(KEY);
  const elsewhere = new ProbeStore(join(root, 'elsewhere'));
  importRecords(elsewhere, open, false);
  expect(elsewhere.get(ID)).toEqual({ id: ID, status: 'waiting' });
  importRecords(elsewhere, secret, false);
  expect(elsewhere.get(ID)).toEqual(records[0]);
});

test('an import that contradicts what is known changes nothing, unless it shall', () => {
  store.put({ id: ID, status: 'accepted', key: KEY });
  const other: ProbeRecord[] = [
    { id: '02c0ffee00000009', status: 'accepted' },
    { id: ID, status: 'accepted', key: OTHER_KEY },
  ];
  expect(() => importRecords(store, exportText(other, true), false)).toThrow(
    expect.objectContaining({ code: 'PROBES_CONFLICT', message: expect.stringContaining(ID) }),
  );
  expect(store.list()).toEqual([{ id: ID, status: 'accepted', key: KEY }]);
  expect(importRecords(store, exportText(other, true), true)).toMatchObject({ replaced: [ID] });
  expect(store.get(ID)?.key).toBe(OTHER_KEY);
  for (const bad of [
    '',
    '{}',
    '[]',
    '{"format":"earl-probes-1","probes":[{}]}',
    exportText([...other, ...other], true),
  ]) {
    expect(() => importRecords(store, bad, true), bad.slice(0, 40)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^PROBES_/) }),
    );
  }
});
