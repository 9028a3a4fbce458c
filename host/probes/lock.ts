/**
 * A lock that processes share: a file that exists as long as somebody holds it, with the holder's process number in it.
 * Held for milliseconds only; that of a process which is gone is broken. For one machine: process numbers mean nothing on
 * another, so a shared network folder must not be used by two machines at once.
 */

import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { EarlError, errorMessage } from '../../errors/index.ts';

const WAIT_MS = 5;
const GIVE_UP_AFTER_MS = 3000;
/** A file that its maker did not even get to fill, or whose process number somebody else has by now. */
const STALE_AFTER_MS = 30_000;

/** Runs `action` while holding the lock. Throws `PROBES_LOCKED` when it cannot be had. */
export function withLock<Result>(file: string, action: () => Result): Result {
  take(file);
  try {
    return action();
  } finally {
    rmSync(file, { force: true });
  }
}

function take(file: string): void {
  const endMs = performance.now() + GIVE_UP_AFTER_MS;
  for (;;) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx', mode: 0o600 });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw new EarlError('PROBES_FOLDER', `${file} cannot be written: ${errorMessage(error)}`, { cause: error });
      }
    }
    if (isStale(file)) rmSync(file, { force: true });
    else if (performance.now() > endMs) {
      throw new EarlError('PROBES_LOCKED', `another process holds ${file}: end it, or remove the file, and try again`);
    } else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAIT_MS);
  }
}

function isStale(file: string): boolean {
  try {
    if (Date.now() - statSync(file).mtimeMs > STALE_AFTER_MS) return true;
    const holder = Number(readFileSync(file, 'utf8'));
    if (!(holder > 0)) return false;
    process.kill(holder, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
