/** `earl token` as a program: keys, tokens, and what the cloud's own check says of them. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'earl-token-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string) => join(folder, name);

function earlToken(args: readonly string[], input = '') {
  const run = spawnSync(process.execPath, ['tools/run.mjs', 'host/cli/main.ts', 'token', ...args], { input });
  return { status: run.status, stdout: run.stdout.toString(), stderr: run.stderr.toString() };
}

describe('earl token', () => {
  it('makes a secret, signs with it for a site, and shows that the token is good', () => {
    const key = earlToken(['key', '--out', file('a.json'), '--id', 'a', '--json']);
    expect(JSON.parse(key.stdout)).toEqual({ id: 'a', algorithm: 'HS256', file: file('a.json') });
    expect(statSync(file('a.json')).mode & 0o777).toBe(0o600);
    const secret = (JSON.parse(readFileSync(file('a.json'), 'utf8')) as { k: string }).k;
    expect(key.stdout + key.stderr).not.toContain(secret);
    const sign = ['sign', '--keys', file('a.json'), '--subject', 'g', '--site', 'home', '--may', 'subscribe,serve'];
    const token = earlToken(sign).stdout;
    const shown = earlToken(['show', '-', '--keys', file('a.json'), '--json'], token);
    expect(JSON.parse(shown.stdout)).toMatchObject({
      good: true,
      claims: { sub: 'g', earl: { subscribe: ['home/#'], serve: ['home/+'] } },
    });
    expect(shown.status).toBe(0);
    const again = earlToken(['key', '--out', file('a.json')]);
    expect([again.status, again.stderr]).toEqual([2, expect.stringContaining('not overwritten')]);
  });

  it('makes a pair whose public half checks and does not sign', () => {
    expect(earlToken(['key', '--alg', 'EdDSA', '--out', file('b.json'), '--public', file('b.pub.json')]).status).toBe(
      0,
    );
    expect(readFileSync(file('b.pub.json'), 'utf8')).not.toContain('"d"');
    const sign = (keys: string) => earlToken(['sign', '--keys', keys, '--subject', 'x', '--publish', 'a/+', '--json']);
    const { token } = JSON.parse(sign(file('b.json')).stdout) as { token: string };
    expect(earlToken(['show', token, '--keys', file('b.pub.json')]).stderr).toContain('good');
    expect(sign(file('b.pub.json'))).toMatchObject({ status: 2, stderr: expect.stringContaining('private file') });
    const other = earlToken(['show', token, '--keys', file('a.json')]);
    expect(other).toMatchObject({ status: 1, stderr: expect.stringContaining('does not know') });
  });

  it('refuses what no cloud would take, and says what to do', () => {
    const sign = (...args: string[]) => earlToken(['sign', '--keys', file('a.json'), '--subject', 'x', ...args]);
    expect(sign()).toMatchObject({ status: 2, stderr: expect.stringContaining('--site') });
    expect(sign('--publish', 'a/#/b')).toMatchObject({ status: 2, stderr: expect.stringContaining('last level') });
    expect(sign('--site', 'home', '--may', 'fly')).toMatchObject({ status: 2, stderr: expect.stringContaining('fly') });
    expect(sign('--site', 'home/+')).toMatchObject({ status: 2, stderr: expect.stringContaining('one level') });
    expect(earlToken(['--help']).stdout).toContain('earl token sign --keys keys');
  });
});
