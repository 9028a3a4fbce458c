/**
 * Where a hub listens: a Unix domain socket in a folder of its own that nobody else may enter.
 *
 * The folder's name tells the process that made it, so that what a killed one left behind is recognised and removed by
 * the next. A number that another process has by now keeps its leftover until that one ends: harmless, and only a name.
 */

import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EarlError, errorMessage } from '../../errors/index.ts';

const prefix = 'earl-hub-';
/** Longest path of a socket: `sun_path` of macOS, less than that of Linux (108). */
const mostPathBytes = 103;

export class HubFolder {
  readonly socket: string;
  readonly #path: string;

  /** Makes the folder, mode 0700. Throws `HUB_FAILED`. */
  constructor(parent = tmpdir()) {
    removeLeftovers(parent);
    this.#path = join(parent, `${prefix}${process.pid}-${randomBytes(6).toString('hex')}`);
    this.socket = join(this.#path, 'hub.sock');
    if (Buffer.byteLength(this.socket) > mostPathBytes) {
      throw new EarlError('HUB_FAILED', `${parent} is too long a path for a socket: set TMPDIR to a shorter one`);
    }
    try {
      mkdirSync(this.#path, { mode: 0o700 });
    } catch (error) {
      throw new EarlError('HUB_FAILED', `no folder for the workers' socket: ${errorMessage(error)}`, { cause: error });
    }
  }

  remove(): void {
    rmSync(this.#path, { recursive: true, force: true });
  }
}

function removeLeftovers(parent: string): void {
  let names: string[] = [];
  try {
    names = readdirSync(parent).filter((name) => name.startsWith(prefix));
  } catch {
    // Where nothing can be listed, nothing is removed; making the folder says what is wrong.
  }
  for (const name of names) {
    const owner = Number(name.slice(prefix.length).split('-', 1)[0]);
    if (!Number.isInteger(owner) || owner <= 0 || isRunning(owner)) continue;
    try {
      rmSync(join(parent, name), { recursive: true, force: true });
    } catch {
      // Another user's: not ours to remove.
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
