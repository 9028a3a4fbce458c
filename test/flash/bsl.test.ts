/** The boot loader's two ends against each other: commands, pins, passwords, interruptions at every frame. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { imageFromWords } from '../../host/emulator/image/words.ts';
import { Board, type BslAdapterOptions, type Image, makeImage } from '../../host/emulator/index.ts';
import {
  BslClient,
  type BslFlashOptions,
  bslRunner,
  makePlan,
  readInfoFile,
  vectorBlock,
} from '../../host/flash/index.ts';
import { parseId } from '../../host/link/index.ts';
import { BoardLine, cablePulled } from './board-line.ts';

const id = parseId('02c0ffee00000001');

/** Drives P1.0 (LED1) and stays awake; `fill` makes programs of any length differ. */
function program(led: boolean, fill = 0): Image {
  const start = [0x40b2, 0x5a80, 0x0120, 0x43d2, 0x0022, led ? 0x43d2 : 0x43c2, 0x0021, 0x3fff];
  return imageFromWords([...start, ...Array.from({ length: fill }, (_, index) => (index * 7919 + 1) & 0xffff)]);
}

const oldProgram = program(false, 100);
const newProgram = program(true, 310);
const password = (image: Image) => vectorBlock(makePlan(image)).data;
const blank = new Uint8Array(32).fill(0xff);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'earl-flash-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function memory(board: Board, start: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => board.mcu.peek(start + index));
}

const infoA = (board: Board) => memory(board, 0x10c0, 64);

async function client(board: Board, options: BslAdapterOptions = {}) {
  const line = new BoardLine(board, options);
  const bsl = new BslClient(line, options);
  await bsl.enter();
  return { bsl, line };
}

function flash(line: BoardLine, image: Image, options: Partial<BslFlashOptions> = {}, plan = makePlan(image, { id })) {
  const notices: string[] = [];
  const runner = bslRunner('bsl:test', async () => line, { stateFolder: folder, ...options });
  const listener = { onProgress: () => {}, onNotice: (message: string) => void notices.push(message) };
  return runner.flash(plan, listener, new AbortController().signal).then((result) => ({ result, notices }));
}

describe('the loader', () => {
  it('is entered by two edges of TEST while RST is low, and left by RST', async () => {
    const board = new Board({ image: oldProgram });
    const { bsl, line } = await client(board);
    expect(line.adapter.bsl.active).toBe(true);
    expect(await bsl.version()).toEqual({ chip: '2553', loader: '2.02' });
    await bsl.restart();
    expect(line.adapter.bsl.active).toBe(false);
    expect(board.pin('P1.0').driven).toBe(0);
  });

  it.each<BslAdapterOptions>([
    {},
    { invertReset: true },
    { invertTest: true },
    { swapLines: true },
    { swapLines: true, invertReset: true, invertTest: true },
  ])('is found whatever the wiring: %o', async (wiring) => {
    const { line } = await client(new Board({ image: oldProgram }), wiring);
    expect(line.adapter.bsl.active).toBe(true);
  });

  it('is not found with the wrong wiring, and the message says what to try', async () => {
    const line = new BoardLine(new Board({ image: oldProgram }), { invertReset: true });
    await expect(new BslClient(line).enter()).rejects.toMatchObject({
      code: 'FLASH_NO_ANSWER',
      message: expect.stringContaining('--invert-reset'),
    });
  });

  it.each([0, 1])('does not start after %i edges of TEST', (edges) => {
    const { adapter } = new BoardLine(new Board({ image: oldProgram }));
    adapter.setLines({ dtr: false });
    for (let i = 0; i < edges; i++) {
      adapter.setLines({ rts: true });
      adapter.setLines({ rts: false });
    }
    adapter.setLines({ dtr: true });
    expect(adapter.bsl.active).toBe(false);
  });

  it('does not start when 0xffde holds 0xaa55', async () => {
    const board = new Board({ image: oldProgram });
    board.mcu.poke(0xffde, Uint8Array.of(0x55, 0xaa));
    await expect(client(board)).rejects.toMatchObject({ code: 'FLASH_NO_ANSWER' });
  });

  it('refuses everything that needs the password', async () => {
    const board = new Board({ image: oldProgram });
    const { bsl } = await client(board);
    await expect(bsl.read(0xc000, 16)).rejects.toMatchObject({ code: 'FLASH_REFUSED' });
    await expect(bsl.write(0xd000, Uint8Array.of(1, 2))).rejects.toMatchObject({ code: 'FLASH_REFUSED' });
    await expect(bsl.eraseMain()).rejects.toMatchObject({ code: 'FLASH_REFUSED' });
    await expect(bsl.eraseSegment(0x1000)).rejects.toMatchObject({ code: 'FLASH_REFUSED' });
    expect(await bsl.isErased(0xe000, 16)).toBe(false);
    expect(memory(board, 0xc000, 4)).toEqual(Uint8Array.of(0xb2, 0x40, 0x80, 0x5a));
  });

  it('erases itself at a wrong password, info A too; with 0x0000 at 0xffde it does not', async () => {
    const board = new Board({ image: oldProgram });
    const { bsl } = await client(board);
    expect(await bsl.password(blank)).toBe(false);
    expect(memory(board, 0xc000, 0x4000).every((byte) => byte === 0xff)).toBe(true);
    expect(infoA(board).every((byte) => byte === 0xff)).toBe(true);
    expect(await bsl.password(blank)).toBe(true);

    const careful = new Board({ image: oldProgram });
    careful.mcu.poke(0xffde, Uint8Array.of(0, 0));
    const other = await client(careful);
    expect(await other.bsl.password(blank)).toBe(false);
    expect(careful.mcu.peek(0xc000)).toBe(0xb2);
    expect(infoA(careful).some((byte) => byte !== 0xff)).toBe(true);
  });

  it('reads, writes, erases segments and checks', async () => {
    const board = new Board({ image: oldProgram });
    const { bsl } = await client(board);
    expect(await bsl.password(password(oldProgram))).toBe(true);
    await bsl.write(0xd000, Uint8Array.of(0x12, 0x34, 0x56, 0x78));
    expect(await bsl.read(0xd000, 4)).toEqual(Uint8Array.of(0x12, 0x34, 0x56, 0x78));
    expect(await bsl.isErased(0xd000, 16)).toBe(false);
    // Programming clears bits only.
    await expect(bsl.write(0xd000, Uint8Array.of(0xff, 0xff))).rejects.toMatchObject({ code: 'FLASH_REFUSED' });
    await bsl.eraseSegment(0xd123);
    expect(await bsl.isErased(0xd000, 512)).toBe(true);
    expect(board.mcu.peek(0xc000)).toBe(0xb2);
    await bsl.write(0x0300, Uint8Array.of(9, 8));
    expect(await bsl.read(0x0300, 2)).toEqual(Uint8Array.of(9, 8));
    const seconds = board.seconds;
    await bsl.eraseMain();
    expect(board.seconds - seconds).toBeGreaterThan(10_593 / 476_000);
    expect(await bsl.isErased(0xc000, 0x4000)).toBe(true);
    expect(infoA(board)).toEqual(infoA(new Board()));
  });

  it.each([19_200, 38_400])('runs at %i baud', async (baud) => {
    const board = new Board({ image: oldProgram });
    const { bsl } = await client(board);
    await bsl.password(password(oldProgram));
    const time = async () => {
      const start = board.seconds;
      await bsl.read(0xc000, 240);
      return board.seconds - start;
    };
    const slow = await time();
    await bsl.changeBaud(baud);
    expect(await time()).toBeLessThan(slow * (9600 / baud) * 1.3);
    await expect(bsl.changeBaud(57_600)).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('loads the PC', async () => {
    const board = new Board({ image: oldProgram });
    const { bsl, line } = await client(board);
    await bsl.password(password(oldProgram));
    await bsl.loadPc(0xc006);
    board.runFor(0.05);
    expect(line.adapter.bsl.active).toBe(false);
    expect(board.mcu.registers[0]).toBe(0xc00e);
  });

  it('hears nothing at another rate', async () => {
    const board = new Board({ image: oldProgram });
    const { line } = await client(board);
    line.adapter.baud = 19_200;
    await line.write(Uint8Array.of(0x80));
    expect((await line.read(1, 100))[0]).not.toBe(0x90);
  });

  it('answers a damaged frame with NAK and then goes on', async () => {
    const { bsl, line } = await client(new Board({ image: oldProgram }));
    await bsl.version();
    await line.write(Uint8Array.of(0x80));
    await line.read(1, 100);
    await line.write(Uint8Array.of(0x80, 0x1e, 4, 4, 0, 0, 0, 0, 0xff, 0xff));
    expect([...(await line.read(1, 100))]).toEqual([0xa0]);
    expect((await bsl.version()).chip).toBe('2553');
  });
});

describe('flashing', () => {
  it('writes, verifies, gives an id, keeps info A and starts the program', async () => {
    const board = new Board({ image: oldProgram });
    const calibration = infoA(board);
    const line = new BoardLine(board);
    await flash(line, newProgram, { password: password(oldProgram) });
    board.runFor(0.05);
    expect(board.pin('P1.0').driven).toBe(1);
    expect(memory(board, 0xc000, 0x4000)).toEqual(makePlan(newProgram).flash);
    expect([...memory(board, 0x1000, 10)]).toEqual([0xea, 1, ...id]);
    expect(infoA(board)).toEqual(calibration);
    expect(readdirSync(folder)).toEqual(['info-test.txt']);
    expect(readInfoFile(join(folder, 'info-test.txt')).subarray(0xc0)).toEqual(calibration);
    const erases = line.written.filter((frame) => frame[1] === 0x16).map((frame) => frame[4]! | (frame[5]! << 8));
    expect(erases).toEqual([0xfffe]); // info D was empty, the others did not change
  });

  it('asks for a password and lets the old program run on', async () => {
    const board = new Board({ image: program(true) });
    await expect(flash(new BoardLine(board), newProgram)).rejects.toMatchObject({ code: 'FLASH_PASSWORD_NEEDED' });
    board.runFor(0.05);
    expect(board.pin('P1.0').driven).toBe(1);
  });

  it('says what a wrong password did', async () => {
    const board = new Board({ image: oldProgram });
    await expect(flash(new BoardLine(board), newProgram, { password: blank })).rejects.toMatchObject({
      code: 'FLASH_PASSWORD',
      message: expect.stringContaining('--calibration'),
    });
  });

  it('refuses another chip before it changes anything', async () => {
    const board = new Board({ image: oldProgram });
    const line = new BoardLine(board, { chipId: [0xf2, 0x6f] });
    await expect(flash(line, newProgram, { massErase: true, loseCalibration: true })).rejects.toMatchObject({
      code: 'FLASH_WRONG_DEVICE',
      message: expect.stringContaining('F26F'),
    });
    expect(board.mcu.peek(0xc000)).toBe(0xb2);
  });

  it('mass erase with the password brings info memory back', async () => {
    const board = new Board({ image: oldProgram, info: { C: new Uint8Array(64).fill(0x5a) } });
    const before = memory(board, 0x1000, 256);
    await flash(
      new BoardLine(board),
      newProgram,
      { password: password(oldProgram), massErase: true },
      makePlan(newProgram),
    );
    expect(memory(board, 0x1000, 256)).toEqual(before);
  });

  it('mass erase without the password wants a calibration, or leave to lose it', async () => {
    const board = new Board({ image: oldProgram });
    const calibration = infoA(board);
    const saved = memory(board, 0x1000, 256);
    await expect(flash(new BoardLine(board), newProgram, { massErase: true })).rejects.toMatchObject({
      code: 'FLASH_CALIBRATION',
    });
    expect(infoA(board)).toEqual(calibration);
    await flash(new BoardLine(board), newProgram, { massErase: true, calibration: saved });
    expect(infoA(board)).toEqual(calibration);
    const { notices } = await flash(new BoardLine(board), oldProgram, { massErase: true, loseCalibration: true });
    expect(infoA(board).every((byte) => byte === 0xff)).toBe(true);
    expect(notices.join()).toContain('no valid calibration');
    expect(memory(board, 0xc000, 0x4000)).toEqual(makePlan(oldProgram).flash);
  });

  it('stops at bits that do not take', async () => {
    const board = new Board({ image: oldProgram });
    const line = new BoardLine(board);
    line.onWrite = (frame) => {
      // A worn cell: reads as 0 whatever was programmed.
      if (frame[1] === 0x14 && frame[5]! >= 0xc0) board.mcu.poke(0xc010, Uint8Array.of(0));
    };
    await expect(flash(line, newProgram, { password: password(oldProgram) })).rejects.toMatchObject({
      code: 'FLASH_VERIFY',
      message: expect.stringMatching(/0xc010.*run the same command again/s),
    });
    expect(board.mcu.peekWord(0xfffe)).toBe(0xffff);
  });

  it('is repaired by a second run, wherever the first one ends', async () => {
    const whole = new BoardLine(new Board({ image: oldProgram }));
    await flash(whole, newProgram, { password: password(oldProgram) });
    const frames = whole.written.length;
    expect(frames).toBeGreaterThan(20);
    for (let end = 1; end < frames; end++) {
      rmSync(folder, { recursive: true });
      const board = new Board({ image: oldProgram });
      const calibration = infoA(board);
      const first = new BoardLine(board);
      let sent = 0;
      first.onWrite = () => {
        if (++sent > end) throw cablePulled();
      };
      await expect(flash(first, newProgram, { password: password(oldProgram) })).rejects.toMatchObject({
        code: 'FLASH_LOST',
      });
      board.runFor(0.2);
      // A reset in between finds the old program, an empty chip, or the whole new one: never half of one.
      const vector = board.mcu.peekWord(0xfffe);
      if (vector !== 0xffff) {
        const held = board.mcu.peekWord(0xc000 + 0x0a) === 0x43d2 ? newProgram : oldProgram;
        expect(memory(board, 0xc000, 0x4000), `after ${end} frames`).toEqual(makePlan(held).flash);
      }
      await flash(new BoardLine(board), newProgram, { password: password(oldProgram) });
      expect(memory(board, 0xc000, 0x4000), `after ${end} frames`).toEqual(makePlan(newProgram).flash);
      expect(infoA(board), `after ${end} frames`).toEqual(calibration);
      expect([...memory(board, 0x1002, 8)]).toEqual([...id]);
      expect(readdirSync(folder)).toEqual(['info-test.txt']);
    }
  }, 120_000);
});

it('an interrupted flash of a chip that keeps its contents at a wrong password', async () => {
  const keeping = makeImage('ti-txt', [
    ...oldProgram.segments,
    { address: 0xffde, data: Uint8Array.of(0, 0, 2, 0xc0) },
  ]);
  const board = new Board({ image: keeping });
  const first = new BoardLine(board);
  first.onWrite = (frame) => {
    if (frame[1] === 0x16) throw cablePulled(); // just before it would have been erased
  };
  await expect(flash(first, newProgram, { password: password(keeping) })).rejects.toMatchObject({ code: 'FLASH_LOST' });
  await expect(flash(new BoardLine(board), newProgram)).rejects.toMatchObject({ code: 'FLASH_PASSWORD' });
  expect(memory(board, 0xc000, 0x4000)).toEqual(makePlan(keeping).flash);
  await flash(new BoardLine(board), newProgram, { password: password(keeping) });
  expect(memory(board, 0xc000, 0x4000)).toEqual(makePlan(newProgram).flash);
});

describe('an image', () => {
  const withInfoA = makeImage('ti-txt', [...oldProgram.segments, { address: 0x10f8, data: Uint8Array.of(1) }]);

  it('that touches info A is refused unless that is asked for', async () => {
    expect(() => makePlan(withInfoA)).toThrow(expect.objectContaining({ code: 'FLASH_INFO_A' }));
    const board = new Board({ image: oldProgram });
    const before = infoA(board);
    await flash(
      new BoardLine(board),
      oldProgram,
      { password: password(oldProgram) },
      makePlan(withInfoA, { infoA: true }),
    );
    before[0x38] = 1;
    expect(infoA(board)).toEqual(before);
  });

  it('that switches the loader off comes with a warning', () => {
    const image = makeImage('ti-txt', [...oldProgram.segments, { address: 0xffde, data: Uint8Array.of(0x55, 0xaa) }]);
    expect(makePlan(image).warnings.join()).toContain('0xffde');
  });
});
