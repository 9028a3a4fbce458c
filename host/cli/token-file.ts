/**
 * What a command shows a cloud: `--token TEXT`, or `--token-file FILE`, whose content is read anew for each connection,
 * when the cloud says that the token expires, and when the file changes. So a gateway runs on while something else puts
 * a new token in place (write a file beside it and rename, or write it at once: half a token is not taken).
 *
 * A token that is a JWT tells when it expires (RFC 7519, section 4.1.4): one that has is not shown.
 */

import { readFileSync, statSync } from 'node:fs';
import type { Command } from 'commander';
import { EarlError, errorMessage } from '../../errors/index.ts';

export interface TokenFlags {
  readonly token?: string;
  readonly tokenFile?: string;
}

/** A token, or where it stands. */
export type TokenSource = string | TokenFile;

const longestToken = 4096;
/** Between two looks at whether the file has changed. */
const watchMs = 1000;

/** Adds the options that say what the cloud is shown. */
export function withTokenOptions(command: Command, wanted = 'what the cloud asks for, if it does'): Command {
  return command
    .option('--token <text>', wanted)
    .option('--token-file <file>', 'file with the token, read again when it changes or expires');
}

/** What the options say. Throws `USAGE` when they say both, `TOKEN_FILE` when the file cannot be read. */
export function tokenSource({ token, tokenFile }: TokenFlags): TokenSource | undefined {
  if (tokenFile === undefined) return token;
  if (token !== undefined) throw new EarlError('USAGE', 'give --token or --token-file, not both');
  const file = new TokenFile(tokenFile);
  file.content();
  return file;
}

/** The token of now. Throws as `TokenFile.read`. */
export function tokenOf(source: TokenSource | undefined): string | undefined {
  return typeof source === 'object' ? source.read() : source;
}

export class TokenFile {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /**
   * The token in the file. Throws `TOKEN_FILE` when it cannot be read or holds none, `TOKEN_EXPIRED` when it has expired,
   * `TOKEN_REFUSED` when it is the one that the cloud refused.
   */
  read(refused?: string): string {
    const token = this.content();
    const expiresAtMs = expiryOf(token);
    const remedy = 'put a new one there (earl token sign makes one): it is read again by itself';
    if (expiresAtMs !== undefined && expiresAtMs <= Date.now()) {
      const when = new Date(expiresAtMs).toISOString();
      throw new EarlError('TOKEN_EXPIRED', `the token in ${this.path} expired at ${when}: ${remedy}`);
    }
    if (token === refused)
      throw new EarlError('TOKEN_REFUSED', `the cloud refuses the token in ${this.path}: ${remedy}`);
    return token;
  }

  /** Whatever token the file holds. Throws `TOKEN_FILE`. */
  content(): string {
    let text: string;
    try {
      text = readFileSync(this.path, 'utf8').trim();
    } catch (cause) {
      throw new EarlError('TOKEN_FILE', `the token cannot be read: ${errorMessage(cause)}`, { cause });
    }
    if (text !== '' && text.length <= longestToken && !/\s/.test(text)) return text;
    throw new EarlError('TOKEN_FILE', `${this.path} holds no token: it must hold one and nothing else`);
  }

  /** Calls when the file has become another. Returns what ends it. */
  watch(changed: () => void): () => void {
    let before = this.#stamp();
    const timer = setInterval(() => {
      const now = this.#stamp();
      if (now === before) return;
      before = now;
      changed();
    }, watchMs);
    timer.unref();
    return () => clearInterval(timer);
  }

  #stamp(): string {
    try {
      const { mtimeMs, size, ino } = statSync(this.path);
      return `${mtimeMs} ${size} ${ino}`;
    } catch {
      return '';
    }
  }
}

/** When a JWT expires; undefined when it does not say, or is none. */
function expiryOf(token: string): number | undefined {
  const payload = token.split('.')[1];
  if (payload === undefined) return undefined;
  try {
    const { exp } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as { exp?: unknown };
    return typeof exp === 'number' ? exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}
