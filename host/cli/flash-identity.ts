/**
 * Ids and keys at flash time: what the options say, and what the store of known probes gets to know once a board is
 * verified, never before.
 */

import { InvalidArgumentError } from 'commander';
import { EarlError, errorMessage } from '../../errors/index.ts';
import type { IdentityChoice } from '../flash/index.ts';
import { formatId, formatKey, type InfoRecord, parseId, parseKey } from '../link/index.ts';
import type { ProbeStore } from '../probes/index.ts';

export type IdChoice = NonNullable<IdentityChoice['id']>;
export type KeyChoice = NonNullable<IdentityChoice['key']>;

export interface IdentityFlags {
  readonly id?: IdChoice;
  readonly key?: KeyChoice;
}

/** What is known here is looked up in the store, which must be usable before anything is erased. */
export function identityChoice({ id, key }: IdentityFlags, store: ProbeStore): IdentityChoice {
  store.open();
  return {
    ...(id !== undefined && { id }),
    ...(key !== undefined && { key }),
    knownKey: (of) => {
      const known = store.get(formatId(of))?.key;
      return known === undefined ? undefined : parseKey(known);
    },
    randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  };
}

/**
 * Puts what a board holds now into the store: accepted, because whoever flashed it here had it in hand. One that was refused
 * stays so. A board without a key that is known by one here waits to be accepted: its id proves nothing any more.
 * @returns a note for the user, if there is something to say
 */
export function storeIdentity(store: ProbeStore, { id, key }: InfoRecord, kind: string): string | undefined {
  const name = formatId(id);
  try {
    const record = store.update(name, (before) => {
      if (key === undefined)
        return before === undefined ? undefined : { ...withoutKeyOf(before), status: 'waiting', authenticates: false };
      const status = before?.status === 'refused' ? 'refused' : 'accepted';
      return { ...before, id: name, key: formatKey(key), status, authenticates: true, ...(kind !== '' && { kind }) };
    });
    if (key === undefined) return 'the board has no key: by air it is let in only by earl probes accept --without-key';
    if (record?.status === 'refused') return `you refused probe ${name}: earl probes accept ${name} lets it in again`;
    return undefined;
  } catch (error) {
    throw new EarlError(
      'PROBES_FOLDER',
      `the board is flashed and verified, but its key could not be stored (${errorMessage(error)}): flash it again with ` +
        '--key random when that is mended',
      { cause: error },
    );
  }
}

function withoutKeyOf<Rec extends { readonly key?: string }>({ key: _, ...rest }: Rec): Omit<Rec, 'key'> {
  return rest;
}

export function parseIdChoice(text: string): IdChoice {
  if (text === 'keep' || text === 'random') return text;
  return checked(() => parseId(text));
}

export function parseKeyChoice(text: string): KeyChoice {
  if (text === 'none' || text === 'random') return text;
  return checked(() => parseKey(text));
}

function checked<Value>(parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    throw new InvalidArgumentError(errorMessage(error));
  }
}
