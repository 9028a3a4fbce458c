/** Which programs run, by the names that Linux keeps of them (15 characters at most). */

import type { System } from './system.ts';

/** Name of a program → one of its process ids. */
export async function runningPrograms(system: System): Promise<Map<string, number>> {
  const pids = (await system.list('/proc')).filter((name) => /^\d+$/.test(name));
  const names = await Promise.all(pids.map((pid) => system.readText(`/proc/${pid}/comm`)));
  return new Map(names.flatMap((name, index) => (name === undefined ? [] : [[name.trim(), Number(pids[index])]])));
}
