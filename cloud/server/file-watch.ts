/**
 * Notices that files were changed, by looking at them from time to time.
 *
 * Asking the system to tell (fs.watch) misses what certbot and Kubernetes do: exchange a link, or a folder above.
 */

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

export class FileWatch {
  readonly #paths: readonly string[];
  readonly #changed: () => Promise<void>;
  readonly #timer: NodeJS.Timeout;
  #seen: string | undefined;
  #looking = false;

  /**
   * @param paths files, or folders of files
   * @param seen what `stateOf` said before the files were first read
   * @param changed reads them again; must not reject
   */
  constructor(paths: readonly string[], seen: string, everyMs: number, changed: () => Promise<void>) {
    this.#paths = paths;
    this.#seen = seen;
    this.#changed = changed;
    this.#timer = setInterval(() => void this.#look(), everyMs);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const state = await stateOf(this.#paths);
    if (state !== this.#seen) {
      this.#seen = state;
      await this.#changed();
    }
    this.#looking = false;
  }
}

/** A text that is another when a file was written, exchanged, added or removed. */
export async function stateOf(paths: readonly string[]): Promise<string> {
  const states = await Promise.all(
    paths.map(async (path) => {
      const names = await readdir(path).catch(() => []);
      const files = [path, ...names.sort().map((name) => join(path, name))];
      return Promise.all(files.map(async (file) => [file, await stateOfFile(file)]));
    }),
  );
  return JSON.stringify(states);
}

async function stateOfFile(file: string): Promise<string> {
  const found = await stat(file).catch(() => undefined);
  return found ? [found.ino, found.size, found.mtimeMs, found.ctimeMs, found.mode].join(' ') : 'none';
}
