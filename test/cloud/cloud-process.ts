/** `earl cloud` as a process of its own, to be killed, until the test has finished; more can be done with test/e2e/earl-process.ts. */

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import type { Cloud } from '../../cloud/server/index.ts';

/** Resolves when it listens. */
export async function spawnCloud(...options: string[]): Promise<{ cloud: Cloud; child: ChildProcess }> {
  const command = ['tools/run.mjs', 'host/cli/main.ts', 'cloud', '--port', '0', '--json', ...options];
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  for await (const line of createInterface(child.stdout)) {
    const { url } = JSON.parse(line) as { url: string };
    return { cloud: { url, port: Number(new URL(url).port) } as Cloud, child };
  }
  throw new Error('the server ended before it listened');
}
