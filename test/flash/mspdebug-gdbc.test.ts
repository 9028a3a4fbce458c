/**
 * `earl flash --runner mspdebug:gdbc:…`, which is what `make flash DRIVER=gdbc:HOST:PORT` calls, with the real mspdebug on
 * an emulated board's GDB stub. Skipped where mspdebug is not installed.
 */
import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GdbServer } from '../../host/cli/emulate-gdb.ts';
import { Board } from '../../host/emulator/index.ts';
import { makePlan, mspdebugRunner } from '../../host/flash/index.ts';
import { buildInfoSegment, parseId } from '../../host/link/index.ts';
import { readImage } from '../../host/transport/firmware-image.ts';

const installed = spawnSync('mspdebug', ['--version']).error === undefined;
const id = parseId('02c0ffee00000001');

let board: Board;
let server: GdbServer;
let over: AbortController;
let serving: Promise<void>;

describe.skipIf(!installed)('mspdebug gdbc', () => {
  beforeEach(async () => {
    board = new Board({ alive: false });
    board.load(readImage('led_test'));
    server = await GdbServer.listen(0);
    over = new AbortController();
    serving = server.run({
      board,
      speed: Number.POSITIVE_INFINITY,
      seconds: Number.POSITIVE_INFINITY,
      signal: over.signal,
      afterSlice: () => {},
      drained: async () => {},
    });
  });
  afterEach(async () => {
    over.abort();
    await serving;
    await server.close();
  });

  function flash(plan: ReturnType<typeof makePlan>, steps: string[] = []) {
    const listener = { onProgress: (stage: string) => void steps.push(stage), onNotice: () => {} };
    return mspdebugRunner(`gdbc:127.0.0.1:${server.port}`).flash(plan, listener, new AbortController().signal);
  }

  const read = (start: number, length: number) =>
    Uint8Array.from({ length }, (_, index) => board.mcu.peek(start + index));

  it('writes a program and an id, verifies both and leaves info A alone', async () => {
    const calibration = read(0x10c0, 64);
    const plan = makePlan(readImage('ball'), { id });
    const steps: string[] = [];
    const { bytes } = await flash(plan, steps);
    expect(bytes).toBeGreaterThan(1000);
    expect([...new Set(steps)]).toEqual(['erase', 'write', 'verify']);
    expect(read(0xc000, 0x4000)).toEqual(plan.flash);
    expect(read(0x1000, 64)).toEqual(buildInfoSegment(id));
    expect(read(0x10c0, 64)).toEqual(calibration);
  });

  it('says that gdbc cannot replace an id', async () => {
    board.mcu.poke(0x1000, buildInfoSegment(id));
    await expect(flash(makePlan(readImage('ball'), { id: parseId('ffffffffffffffff') }))).rejects.toMatchObject({
      code: 'FLASH_VERIFY',
      message: expect.stringContaining('info memory'),
    });
  });

  it('without a stub says how to start one', async () => {
    const runner = mspdebugRunner('gdbc:127.0.0.1:9');
    const listener = { onProgress: () => {}, onNotice: () => {} };
    await expect(
      runner.flash(makePlan(readImage('ball')), listener, new AbortController().signal),
    ).rejects.toMatchObject({ code: 'TRANSPORT_NOT_FOUND', message: expect.stringContaining('--gdb') });
  });
});
