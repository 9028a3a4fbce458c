/** `earl flash` as a process of its own against an emulated board's boot loader over RFC 2217, killed on the way. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { exitCodes } from '../../host/cli/exit-codes.ts';
import { makePlan } from '../../host/flash/index.ts';
import { readImage } from '../../host/transport/firmware-image.ts';
import { bundleEarl, EarlProcess } from '../e2e/earl-process.ts';
import { type BoardServer, serveBoard } from './board-server.ts';

vi.setConfig({ testTimeout: 60_000 });

let bundle: Awaited<ReturnType<typeof bundleEarl>>;
let server: BoardServer;
const folder = mkdtempSync(join(tmpdir(), 'earl-flash-e2e-'));
const started: EarlProcess[] = [];

beforeAll(async () => {
  process.env.XDG_STATE_HOME = folder;
  bundle = await bundleEarl();
});
afterAll(() => {
  delete process.env.XDG_STATE_HOME;
  bundle.remove();
  rmSync(folder, { recursive: true });
});
afterEach(async () => {
  for (const each of started.splice(0)) if (each.running) await each.stop('SIGKILL');
  await server?.close();
});

function earl(...args: string[]): EarlProcess {
  const child = new EarlProcess(bundle.file, args);
  started.push(child);
  return child;
}

function contents(): Uint8Array {
  return Uint8Array.from({ length: 0x4000 }, (_, index) => server.board.mcu.peek(0xc000 + index));
}

const ball = makePlan(readImage('ball')).flash;
const flashBall = () => ['flash', 'ball', '--runner', `bsl:${server.url}`, '--on-chip', 'led_test', '--json'];

test('kill -9 in the middle, then a second run that succeeds', async () => {
  server = await serveBoard(readImage('led_test'));
  const calibration = Array.from({ length: 64 }, (_, index) => server.board.mcu.peek(0x10c0 + index));
  const first = earl(...flashBall(), '--id', '02c0ffee00000001');
  await first.line((line) => line.stage === 'write' && (line.bytes as number) > 1000);
  await first.stop('SIGKILL');
  expect(server.board.mcu.peekWord(0xfffe)).toBe(0xffff);
  expect(readdirSync(join(folder, 'earl/flash')).some((file) => file.startsWith('unfinished-'))).toBe(true);

  const second = earl(...flashBall(), '--id', '02c0ffee00000001');
  const done = await second.line((line) => line.kind === 'flashed', 0, 50_000);
  expect(await second.exit()).toBe(exitCodes.ok);
  expect(second.text).toContain('did not end: going on with it');
  expect(done).toMatchObject({ image: 'ball', id: '02c0ffee00000001', bytes: expect.any(Number) });
  expect(contents()).toEqual(ball);
  expect(Array.from({ length: 64 }, (_, index) => server.board.mcu.peek(0x10c0 + index))).toEqual(calibration);
  expect(readdirSync(join(folder, 'earl/flash')).filter((file) => file.startsWith('unfinished-'))).toEqual([]);
  await vi.waitFor(() => expect(server.board.lights().led1).toBeDefined());
});

test('the cable is pulled in the middle', async () => {
  server = await serveBoard(readImage('led_test'));
  const flash = earl(...flashBall());
  await flash.line((line) => line.stage === 'write' && (line.bytes as number) > 1000);
  await server.close();
  expect(await flash.exit()).toBe(exitCodes.flashFailed);
  expect(flash.text).toMatch(/was lost .*cable.*run the same command again/s);
});

test('Ctrl-C stops at a safe place', async () => {
  server = await serveBoard(readImage('led_test'));
  const flash = earl(...flashBall());
  await flash.line((line) => line.stage === 'write' && (line.bytes as number) > 1000);
  expect(await flash.stop('SIGINT')).toBe(exitCodes.interrupted);
  expect(flash.text).toContain('run the same command again');
});

test('an ELF file for another machine and one without vectors never reach the board', async () => {
  server = await serveBoard(readImage('led_test'));
  const before = contents();
  const elf = new Uint8Array(64);
  elf.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  elf.set([2, 0, 40, 0], 16);
  const files = { 'arm.elf': elf, 'bare.txt': '@C000\n00 01\nq\n', 'far.txt': '@8000\n00 01\nq\n' };
  const said = { 'arm.elf': 'machine 40', 'bare.txt': 'reset vector', 'far.txt': '0x8000' };
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, name), text);
    const flash = earl('flash', join(folder, name), '--runner', `bsl:${server.url}`);
    expect(await flash.exit()).not.toBe(exitCodes.ok);
    expect(flash.text).toContain(said[name as keyof typeof said]);
  }
  expect(contents()).toEqual(before);
});
