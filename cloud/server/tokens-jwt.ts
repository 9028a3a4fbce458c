/**
 * Signed tokens (JWT, RFC 7519): made by `earl token`, checked by the cloud. The library `jose` signs and verifies.
 *
 *     {"sub":"gateway-3f9a","iat":…,"exp":…,"earl":{"publish":["home/#"],"serve":["home/+"]}}
 *
 * `sub` and `exp` must be there, `nbf` may be; `earl` has the filters per action (rights.ts).
 */

import { decodeJwt, errors, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import { EarlError } from '../../errors/index.ts';
import { filterProblem, isReserved, limits } from '../protocol/index.ts';
import { actions, Rights, type Scopes } from './rights.ts';
import type { TokenKey } from './tokens-keys.ts';

/** What a token that has been accepted gives its bearer. */
export interface Grant {
  readonly rights: Rights;
  /** Who the bearer is; undefined for the one plain token, and where none is needed. */
  readonly subject: string | undefined;
  /** Id and fingerprint of the key that signed. */
  readonly key: Pick<TokenKey, 'id' | 'fingerprint'> | undefined;
  /** Wall clock; Infinity for what does not expire. */
  readonly expiresAtMs: number;
}

/** Why a token is not accepted, in words that hold nothing of it. */
export class TokenProblem extends Error {
  readonly expired: boolean;

  constructor(message: string, expired = false) {
    super(message);
    this.expired = expired;
  }
}

const mostFilters = 64;
const mostSubject = 128;

/** Rejects with a `TokenProblem`. */
export async function verifyToken(token: string, keys: ReadonlyMap<string, TokenKey>): Promise<Grant> {
  let used: TokenKey | undefined;
  const keyOf = ({ kid, alg }: { kid?: string; alg?: string }) => {
    used = kid === undefined ? undefined : keys.get(kid);
    if (used === undefined) throw new TokenProblem('the token was signed with a key that this cloud does not know');
    if (alg !== used.algorithm) throw new TokenProblem('the token says another algorithm than its key');
    return used.verifier;
  };
  try {
    const { payload } = await jwtVerify(token, keyOf, {
      algorithms: ['HS256', 'EdDSA'],
      requiredClaims: ['sub', 'exp'],
    });
    return grantOf(payload, used!);
  } catch (error) {
    throw error instanceof TokenProblem
      ? error
      : new TokenProblem(problemOf(error), error instanceof errors.JWTExpired);
  }
}

function grantOf(payload: JWTPayload, { id, fingerprint }: TokenKey): Grant {
  const { sub, exp } = payload;
  if (typeof sub !== 'string' || sub === '' || sub.length > mostSubject) {
    throw new TokenProblem(`the token's "sub" must be a text of 1 to ${mostSubject} characters`);
  }
  return {
    rights: new Rights(scopesOf(payload.earl)),
    subject: sub,
    key: { id, fingerprint },
    expiresAtMs: exp! * 1000,
  };
}

function scopesOf(claim: unknown): Scopes {
  if (typeof claim !== 'object' || claim === null || Array.isArray(claim)) {
    throw new TokenProblem('the token has no claim "earl" that says what it allows');
  }
  const scopes = claim as Record<string, unknown>;
  const known = actions.filter((action) => Object.hasOwn(scopes, action));
  for (const action of known) {
    const problem = scopeProblem(scopes[action]);
    if (problem !== undefined) throw new TokenProblem(`what the token allows to ${action}: ${problem}`);
  }
  return Object.fromEntries(known.map((action) => [action, scopes[action]]));
}

function scopeProblem(filters: unknown): string | undefined {
  if (!Array.isArray(filters) || filters.length > mostFilters) return `must be at most ${mostFilters} filters`;
  for (const filter of filters) {
    if (typeof filter !== 'string') return 'must be filters';
    const problem = isReserved(filter) ? 'the filter must not begin with $' : filterProblem(filter);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** `jose` verifies the signature first: only who has a key hears about the claims. */
function problemOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'the token has expired';
  if (error instanceof errors.JWTClaimValidationFailed) {
    return error.claim === 'nbf'
      ? 'the token is not valid yet'
      : `the token's claim "${error.claim}" is missing or wrong`;
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'the token is wrong: its signature does not fit';
  if (error instanceof errors.JOSEAlgNotAllowed) return "the token's algorithm is not allowed";
  return 'the token is wrong: no JWT signed for this cloud';
}

export interface TokenWishes {
  readonly subject: string;
  readonly scopes: Scopes;
  readonly expiresAtMs: number;
  readonly notBeforeMs?: number;
}

/** Makes a token. Throws `USAGE` for what no cloud would accept. */
export async function signToken(wishes: TokenWishes, key: TokenKey): Promise<string> {
  const { subject, scopes, expiresAtMs, notBeforeMs } = wishes;
  if (key.signer === undefined) {
    throw new EarlError('USAGE', `the key ${key.id} is a public one: signing needs the private file`);
  }
  if (subject === '' || subject.length > mostSubject) {
    throw new EarlError('USAGE', `a subject has 1 to ${mostSubject} characters`);
  }
  for (const action of actions) {
    const problem = scopes[action] && scopeProblem(scopes[action]);
    if (problem !== undefined) throw new EarlError('USAGE', `--${action}: ${problem}`);
  }
  const jwt = new SignJWT({ earl: scopes as Record<string, readonly string[]> })
    .setProtectedHeader({ alg: key.algorithm, kid: key.id, typ: 'JWT' })
    .setSubject(subject)
    .setIssuedAt()
    .setExpirationTime(Math.floor(expiresAtMs / 1000));
  if (notBeforeMs !== undefined) jwt.setNotBefore(Math.floor(notBeforeMs / 1000));
  const token = await jwt.sign(key.signer);
  if (token.length <= limits.tokenLength) return token;
  throw new EarlError(
    'USAGE',
    `the token would have ${token.length} characters of at most ${limits.tokenLength}: use wildcards`,
  );
}

/** What a token says, unproven. Throws `USAGE` when it is no JWT. */
export function tokenClaims(token: string): JWTPayload {
  try {
    return decodeJwt(token);
  } catch {
    throw new EarlError('USAGE', 'this is no JWT');
  }
}
