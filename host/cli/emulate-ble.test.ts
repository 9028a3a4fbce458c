/** Keys of boards on the air, and what a fleet says of its limit. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { formatKey, parseId } from '../link/index.ts';
import { ProbeStore } from '../probes/index.ts';
import { parseKeyChoice, provisionKey } from './emulate-ble.ts';
import { limitOf } from './fleet-ble.ts';

const ID = '02c0ffee00000001';

describe('provisionKey', () => {
  let folder: string;
  let store: ProbeStore;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'earl-keys-'));
    store = new ProbeStore(folder);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('draws a key, tells the store, and keeps it when the same board is switched on again', () => {
    const key = provisionKey(parseId(ID), 'arm', 'random', store)!;
    expect(store.get(ID)).toEqual({ id: ID, key: formatKey(key), status: 'accepted', kind: 'arm' });
    expect(formatKey(provisionKey(parseId(ID), 'arm', 'random', store)!)).toBe(formatKey(key));
    const other = provisionKey(parseId('02c0ffee00000002'), 'arm', 'random', store)!;
    expect(formatKey(other)).not.toBe(formatKey(key));
  });

  it('takes the key that it is given', () => {
    provisionKey(parseId(ID), 'arm', 'random', store);
    const key = parseKeyChoice('000102030405060708090a0b0c0d0e0f');
    expect(provisionKey(parseId(ID), 'arm', key, store)).toEqual(key);
    expect(store.get(ID)!.key).toBe('000102030405060708090a0b0c0d0e0f');
  });

  it('leaves the store alone without a key', () => {
    expect(provisionKey(parseId(ID), 'arm', 'none', store)).toBeUndefined();
    expect(store.list()).toEqual([]);
  });

  it('does not accept whom the user refused, and says so', () => {
    const said = vi.spyOn(console, 'error').mockImplementation(() => {});
    store.put({ id: ID, status: 'refused', reason: 'lost in the tram' });
    provisionKey(parseId(ID), 'arm', 'random', store);
    expect(store.get(ID)).toMatchObject({ status: 'refused', reason: 'lost in the tram' });
    expect(said.mock.calls.flat().join()).toContain('you refused');
    said.mockRestore();
  });
});

describe('the limit of a fleet', () => {
  const well = { count: 10, most_connected: 10, event_loop_busy: 0.17, worst_lag_ms: 0, lost_to_air: 0 };

  it.each([
    [{ event_loop_busy: 0.95 }, /^this process: .* 95 % busy/],
    [{ worst_lag_ms: 400 }, /^this process/],
    [{ lost_to_air: 12 }, /^the air: 12 bytes/],
    [{ most_connected: 0 }, /earl gateway --ble/],
    [{ most_connected: 7 }, /^the central: at most 7 of 10/],
    [{}, /^nothing yet: at 17 % for 10 probes.* about 50$/],
  ])('with %j', (figures, sentence) => {
    expect(limitOf({ ...well, ...figures })).toMatch(sentence);
  });
});
