/**
 * Runs the command once more in a network namespace of its own, where it may make links and take them down.
 *
 * As root, or where users may have user namespaces (unshare(1), user_namespaces(7)). The one outside waits and passes
 * signals on; when it ends in whatever way, the one inside sees its standard input end, and ends too.
 */

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { packageRoot } from '../../host/cli/package-root.ts';

const mark = 'EARL_CHAOS_INSIDE';

/** Whether this process is the one inside. */
export function isInside(): boolean {
  return process.env[mark] !== undefined;
}

/** What `unshare` must be told on this machine; undefined when it cannot be. */
export function isolation(): readonly string[] | undefined {
  const rootless = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  const wish = [...rootless, '--net'];
  // A pair of devices is what all else needs.
  const trial = 'ip link add name near type veth peer name far && nsenter --version';
  return spawnSync('unshare', [...wish, '/bin/sh', '-c', trial], { stdio: 'ignore' }).status === 0 ? wish : undefined;
}

/** Runs it inside; its exit code. */
export async function runInside(how: readonly string[]): Promise<number> {
  const [file, ...args] = process.argv.slice(1);
  const command = [process.execPath, join(packageRoot(), 'tools/run.mjs'), file!, ...args];
  const child = spawn('unshare', [...how, ...command], {
    stdio: ['pipe', 'inherit', 'inherit'],
    env: { ...process.env, [mark]: 'yes' },
    // The terminal's Ctrl-C reaches only this process, which passes it on, so that it does not come twice.
    detached: true,
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

/** To be called inside, first of all. */
export function settleInside(): void {
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  process.stdin.once('end', () => process.exit(1));
  process.stdin.resume();
  process.stdin.unref();
}
