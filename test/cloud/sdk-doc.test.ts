/** The example for Node in docs/sdk.md runs as it stands, and docs/sdk.md says what the defaults are. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { expect, it, onTestFinished, vi } from 'vitest';
import { connect } from '../../cloud/client/index.node.ts';
import { exampleOf, playBall } from './doc-examples.ts';
import { cloudsForTests } from './raw-client.ts';

const root = join(import.meta.dirname, '../..');
const start = cloudsForTests();

it('docs/sdk.md, Node: watches, commands, publishes, and ends', async () => {
  const cloud = await start();
  const code = exampleOf('js', cloud.url);
  expect(code.trimEnd().split('\n').length).toBeLessThanOrEqual(20);
  const gateway = connect({ url: cloud.url });
  const { asked, stop } = await playBall(gateway);
  const health: unknown[] = [];
  await gateway.subscribe('lab/#', (topic, data) => health.push([topic, data]));

  const folder = join(root, 'node_modules/.cache/earl');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `sdk-doc-${process.pid}.mjs`);
  onTestFinished(() => rmSync(file, { force: true }));
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: root },
    alias: { 'earl-toolkit/client': join(root, 'cloud/client/index.node.ts') },
    bundle: true,
    format: 'esm',
    platform: 'node',
    external: ['ws'],
    write: false,
  });
  writeFileSync(file, outputFiles[0]!.text);
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const patience = { timeout: 10_000, interval: 20 };
  await vi.waitFor(() => expect(health.length).toBeGreaterThan(0), patience);
  await vi.waitFor(() => expect(said).toContain('home/1/samples light 412 lx'), patience);
  expect(said).toContain('connected, earl.v1\n');
  expect(said).toMatch(/home\/1 \{ status: 'ok', data: \[ 15 \] \}/);
  expect(asked).toEqual([{ name: 'set_color', leds: 3, red: 255, green: 64, blue: 0 }]);
  expect(health[0]).toEqual(['lab/my-program/health', { uptimeSeconds: expect.any(Number) }]);
  child.kill('SIGINT');
  expect(await once(child, 'exit')).toEqual([0, null]);
  stop();
  await gateway.close();
});
