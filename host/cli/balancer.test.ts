/** `earl balancer` as a program; what it writes is judged in cloud/balancer and test/cloud/balancer.test.ts. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'earl-balancer-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function earlBalancer(...args: string[]) {
  const run = spawnSync(process.execPath, ['tools/run.mjs', 'host/cli/main.ts', 'balancer', ...args]);
  return { status: run.status, stdout: run.stdout.toString(), stderr: run.stderr.toString() };
}

it('writes a configuration where it is told, and warns beside it', () => {
  const file = join(folder, 'haproxy.cfg');
  const servers = ['--server', '127.0.0.1:8081', '--server', '127.0.0.1:8082'];
  const written = earlBalancer('haproxy', ...servers, '-o', file);
  expect(written).toEqual({ status: 0, stdout: '', stderr: expect.stringContaining('demand no token') });
  expect(readFileSync(file, 'utf8')).toContain('server s2 127.0.0.1:8082\n');
});

it('refuses to open servers on loopback to others', () => {
  const exposed = earlBalancer('nginx', '--server', '127.0.0.1:8081', '--listen', '0.0.0.0:80');
  expect(exposed).toEqual({ status: 2, stdout: '', stderr: expect.stringContaining('--tokens') });
});

it('takes the number of clients that workers make possible', () => {
  const ten = ['--server', '10.0.0.5:8080', '--connections', '20000'];
  expect(earlBalancer('haproxy', ...ten).stdout).toMatch(/^ {4}maxconn 21000$/m);
  const wrong = earlBalancer('nginx', '--server', '10.0.0.5:8080', '--connections', '1e4');
  expect(wrong).toEqual({ status: 2, stdout: '', stderr: expect.stringContaining('whole number') });
});
