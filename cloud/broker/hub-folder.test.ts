/** The folder of a hub's socket, and what killed processes leave behind. */

import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { HubFolder } from './hub-folder.ts';

let parent = '';
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'earl-folder-'));
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

/** What a process of this number left, with a file in it. */
function leftover(pid: number): string {
  const path = join(parent, `earl-hub-${pid}-0123456789ab`);
  mkdirSync(path, { mode: 0o700 });
  writeFileSync(join(path, 'hub.sock'), '');
  return path;
}

const endedPid = () => spawnSync(process.execPath, ['-e', '']).pid;

it('is for nobody else, and goes', () => {
  const folder = new HubFolder(parent);
  expect(statSync(dirname(folder.socket)).mode & 0o777).toBe(0o700);
  folder.remove();
  expect(existsSync(dirname(folder.socket))).toBe(false);
});

it('removes what processes left that have ended, and nothing else', () => {
  const ofEnded = leftover(endedPid());
  const ofRunning = [leftover(process.pid), leftover(process.ppid)];
  const others = ['earl-hub-', 'earl-hub-0-a', 'earl-hub--1-a', 'earl-hub-x-a', 'earl-other'].map((name) => {
    mkdirSync(join(parent, name));
    return join(parent, name);
  });
  const folder = new HubFolder(parent);
  expect(existsSync(ofEnded)).toBe(false);
  expect([...ofRunning, ...others].map(existsSync)).not.toContain(false);
  expect(existsSync(dirname(folder.socket))).toBe(true);
});

it('is made although something cannot be removed', () => {
  const path = leftover(endedPid());
  chmodSync(path, 0);
  const other = leftover(endedPid());
  expect(existsSync(dirname(new HubFolder(parent).socket))).toBe(true);
  expect(existsSync(other)).toBe(false);
  if (existsSync(path)) chmodSync(path, 0o700);
});

it('says when it cannot be made', () => {
  expect(() => new HubFolder(join(parent, 'nowhere'))).toThrow(expect.objectContaining({ code: 'HUB_FAILED' }));
  expect(() => new HubFolder(join(parent, 'x'.repeat(100)))).toThrow(expect.objectContaining({ code: 'HUB_FAILED' }));
});
