/**
 * The emulated boards that run on this machine and offer their UART to others: each leaves a small file in a folder of
 * its user, which `earl devices` reads. A file whose process is gone is removed by whoever sees it. Announcing is a
 * courtesy: where it fails, the board runs all the same.
 */

import { randomUUID } from 'node:crypto';
import { lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface RunningBoard {
  /** Kind of probe or program file, as the user typed it. */
  readonly name: string;
  /** What openTransport takes: `serial:/tmp/ttyEarl`, `tcp:127.0.0.1:4000`. */
  readonly url: string;
  /** 16 hex digits, where the board has one. */
  readonly id?: string;
  readonly pid: number;
}

interface Entry extends RunningBoard {
  /** When the process started, in the kernel's ticks: tells it from a later one with the same number. Linux only. */
  readonly startTicks: string;
}

/** Where the files are: the user's runtime folder, else a folder of the user's own in the temporary one. */
export function boardFolder(env: NodeJS.ProcessEnv = process.env): string {
  const runtime = env.XDG_RUNTIME_DIR;
  return runtime ? join(runtime, 'earl') : join(tmpdir(), `earl-${process.getuid?.() ?? 'user'}`);
}

/** Announces a board of this process; returns what takes that back. Never throws. */
export function announceBoard(board: Omit<RunningBoard, 'pid'>, folder = boardFolder()): () => void {
  const path = join(folder, `board-${process.pid}-${randomUUID().slice(0, 8)}.json`);
  const entry: Entry = { ...board, pid: process.pid, startTicks: startTicksOf(process.pid) };
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { uid } = lstatSync(folder);
    // In a folder that all may write to, one of this name may be another user's.
    if (process.getuid !== undefined && uid !== process.getuid()) return () => {};
    writeFileSync(`${path}.new`, `${JSON.stringify(entry)}\n`, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  } catch {
    return () => {};
  }
  return () => rmSync(path, { force: true });
}

/** The boards that run, in the order of their names; removes what dead processes left. */
export async function runningBoards(folder = boardFolder()): Promise<RunningBoard[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => /^board-.*\.json$/.test(name));
  const boards = await Promise.all(names.map((name) => readEntry(join(folder, name))));
  return boards
    .filter((board) => board !== undefined)
    .sort((a, b) => a.name.localeCompare(b.name) || a.url.localeCompare(b.url, 'en', { numeric: true }));
}

async function readEntry(path: string): Promise<RunningBoard | undefined> {
  const entry = parseEntry(await readFile(path, 'utf8').catch(() => ''));
  if (entry !== undefined && isAlive(entry)) {
    const { name, url, id, pid } = entry;
    return { name, url, ...(id === undefined ? {} : { id }), pid };
  }
  await rm(path, { force: true }).catch(() => {});
  return undefined;
}

function parseEntry(text: string): Entry | undefined {
  try {
    const entry = JSON.parse(text) as Partial<Entry>;
    const isWhole = typeof entry.name === 'string' && typeof entry.url === 'string' && Number.isInteger(entry.pid);
    return isWhole ? (entry as Entry) : undefined;
  } catch {
    return undefined;
  }
}

function isAlive({ pid, startTicks }: Entry): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return startTicksOf(pid) === startTicks;
}

/** Field 22 of /proc/PID/stat, proc(5); empty where there is none. The second field may hold spaces and brackets. */
function startTicksOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
