/**
 * The keys that signed tokens are checked with: a file or a folder of `*.json`, each a JWK or a JWK set (RFC 7517).
 *
 * HS256 (RFC 7518, section 3.2) and EdDSA with Ed25519 (RFC 8037). A key has an id and says its algorithm, and a token
 * is checked with the algorithm of its key, never with one that the token chooses. Rotation: put the new key beside the
 * old one, sign with the new, take the old away when its last token has expired. The files are read again when they
 * change; files that cannot be read or are wrong leave the keys as they were.
 */

import { createHash, createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { EarlError, errorMessage } from '../../errors/index.ts';

export type TokenAlgorithm = 'HS256' | 'EdDSA';

export interface TokenKey {
  readonly id: string;
  readonly algorithm: TokenAlgorithm;
  /** Checks signatures: the secret of HS256, the public half of EdDSA. */
  readonly verifier: Uint8Array | KeyObject;
  /** Makes signatures; undefined where only the public half is known. */
  readonly signer: Uint8Array | KeyObject | undefined;
  /** The same for the same key under the same id. */
  readonly fingerprint: string;
}

interface Jwk {
  readonly kty?: unknown;
  readonly kid?: unknown;
  readonly alg?: unknown;
  readonly crv?: unknown;
  readonly k?: unknown;
  readonly x?: unknown;
  readonly d?: unknown;
}

const mostKeys = 256;
const mostFileBytes = 256 * 1024;

/** The keys of a file or folder by their ids. Throws `KEYS_BAD` or `KEYS_PERMISSION`, never with a key in the text. */
export async function readKeys(path: string): Promise<ReadonlyMap<string, TokenKey>> {
  const files = await filesOf(path);
  const keys = new Map<string, TokenKey>();
  for (const file of files) {
    for (const key of await keysOfFile(file)) {
      if (keys.has(key.id)) throw new EarlError('KEYS_BAD', `${file}: another key has the id ${key.id} already`);
      keys.set(key.id, key);
    }
  }
  if (keys.size === 0) throw new EarlError('KEYS_BAD', `${path} holds no key: make one with earl token key --out FILE`);
  if (keys.size > mostKeys) throw new EarlError('KEYS_BAD', `${path} holds more than ${mostKeys} keys`);
  return keys;
}

/** A file as it is, a folder as its `*.json`. */
async function filesOf(path: string): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const names = (await readdir(path)).filter((name) => name.endsWith('.json') && !name.startsWith('.'));
    return names.sort().map((name) => join(path, name));
  } catch (error) {
    throw new EarlError('KEYS_BAD', `the keys cannot be read: ${errorMessage(error)}`, { cause: error });
  }
}

async function keysOfFile(file: string): Promise<TokenKey[]> {
  const bad = (problem: string) => new EarlError('KEYS_BAD', `${file}: ${problem}`);
  const { size, mode } = await stat(file);
  if (size > mostFileBytes) throw bad(`longer than ${mostFileBytes} bytes: no key file`);
  let content: unknown;
  try {
    content = JSON.parse(await readFile(file, 'utf8'));
  } catch {
    // The parser's own message quotes the text, which may be a secret.
    throw bad('not JSON; a key file is a JWK or a JWK set (RFC 7517)');
  }
  if (typeof content !== 'object' || content === null) throw bad('neither a JWK nor a JWK set (RFC 7517)');
  const list = 'keys' in content ? content.keys : [content];
  if (!Array.isArray(list)) throw bad('"keys" must be an array');
  const keys = list.map((jwk, index) => {
    const key = typeof jwk === 'object' && jwk !== null ? keyOf(jwk as Jwk) : 'not an object';
    if (typeof key === 'string') throw bad(`key ${index + 1}: ${key}`);
    return key;
  });
  if (process.platform !== 'win32' && (mode & 0o077) !== 0 && keys.some(({ signer }) => signer !== undefined)) {
    throw new EarlError('KEYS_PERMISSION', `${file} holds a secret and others may read it: chmod 600 ${file}`);
  }
  return keys;
}

/** A key, or what is wrong with it. */
function keyOf(jwk: Jwk): TokenKey | string {
  const { kty, kid, alg } = jwk;
  if (typeof kid !== 'string' || kid === '' || kid.length > 128) return '"kid" must be a text of 1 to 128 characters';
  if (kty === 'oct') return alg === 'HS256' ? secretKey(kid, jwk) : '"alg" of a secret must be HS256';
  if (kty === 'OKP' && jwk.crv === 'Ed25519') {
    return alg === 'EdDSA' || alg === 'Ed25519' ? pairOfKeys(kid, jwk) : '"alg" of an Ed25519 key must be EdDSA';
  }
  return 'only secrets for HS256 ("kty":"oct") and Ed25519 keys ("kty":"OKP") are known';
}

function secretKey(id: string, { k }: Jwk): TokenKey | string {
  const secret = Buffer.from(typeof k === 'string' ? k : '', 'base64url');
  if (secret.length < 32) return 'the secret "k" must have at least 32 bytes (RFC 7518, section 3.2)';
  return { id, algorithm: 'HS256', verifier: secret, signer: secret, fingerprint: fingerprint(secret) };
}

function pairOfKeys(id: string, { x, d }: Jwk): TokenKey | string {
  try {
    const shared = { kty: 'OKP', crv: 'Ed25519', x } as JsonWebKey;
    const verifier = createPublicKey({ key: shared, format: 'jwk' });
    const signer =
      d === undefined ? undefined : createPrivateKey({ key: { ...shared, d } as JsonWebKey, format: 'jwk' });
    const bytes = verifier.export({ type: 'spki', format: 'der' });
    if (signer && !createPublicKey(signer).export({ type: 'spki', format: 'der' }).equals(bytes)) {
      return '"d" and "x" are not of the same key';
    }
    return { id, algorithm: 'EdDSA', verifier, signer, fingerprint: fingerprint(bytes) };
  } catch {
    return '"x" (and "d") are no Ed25519 key';
  }
}

function fingerprint(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64url');
}
