/** `earl air` as a process: says where it listens, who joins, and ends cleanly. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, expect, test } from 'vitest';
import { connectAir } from '../radio/index.ts';
import { parseLoss } from './air.ts';

const folder = mkdtempSync(join(tmpdir(), 'earl-air-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('a share of packets is a percentage or a fraction', () => {
  expect(parseLoss('1%')).toBe(0.01);
  expect(parseLoss('0.5 %')).toBe(0.005);
  expect(parseLoss('0.01')).toBe(0.01);
  for (const bad of ['', '-1%', '101%', '2', 'some']) {
    expect(() => parseLoss(bad)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  }
});

test('--json says where it listens, who joins and leaves, and how it ended', async () => {
  const trace = join(folder, 'hci.btsnoop');
  const words = [
    'tools/run.mjs',
    'host/cli/main.ts',
    'air',
    '--port',
    '0',
    '--loss',
    '1%',
    '--btsnoop',
    trace,
    '--json',
  ];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const events = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await events.next()).value as string) as Record<string, unknown>;
  const listening = await next();
  expect(listening).toMatchObject({
    event: 'listening',
    url: expect.stringMatching(/^air:127\.0\.0\.1:\d+$/),
    ptys: [],
  });
  const port = await connectAir(String(listening.url));
  const joined = await next();
  expect(joined).toMatchObject({ event: 'joined', address: expect.stringMatching(/^..(:..){5}$/) });
  const answered = new Promise<Uint8Array>((resolve) => {
    port.onPacket = resolve;
  });
  port.write(Uint8Array.of(1, 3, 0x0c, 0));
  expect([...(await answered)]).toEqual([4, 0x0e, 4, 1, 3, 0x0c, 0]);
  port.close();
  expect(await next()).toMatchObject({ event: 'left', address: joined.address, commands: 1 });
  child.kill('SIGINT');
  expect(await next()).toMatchObject({ event: 'stopped', nodes: [] });
  if (child.exitCode === null) await once(child, 'exit');
  expect(child.exitCode).toBe(0);
  expect(existsSync(trace) && statSync(trace).size).toBeGreaterThan(16);
});
