/** `earl cloud --drain` as a process that is restarted under load: nobody loses anything, and clients leave one by one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, expect, it } from 'vitest';
import { connect } from '../../cloud/client/index.node.ts';
import type { Json } from '../../cloud/protocol/index.ts';

const running: ChildProcess[] = [];
const folder = mkdtempSync(join(tmpdir(), 'earl-drain-'));
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

async function earlCloud(port: string, drain: string) {
  const args = ['cloud', '--port', port, '--json', '--data', folder, '--drain', drain];
  const child = spawn(process.execPath, ['tools/run.mjs', 'host/cli/main.ts', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.push(child);
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const { url, websocket } = JSON.parse(line) as { url: string; websocket: string };
  return { url, websocket, child, exited: once(child, 'close') };
}

it('SIGTERM under acknowledged load: nothing is lost, clients are sent away one by one and come back', async () => {
  const drainMs = 1500;
  const first = await earlCloud('0', `${drainMs}ms`);
  const options = { url: first.websocket, backoffMs: { first: 20, longest: 200 } };
  let missed = 0;
  const subscriber = connect({ ...options, onMissed: () => missed++ });
  const publisher = connect({ ...options, publisher: 'p' });
  const idle = Array.from({ length: 18 }, () => connect(options));
  const everybody = [subscriber, publisher, ...idle];
  await Promise.all(idle.map((client) => client.subscribe('other', () => {})));
  const received: Json[] = [];
  await subscriber.subscribe('a/+', (_topic, data) => received.push(data));

  let acknowledged = 0;
  let publishing = true;
  const publish = (async () => {
    for (let seq = 1; publishing; seq = acknowledged + 1) {
      const window = Array.from({ length: 10 }, (_, index) => seq + index);
      const results = await Promise.allSettled(
        window.map((number) => publisher.publishAcknowledged(`a/${number % 3}`, number, number)),
      );
      const firstLost = results.findIndex(({ status }) => status === 'rejected');
      acknowledged = firstLost < 0 ? window.at(-1)! : window[firstLost]! - 1;
      if (firstLost >= 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  await expect.poll(() => acknowledged, { timeout: 20_000 }).toBeGreaterThan(100);

  const left: number[] = [];
  const reasons = new Set<string | undefined>();
  for (const client of everybody) {
    const stop = client.onState((connected, reason) => {
      if (connected) return;
      stop();
      left.push(performance.now());
      reasons.add(reason);
    });
  }
  first.child.kill('SIGTERM');
  await expect
    .poll(async () => ((await (await fetch(`${first.url}/health`)).json()) as { status: string }).status, {
      interval: 10,
    })
    .toBe('draining');
  const answer = await fetch(`${first.url}/health`);
  expect(answer.status).toBe(503);
  expect((await first.exited)[0]).toBe(0);
  await expect.poll(() => left.length).toBe(everybody.length);
  expect([...reasons].every((reason) => reason?.includes('shutting down'))).toBe(true);
  // One by one: on a loaded machine some may be late together, but never most of them.
  expect(left.at(-1)! - left[0]!).toBeGreaterThan(drainMs / 3);

  const second = await earlCloud(new URL(first.url).port, '0');
  const enough = acknowledged + 100;
  await expect.poll(() => acknowledged, { timeout: 20_000 }).toBeGreaterThan(enough);
  publishing = false;
  await publish;
  await expect.poll(() => received.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(acknowledged);
  expect(received).toEqual(received.map((_, index) => index + 1));
  expect(missed).toBe(0);
  await expect.poll(() => everybody.every(({ connected }) => connected), { timeout: 10_000 }).toBe(true);
  await Promise.all(everybody.map((client) => client.close()));
  second.child.kill('SIGTERM');
  expect((await second.exited)[0]).toBe(0);
}, 60_000);
