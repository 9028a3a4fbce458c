/** A recording of a board that somebody talked to over TCP replays byte for byte, and a changed one does not. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundleEarl, EarlProcess } from './earl-process.ts';
import { boardImage } from './images.ts';

let folder: string;
let earl: { file: string; remove: () => void };

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'earl-record-'));
  earl = await bundleEarl();
});
afterAll(() => {
  earl.remove();
  rmSync(folder, { recursive: true });
});

const bytes = Uint8Array.of(0x03, 0x42, 0x01, 0x55, 0x00, 0xff, 0x00);

/** Records in real time: bytes go in when the board has sent its first, and again later. */
async function record(file: string): Promise<EarlProcess> {
  const world = join(folder, 'world.json');
  writeFileSync(world, JSON.stringify({ events: [{ at: '300ms', lux: 20, optics: { led1: 50 } }] }));
  const options = ['--tcp', '0', '--record', file, '--world', world, '--json', '--trace', 'uart'];
  const board = new EarlProcess(earl.file, ['emulate', boardImage('light'), ...options, '--seed', '7']);
  await board.line((line) => line.dir === 'tx');
  const port = Number(/tcp:127\.0\.0\.1:(\d+)/.exec(board.text)?.[1]);
  const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
  const sent = board.lines.length;
  await board.line((line) => line.dir === 'rx', sent);
  const heard = board.lines.length;
  socket.write(Uint8Array.of(0x2a));
  await board.line((line) => line.dir === 'rx' && line.byte === 0x2a, heard);
  return board;
}

function replay(...args: string[]) {
  return spawnSync(process.execPath, [earl.file, 'emulate', ...args], { encoding: 'utf8' });
}

it('replays byte for byte, with what came from outside', async () => {
  const file = join(folder, 'run.jsonl');
  expect(await (await record(file)).stop()).toBe(0);
  const text = readFileSync(file, 'utf8');
  const inputs = text.split('\n').filter((line) => line.includes('"input"'));
  expect(inputs.map((line) => JSON.parse(line).input.uart).join('')).toBe('0342015500ff002a');

  const same = replay('--replay', file, '--vcd', join(folder, 'run.vcd'));
  expect(same.status, same.stderr).toBe(0);
  expect(same.stderr).toContain('the replay is the recording');
  expect(readFileSync(join(folder, 'run.vcd'), 'utf8')).toContain('$enddefinitions');

  const other = join(folder, 'other.jsonl');
  writeFileSync(other, text.replace('"uart":"034201', '"uart":"034301'));
  const changed = replay('--replay', other);
  expect(changed.status, changed.stderr).toBe(6);
  expect(changed.stderr).toMatch(/the replay differs from the recording, line \d+:/);
}, 60_000);

it.each([
  [['--replay', '/nowhere/run.jsonl'], 'cannot read'],
  [['light', '--replay', 'x'], 'goes with'],
  [['light', '--record', 'x', '--gdb', '0'], 'no debugger'],
  [[], 'which image'],
])('%j is refused', (args, hint) => {
  const { status, stderr } = replay(...args);
  expect(status).toBe(2);
  expect(stderr).toContain(hint);
});
