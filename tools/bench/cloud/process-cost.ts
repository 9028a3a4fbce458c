/**
 * What a process costs, with the processes that it has started: CPU time in ticks of 10 ms (all threads), resident memory;
 * and file descriptors. From Linux.
 */

import { readFileSync } from 'node:fs';
import { EarlError } from '../../../errors/index.ts';

/** `USER_HZ`, which is 100 on every Linux that Node runs on. */
const TICK_US = 10_000;

export interface CpuTime {
  readonly userUs: number;
  readonly systemUs: number;
}

/** A process and those that descend from it. */
function family(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  return [pid, ...children.flatMap(family)];
}

/** CPU time that a process and its workers have used since their start (proc(5), /proc/PID/stat, fields 14 and 15). */
export function cpuTime(pid: number): CpuTime {
  const times = family(pid).map(ownCpuTime);
  return {
    userUs: times.reduce((sum, { userUs }) => sum + userUs, 0),
    systemUs: times.reduce((sum, { systemUs }) => sum + systemUs, 0),
  };
}

function ownCpuTime(pid: number): CpuTime {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the program's name in brackets and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { userUs: Number(fields[11]) * TICK_US, systemUs: Number(fields[12]) * TICK_US };
}

export function residentKb(pid: number): number {
  return family(pid).reduce((sum, one) => sum + ownResidentKb(one), 0);
}

function ownResidentKb(pid: number): number {
  const found = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (found === null) throw new EarlError('BENCH_SERVER_GONE', `the server under test (process ${pid}) has ended`);
  return Number(found[1]);
}

/** Files that a process of this user may have open; Node raises the soft limit to the hard one by itself. */
export function fileLimit(): number {
  const found = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
  const most = Number(found?.[1]);
  return Number.isFinite(most) ? most : 1_000_000;
}
