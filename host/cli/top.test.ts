/** `earl top` as a process, over clouds in this one. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, expect, it } from 'vitest';
import { type CloudClient, connect } from '../../cloud/client/index.node.ts';
import { type Cloud, startCloud } from '../../cloud/server/index.ts';
import type { TopRow } from './top-metrics.ts';

const running: ChildProcessWithoutNullStreams[] = [];
const clients: CloudClient[] = [];
const clouds: Cloud[] = [];
afterEach(async () => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await Promise.all(clouds.splice(0).map((cloud) => cloud.close()));
});

async function cloudOf(token?: string): Promise<Cloud> {
  const cloud = await startCloud({ port: 0, ...(token !== undefined && { token }) });
  clouds.push(cloud);
  return cloud;
}

function earlTop(...args: string[]) {
  const child = spawn(process.execPath, ['tools/run.mjs', 'host/cli/main.ts', 'top', ...args]);
  running.push(child);
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk);
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    child,
    stderr: () => stderr,
    line: async () => String((await lines.next()).value),
    exit: async () => (await once(child, 'close'))[0] as number,
  };
}

type Line = { time: string; servers: { url: string; processes?: TopRow[]; problem?: string }[] };

it('--json has a line an interval with every server, also one that is not there, and ends at Ctrl-C', async () => {
  const one = await cloudOf('secret');
  const two = await cloudOf('secret');
  await two.close();
  const client = connect({ url: one.url, token: 'secret' });
  clients.push(client);
  await client.subscribe('a', () => {});
  const publishing = setInterval(() => client.publish('a', 1), 20);
  const servers = ['--cloud', one.url, '--cloud', two.url.replace('http', 'ws')];
  const top = earlTop(...servers, '--token', 'secret', '--json', '--interval', '200ms');
  const first = JSON.parse(await top.line()) as Line;
  expect(first.servers).toMatchObject([
    { url: one.url, processes: [{ process: `${process.pid}`, connections: 1, queueBytes: 0 }] },
    { url: two.url, problem: 'nobody listens there' },
  ]);
  const second = JSON.parse(await top.line()) as Line;
  clearInterval(publishing);
  expect(Date.parse(second.time)).toBeGreaterThan(Date.parse(first.time));
  const row = second.servers[0]!.processes![0]!;
  expect(row.inPerSecond).toBeGreaterThan(0);
  expect(row.outPerSecond).toBeGreaterThan(0);
  expect(row.lagP99Ms).toBeGreaterThanOrEqual(0);
  expect(row.memoryBytes).toBeGreaterThan(1e7);
  const exit = top.exit();
  top.child.kill('SIGINT');
  expect(await exit).toBe(0);
  expect(top.stderr()).toBe('');
});

it('prints a table for people, and what is wrong with a server', async () => {
  const open = await cloudOf();
  const closed = await cloudOf('secret');
  const top = earlTop('--cloud', open.url, '--cloud', closed.url, '--interval', '5s');
  expect(await top.line()).toMatch(/^server +process +connections +in\/s +out\/s +lag p99/);
  expect(await top.line()).toMatch(new RegExp(`^${open.url} +${process.pid} +0 +- +- +- +- +0 B +\\d+ MiB +-$`));
  expect(await top.line()).toMatch(new RegExp(`^${closed.url} +HTTP 401: a token is needed`));
  const exit = top.exit();
  top.child.kill('SIGTERM');
  expect(await exit).toBe(0);
});

it.each([
  [['--interval', '1ms'], 'at least 100ms'],
  [['--interval', 'often'], 'not a duration'],
  [['--cloud', 'nonsense'], 'no address of a cloud'],
])('%j explains itself and exits with 2', async (args, message) => {
  const top = earlTop(...args);
  expect(await top.exit()).toBe(2);
  expect(top.stderr()).toContain(message);
});
