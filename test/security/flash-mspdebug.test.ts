/** Ids and keys by the real mspdebug on an emulated board's GDB stub. Skipped where mspdebug is not installed. */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { GdbServer } from '../../host/cli/emulate-gdb.ts';
import { Board } from '../../host/emulator/index.ts';
import { type IdentityChoice, makePlan, mspdebugRunner, recordIn } from '../../host/flash/index.ts';
import { readImage } from '../../host/transport/firmware-image.ts';

const installed = spawnSync('mspdebug', ['--version']).error === undefined;

const listenerOf = (notices: string[]) => ({
  onProgress: () => {},
  onNotice: (message: string) => void notices.push(message),
});

function planWith(choice: Partial<IdentityChoice> = {}) {
  const randomBytes = (length: number) => crypto.getRandomValues(new Uint8Array(length));
  return makePlan(readImage('light'), { identity: { knownKey: () => undefined, randomBytes, ...choice } });
}

test.skipIf(!installed)("by mspdebug's own driver: info memory is read, and gets an id and a key", async () => {
  const runner = mspdebugRunner('sim');
  const { record } = await runner.flash(planWith(), listenerOf([]), new AbortController().signal);
  expect(record?.id).toHaveLength(8);
  expect(record?.key).toHaveLength(16);
});

test.skipIf(!installed)(
  'by gdbc: id and key on demand, where info memory is empty, else the board keeps them',
  async () => {
    const board = new Board({ alive: false });
    board.load(readImage('led_test'));
    const onChip = () => recordIn(Uint8Array.from({ length: 256 }, (_, at) => board.mcu.peek(0x1000 + at)));
    const notices: string[] = [];
    const flash = async (choice: Partial<IdentityChoice> = {}) => {
      const server = await GdbServer.listen(0);
      const over = new AbortController();
      const forever = Number.POSITIVE_INFINITY;
      const hooks = { signal: over.signal, afterSlice: () => {}, drained: async () => {} };
      const serving = server.run({ board, speed: forever, seconds: forever, ...hooks });
      try {
        return await mspdebugRunner(`gdbc:127.0.0.1:${server.port}`).flash(
          planWith(choice),
          listenerOf(notices),
          over.signal,
        );
      } finally {
        over.abort();
        await serving;
        await server.close();
      }
    };
    expect((await flash()).record).toBeUndefined();
    expect(onChip()).toBeUndefined();
    expect(notices.join()).toContain('--id and --key');
    const { record } = await flash({ id: 'random' });
    expect(record?.key).toHaveLength(16);
    expect(onChip()).toEqual(record);
    await flash();
    expect(onChip()).toEqual(record);
    await expect(flash({ id: 'random' })).rejects.toMatchObject({
      code: 'FLASH_VERIFY',
      message: expect.stringContaining('info memory'),
    });
  },
);
