/** Keys and tokens for attackers: good ones by the cloud's own code, bad ones made by hand. */

import { createHmac, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readKeys, type Scopes, signToken } from '../../cloud/server/index.ts';

export const home: Scopes = { publish: ['home/#'], subscribe: ['home/#'], command: ['home/+'], serve: ['home/+'] };

export class KeyFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'earl-keys-'));
  readonly #secrets = new Map<string, Buffer>();

  /** Writes a key file, over an earlier one of the same id. */
  put(id: string, secret = randomBytes(32)): void {
    this.#secrets.set(id, secret);
    const jwk = { kty: 'oct', kid: id, alg: 'HS256', k: secret.toString('base64url') };
    writeFileSync(this.file(id), JSON.stringify(jwk), { mode: 0o600 });
  }

  file(id: string): string {
    return join(this.path, `${id}.json`);
  }

  secret(id: string): Buffer {
    return this.#secrets.get(id)!;
  }

  drop(id: string): void {
    rmSync(this.file(id));
  }

  /** A token as `earl token sign` makes it; `inMs` until it expires. */
  async token(
    scopes: Scopes,
    { subject = 'tester', inMs = 3_600_000, notBeforeInMs = 0, key = 'a' } = {},
  ): Promise<string> {
    const keys = await readKeys(this.file(key));
    const now = Date.now();
    const notBefore = notBeforeInMs === 0 ? {} : { notBeforeMs: now + notBeforeInMs };
    return signToken({ subject, scopes, expiresAtMs: now + inMs, ...notBefore }, keys.get(key)!);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Any header and payload, signed by HS256 with any secret. */
export function forged(header: object, payload: object, secret: Buffer | string = ''): string {
  const part = (content: object) => Buffer.from(JSON.stringify(content)).toString('base64url');
  const signed = `${part(header)}.${part(payload)}`;
  return `${signed}.${secret.length === 0 ? '' : createHmac('sha256', secret).update(signed).digest('base64url')}`;
}
