/**
 * What the commands that run until they are stopped share: log lines for a person or a program, and a clean end.
 *
 * Ctrl-C is how one ends a service, so it exits with 0, and `make start` has nothing to complain about. 130 is for the
 * impatient second Ctrl-C, which leaves at once. What has not stopped within two seconds is left behind.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Log, LogEntry } from '../gateway/index.ts';
import { exitCodes } from './exit-codes.ts';
import { packageRoot } from './package-root.ts';

/** Longest clean end, ms. */
const GRACE_MS = 1800;

export interface StopSignal {
  /** Resolves at the first SIGINT or SIGTERM, or at `stop`. */
  readonly stopped: Promise<void>;
  /** The service stops itself. */
  stop(): void;
}

/** Listens for signals; called before anything is started, so that an early Ctrl-C is not lost. */
export function stopSignal(): StopSignal {
  let stop: () => void = () => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  let signals = 0;
  const onSignal = () => {
    signals++;
    if (signals > 1) process.exit(exitCodes.interrupted);
    endInTime();
    stop();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return { stopped, stop };
}

/** Ends the process even if something hangs; one that has nothing left to do ends before. */
function endInTime(): void {
  setTimeout(() => process.exit(), GRACE_MS).unref();
}

/** Closes in order, each whatever became of the others before, and within the time of grace. */
export async function closeAll(closers: readonly (() => Promise<void>)[]): Promise<void> {
  endInTime();
  for (const close of closers) {
    await close().catch((error: unknown) => console.error('earl: while stopping:', error));
  }
}

/** Writes log entries: as JSON lines to stdout for programs, as text with the time of day to stderr for people. */
export function logPrinter(json: boolean): Log {
  if (json) return (entry) => console.log(JSON.stringify({ time: new Date().toISOString(), ...entry }));
  return ({ level, message }) => console.error(`${new Date().toTimeString().slice(0, 8)}  ${marks[level]}${message}`);
}

const marks: Record<LogEntry['level'], string> = { info: '', warn: '! ', error: 'error: ' };

/** `earl/0.1.0`: how servers and clients call themselves. */
export function programName(): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string };
  return `earl/${version}`;
}
