import { describe, expect, it, test } from 'vitest';
import { parseTiTxt } from '../emulator/image/ti-txt.ts';
import { driverArguments, explainMspdebug, MspdebugReader, mspdebugRunner } from './mspdebug.ts';
import { makePlan } from './plan.ts';

const silent = { onProgress: () => {}, onNotice: () => {} };
const image = {
  format: 'ti-txt',
  segments: parseTiTxt('@C000\n00 01 02 03\n@FFFE\n00 C0\nq\n'),
  entry: 0xc000,
  symbols: new Map<string, number>(),
  functions: [],
} as const;

test.each([
  ['rf2500', undefined, ['-n', 'rf2500']],
  ['rf2500', 'ABC1', ['-n', 'rf2500', '-s', 'ABC1']],
  ['gdbc:localhost:2000', undefined, ['-n', 'gdbc', '-d', 'localhost:2000']],
])('%s %s', (driver, serial, args) => {
  expect(driverArguments(driver, serial)).toEqual(args);
});

test.each(['gdbc', 'gdbc:host', 'rf2500 --erase', '../x'])('"%s" is no driver', (driver) => {
  expect(() => driverArguments(driver)).toThrow(expect.objectContaining({ code: 'USAGE' }));
});

/** Messages as mspdebug 0.22 writes them. */
test.each([
  ['usbutil: unable to find a device matching 0451:f432', 'TRANSPORT_NOT_FOUND', '0451:f432'],
  ["rf2500: can't claim interface: Permission denied", 'TRANSPORT_PERMISSION', 'udev'],
  ["rf2500: can't claim interface: Operation not permitted", 'TRANSPORT_PERMISSION', 'udev'],
  ["rf2500: can't claim interface: Resource temporarily unavailable", 'TRANSPORT_BUSY', 'close other debuggers'],
  ["rf2500: can't claim interface: Device or resource busy", 'TRANSPORT_BUSY', 'close other debuggers'],
  ["tilib: can't find libmsp430.so: libmsp430.so: cannot open shared object file", 'FLASH_NO_MSPDEBUG', 'libmsp430'],
  ['connect: Connection refused', 'TRANSPORT_NOT_FOUND', '--gdb'],
  ['ERROR: mismatch at c003 (read 03, expected 04)', 'FLASH_VERIFY', 'c003'],
  ['rf2500: bulk_read: No such device', 'FLASH_LOST', 'cable'],
  ['something else', 'FLASH_FAILED', 'something else'],
  ['', 'FLASH_FAILED', 'it said nothing'],
])('%s', (output, code, hint) => {
  expect(explainMspdebug(output, 'rf2500')).toMatchObject({ code, message: expect.stringContaining(hint) });
});

test('an id that gdbc cannot write is told as that', () => {
  expect(explainMspdebug('ERROR: mismatch at 1003 (read 00, expected c0)', 'gdbc:localhost:2000').message).toContain(
    'earl emulate --id',
  );
});

describe('progress', () => {
  it('adds up, however the output is cut', () => {
    const output =
      'Erasing...\nProgramming...\nWriting    4 bytes at c000...\nWriting   32 bytes at ffe0...\nDone, 36 bytes total\nVerifying   36 bytes at c000...\n';
    for (const size of [1, 7, output.length]) {
      const steps: string[] = [];
      const reader = new MspdebugReader(36, {
        onProgress: (stage, done, total) => steps.push(`${stage} ${done}/${total}`),
        onNotice: () => {},
      });
      for (let at = 0; at < output.length; at += size) reader.take(output.slice(at, at + size));
      expect(steps).toEqual(['erase 0/0', 'write 4/36', 'write 36/36', 'verify 36/36']);
      expect(reader.verified).toBe(true);
    }
  });
});

test('a program that is not installed', async () => {
  const runner = mspdebugRunner('rf2500', { program: 'mspdebug-that-is-not-there' });
  await expect(runner.flash(makePlan(image), silent, new AbortController().signal)).rejects.toMatchObject({
    code: 'FLASH_NO_MSPDEBUG',
    message: expect.stringContaining('apt-get install mspdebug'),
  });
});

test("a success that mspdebug only claims is none: 'true' verifies nothing", async () => {
  const runner = mspdebugRunner('rf2500', { program: 'true' });
  await expect(runner.flash(makePlan(image), silent, new AbortController().signal)).rejects.toMatchObject({
    code: 'FLASH_FAILED',
  });
});
