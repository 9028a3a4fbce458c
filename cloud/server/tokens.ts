/**
 * Who is let in: everybody, who shows the one plain token, or who shows a token signed with one of the cloud's keys.
 */

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { errorMessage } from '../../errors/index.ts';
import { FileWatch, stateOf } from './file-watch.ts';
import { allRights } from './rights.ts';
import { type Grant, TokenProblem, verifyToken } from './tokens-jwt.ts';
import { readKeys, type TokenKey } from './tokens-keys.ts';
import { Lease, type LeaseEvents } from './tokens-lease.ts';

/** Whether only this machine can reach an address that the server listens on. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}

export function generateToken(): string {
  return randomBytes(24).toString('base64url');
}

/** Compares without telling by its time how much of the token was right. */
function isSameToken(shown: string, token: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(shown), digest(token));
}

const everything: Grant = {
  rights: allRights,
  subject: undefined,
  key: undefined,
  expiresAtMs: Number.POSITIVE_INFINITY,
};

export class TokenGate {
  readonly #token: string | undefined;
  readonly #keysPath: string | undefined;
  #keys: ReadonlyMap<string, TokenKey> = new Map();
  #watch: FileWatch | undefined;
  /** Those that lived on signed tokens, to end when their key goes. */
  readonly #leases = new Set<Lease>();

  /** @param keysPath file or folder of keys; read by `start` */
  constructor(token: string | undefined, keysPath: string | undefined) {
    this.#token = token;
    this.#keysPath = keysPath;
  }

  /** No token is needed. */
  get isOpen(): boolean {
    return this.#token === undefined && this.#keysPath === undefined;
  }

  /**
   * Reads the keys, and again whenever they change. Rejects as `readKeys`.
   * Sessions whose key is gone are ended.
   */
  async start(everyMs: number, log: (line: string) => void): Promise<void> {
    const path = this.#keysPath;
    if (path === undefined) return;
    const seen = await stateOf([path]);
    this.#keys = await readKeys(path);
    this.#watch = new FileWatch([path], seen, everyMs, async () => {
      try {
        this.#keys = await readKeys(path);
        log(`tokens: ${this.#keys.size} keys in use: ${[...this.#keys.keys()].join(', ')}`);
        this.#revoke();
      } catch (error) {
        log(`tokens: the keys stay as they were: ${errorMessage(error)}`);
      }
    });
  }

  stop(): void {
    this.#watch?.close();
  }

  /** What the token gives; a promise only where a signature is checked. Throws or rejects with a `TokenProblem`. */
  admit(shown: string | undefined): Grant | Promise<Grant> {
    if (this.isOpen) return everything;
    if (shown === undefined) {
      throw new TokenProblem('a token is needed: the one that the cloud printed when it started, or one by earl token');
    }
    if (this.#token !== undefined && isSameToken(shown, this.#token)) return everything;
    if (this.#keysPath === undefined) throw new TokenProblem('the token is wrong');
    return verifyToken(shown, this.#keys);
  }

  /** Begins to watch over the grant of a session, which closes the lease when it ends. */
  lease(grant: Grant, warningMs: number, events: LeaseEvents): Lease {
    const lease = new Lease(grant, warningMs, events, (closed) => this.#leases.delete(closed));
    if (grant.key !== undefined) this.#leases.add(lease);
    return lease;
  }

  #revoke(): void {
    for (const lease of [...this.#leases]) {
      const { key } = lease.grant;
      if (key === undefined || this.#keys.get(key.id)?.fingerprint === key.fingerprint) continue;
      lease.revoke(new TokenProblem('the key that signed the token was withdrawn'));
    }
  }
}
