/** Who holds a device file open: named in the message of a busy port, so that nobody has to guess. Linux only. */

import { readdir, readFile, readlink, realpath } from 'node:fs/promises';

export interface PortHolder {
  readonly pid: number;
  /** Name of the program. */
  readonly program: string;
}

/**
 * The processes that have `path` open, as far as this user may see. Empty where /proc is absent.
 * @param proc for tests
 */
export async function portHolders(path: string, proc = '/proc'): Promise<PortHolder[]> {
  const device = await realpath(path).catch(() => path);
  const pids = (await readdir(proc).catch(() => [])).filter((name) => /^\d+$/.test(name));
  const holders = await Promise.all(pids.map((pid) => holderOf(`${proc}/${pid}`, Number(pid), device)));
  return holders.filter((holder) => holder !== undefined);
}

async function holderOf(folder: string, pid: number, device: string): Promise<PortHolder | undefined> {
  const descriptors = await readdir(`${folder}/fd`).catch(() => []); // another user's process
  for (const descriptor of descriptors) {
    if ((await readlink(`${folder}/fd/${descriptor}`).catch(() => '')) !== device) continue;
    const program = await readFile(`${folder}/comm`, 'utf8').catch(() => '?');
    return { pid, program: program.trim() };
  }
  return undefined;
}
