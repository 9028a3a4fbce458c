import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { announceBoard, boardFolder, runningBoards } from './running-boards.ts';

let parent: string;
let folder: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'earl-boards-'));
  folder = join(parent, 'earl');
});
afterEach(() => rmSync(parent, { recursive: true }));

it('a board is listed until it is taken back', async () => {
  const withdrawLight = announceBoard({ name: 'light', url: 'tcp:127.0.0.1:4000' }, folder);
  const withdrawBall = announceBoard({ name: 'ball', url: 'serial:/tmp/tty', id: '0200000100000000' }, folder);
  expect(await runningBoards(folder)).toEqual([
    { name: 'ball', url: 'serial:/tmp/tty', id: '0200000100000000', pid: process.pid },
    { name: 'light', url: 'tcp:127.0.0.1:4000', pid: process.pid },
  ]);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  withdrawBall();
  withdrawBall();
  expect((await runningBoards(folder)).map(({ name }) => name)).toEqual(['light']);
  withdrawLight();
  expect(readdirSync(folder)).toEqual([]);
});

it('removes what a process that is gone left, and what cannot be read', async () => {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'close');
  announceBoard({ name: 'ball', url: 'tcp:127.0.0.1:1' }, folder);
  const [file] = readdirSync(folder);
  const entry = JSON.parse(readFileSync(join(folder, file!), 'utf8')) as object;
  writeFileSync(join(folder, 'board-1-dead.json'), JSON.stringify({ ...entry, pid: child.pid }));
  writeFileSync(join(folder, 'board-2-later.json'), JSON.stringify({ ...entry, startTicks: '1' }));
  writeFileSync(join(folder, 'board-3-cut.json'), '{"name":"ba');
  writeFileSync(join(folder, 'notes.txt'), 'not ours');
  expect((await runningBoards(folder)).map(({ pid }) => pid)).toEqual([process.pid]);
  expect(readdirSync(folder).sort()).toEqual([file, 'notes.txt']);
});

it('is a courtesy: where nothing can be written, nothing fails', async () => {
  writeFileSync(folder, 'a file, no folder');
  announceBoard({ name: 'ball', url: 'tcp:127.0.0.1:1' }, folder)();
  expect(await runningBoards(folder)).toEqual([]);
});

it("stands in the user's runtime folder, or in one of the user's own", () => {
  expect(boardFolder({ XDG_RUNTIME_DIR: '/run/user/1000' })).toBe('/run/user/1000/earl');
  expect(boardFolder({})).toMatch(/earl-\w+$/);
});
