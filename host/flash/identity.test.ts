import { expect, test } from 'vitest';
import { imageFromWords } from '../emulator/image/words.ts';
import { buildInfoSegment, type InfoRecord } from '../link/index.ts';
import { type IdentityChoice, identityFor, isDemanding } from './identity.ts';
import { makePlan, plannedInfo, recordIn } from './plan.ts';

const filled = (length: number, byte: number) => new Uint8Array(length).fill(byte);
const ID = filled(8, 0x11);
const OTHER_ID = filled(8, 0x22);
const KEY = filled(16, 0x33);
const OTHER_KEY = filled(16, 0x44);
const DRAWN_ID = filled(8, 0x77);
const DRAWN_KEY = filled(16, 0x77);

/** @param known the key that the store has for ID */
function decide(options: Partial<IdentityChoice>, current?: InfoRecord, known?: Uint8Array) {
  const knownKey = (id: Uint8Array) => (id.every((byte, at) => byte === ID[at]) ? known : undefined);
  return identityFor({ knownKey, randomBytes: (length) => filled(length, 0x77), ...options }, current);
}

test.each<[string, Partial<IdentityChoice>, InfoRecord | undefined, Uint8Array | undefined, InfoRecord | undefined]>([
  ['an empty board gets both', {}, undefined, undefined, { id: DRAWN_ID, key: DRAWN_KEY }],
  ['an id of before keys is kept and gets a key', {}, { id: ID }, undefined, { id: ID, key: DRAWN_KEY }],
  ['a key that is known here stays', {}, { id: ID, key: KEY }, KEY, undefined],
  ['a key that nobody here knows is replaced', {}, { id: ID, key: KEY }, undefined, { id: ID, key: DRAWN_KEY }],
  ['another key than the known one is replaced by it', {}, { id: ID, key: OTHER_KEY }, KEY, { id: ID, key: KEY }],
  ['a board that lost its key gets the known one back', {}, { id: ID }, KEY, { id: ID, key: KEY }],
  ['an id that is known gets its key', { id: ID }, undefined, KEY, { id: ID, key: KEY }],
  [
    'another id does not take the key along',
    { id: OTHER_ID },
    { id: ID, key: KEY },
    KEY,
    { id: OTHER_ID, key: DRAWN_KEY },
  ],
  ['a key that is given', { key: OTHER_KEY }, { id: ID, key: KEY }, KEY, { id: ID, key: OTHER_KEY }],
  ['a key that is there already', { key: KEY }, { id: ID, key: KEY }, undefined, undefined],
  ['a new key on demand', { key: 'random' }, { id: ID, key: KEY }, KEY, { id: ID, key: DRAWN_KEY }],
  ['no key on demand', { key: 'none' }, { id: ID, key: KEY }, KEY, { id: ID }],
  ['no key, and none there', { key: 'none' }, { id: ID }, undefined, undefined],
  ['keep: no id stays no id', { id: 'keep' }, undefined, undefined, undefined],
  ['keep: an id gets its key', { id: 'keep' }, { id: ID }, undefined, { id: ID, key: DRAWN_KEY }],
  ['random', { id: 'random' }, { id: ID, key: KEY }, KEY, { id: DRAWN_ID, key: DRAWN_KEY }],
])('%s', (_, options, current, known, wanted) => {
  expect(decide(options, current, known)).toEqual(wanted);
});

test('a key without an id to go with is refused', () => {
  expect(() => decide({ id: 'keep', key: KEY })).toThrow(expect.objectContaining({ code: 'FLASH_NO_ID' }));
});

test('what a user demands', () => {
  const base = { knownKey: () => undefined, randomBytes: (length: number) => filled(length, 1) };
  expect([{}, { id: 'keep' as const }].map((flags) => isDemanding({ ...base, ...flags }))).toEqual([false, false]);
  expect([{ id: ID }, { key: 'none' as const }].map((flags) => isDemanding({ ...base, ...flags }))).toEqual([
    true,
    true,
  ]);
});

test('in info memory: segment D and nothing else, and an image that brings its own record keeps it', () => {
  const identity = { knownKey: () => undefined, randomBytes: (length: number) => filled(length, 0x77) };
  const program = imageFromWords([0x3fff]);
  const info = filled(256, 0xff);
  info.fill(0x5a, 64); // what a program kept, and the calibration
  const planned = plannedInfo(makePlan(program, { identity }), info);
  expect(recordIn(planned)).toEqual({ id: DRAWN_ID, key: DRAWN_KEY });
  expect(planned.subarray(64)).toEqual(info.subarray(64));
  const own = { ...program, segments: [...program.segments, { address: 0x1000, data: buildInfoSegment(ID, KEY) }] };
  expect(recordIn(plannedInfo(makePlan(own, { identity }), info))).toEqual({ id: ID, key: KEY });
});
