/**
 * Which id and key a board has after it was flashed, given what is on it, what the user wants and which keys are known.
 *
 * Unless the user says otherwise a board keeps who it is: its id, and its key when that is the one known here. A board
 * without an id gets one, and one whose key nobody here knows gets another, so that whoever flashed it before cannot pass
 * for it.
 */

import { EarlError } from '../../errors/index.ts';
import { type InfoRecord, randomId, randomKey } from '../link/index.ts';

export interface IdentityChoice {
  /** `keep`: the board's or none. Absent: the board's, or a new one. */
  readonly id?: Uint8Array | 'keep' | 'random';
  /** `none`: no key. Absent: the board's if it is the known one, else the known one, else a new one. */
  readonly key?: Uint8Array | 'none' | 'random';
  /** The key that is known of a probe. What it throws ends the flash before anything is erased. */
  readonly knownKey: (id: Uint8Array) => Uint8Array | undefined;
  /** Of a cryptographic source. */
  readonly randomBytes: (length: number) => Uint8Array;
}

/**
 * The record to write; `undefined` when what is there shall stay. Throws `FLASH_NO_ID` when a key is wanted for a board that
 * shall have no id.
 * @param current what is on the board; `undefined` when there is no good record
 */
export function identityFor(choice: IdentityChoice, current: InfoRecord | undefined): InfoRecord | undefined {
  const id = idFor(choice, current);
  if (id === undefined) {
    if (choice.key === undefined || choice.key === 'none') return undefined;
    throw new EarlError(
      'FLASH_NO_ID',
      'the board has no id to go with a key: give it one with --id random. Nothing was changed',
    );
  }
  const key = keyFor(choice, id, current);
  const wanted = key === undefined ? { id } : { id, key };
  return current !== undefined && sameRecord(wanted, current) ? undefined : wanted;
}

/** Whether anything must be as the user said; otherwise a board whose record cannot be changed may keep it. */
export function isDemanding({ id, key }: IdentityChoice): boolean {
  return (id !== undefined && id !== 'keep') || key !== undefined;
}

function idFor({ id, randomBytes }: IdentityChoice, current: InfoRecord | undefined): Uint8Array | undefined {
  if (id instanceof Uint8Array) return id;
  if (id === 'random' || (id === undefined && current === undefined)) return randomId(randomBytes);
  return current?.id;
}

function keyFor(choice: IdentityChoice, id: Uint8Array, current: InfoRecord | undefined): Uint8Array | undefined {
  const { key, knownKey, randomBytes } = choice;
  if (key instanceof Uint8Array) return key;
  if (key === 'none') return undefined;
  const known = key === 'random' ? undefined : knownKey(id);
  const held = current !== undefined && sameBytes(current.id, id) ? current.key : undefined;
  if (known !== undefined && held !== undefined && sameBytes(known, held)) return held;
  return known ?? randomKey(randomBytes);
}

function sameRecord(a: InfoRecord, b: InfoRecord): boolean {
  if (a.key === undefined || b.key === undefined) return a.key === b.key && sameBytes(a.id, b.id);
  return sameBytes(a.id, b.id) && sameBytes(a.key, b.key);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
