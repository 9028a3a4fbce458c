/** Sees to it that a folder belongs to one process at a time: a file in it holds the process id of the owner. */

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EarlError } from '../../errors/index.ts';

export class FolderLock {
  readonly #path: string;

  /** Throws `DATA_IN_USE` when a process that still runs owns the folder. */
  constructor(folder: string) {
    this.#path = join(folder, 'owner.pid');
    try {
      writeFileSync(this.#path, String(process.pid), { flag: 'wx' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      this.#takeOver(folder);
    }
  }

  release(): void {
    rmSync(this.#path, { force: true });
  }

  #takeOver(folder: string): void {
    const owner = Number(readFileSync(this.#path, 'utf8'));
    // In a container every process may have the same id, so the own one is no proof of another owner.
    if (owner !== process.pid && isRunning(owner)) {
      throw new EarlError('DATA_IN_USE', `${folder} belongs to process ${owner}, which runs: choose another folder`);
    }
    writeFileSync(this.#path, String(process.pid));
  }
}

function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
