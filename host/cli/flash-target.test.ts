import { expect, test } from 'vitest';
import { knownBoard } from '../transport/boards.ts';
import type { SerialPortEntry } from '../transport/list.ts';
import { chooseRunner } from './flash-target.ts';

const bsl = { stateFolder: '/nowhere' };

function port(path: string, usbId?: string, serialNumber?: string): SerialPortEntry {
  const board = usbId && knownBoard(...(usbId.split(':') as [string, string]));
  return {
    url: `serial:${path}`,
    path,
    ...(usbId && { usbId }),
    ...(serialNumber && { serialNumber }),
    ...(board && { board }),
  };
}

const one = port('/dev/ttyACM0', '0451:f432', 'AAA');
const two = port('/dev/ttyACM1', '0451:f432', 'BBB');
const newer = port('/dev/ttyACM2', '2047:0013', 'CCC');
const adapter = port('/dev/ttyUSB0', '0403:6001', 'FT1');
const choose = (flags: { runner?: string; port?: string }, ports: SerialPortEntry[]) =>
  chooseRunner(flags, bsl, async () => ports).then(({ name }) => name);

test('the only LaunchPad is taken', async () => {
  expect(await choose({}, [one, adapter, port('/dev/ttyS0')])).toBe('mspdebug:rf2500');
  expect(await choose({}, [newer])).toBe('mspdebug:tilib');
  expect(await choose({ runner: 'mspdebug' }, [one])).toBe('mspdebug:rf2500');
});

test('two are listed, and neither is taken', async () => {
  const error = await choose({}, [one, two]).catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code: 'USAGE' });
  expect((error as Error).message).toBe(
    'several boards are connected: choose one with --port\n' +
      '  /dev/ttyACM0 (MSP-EXP430G2 LaunchPad, 0451:f432, serial number AAA)\n' +
      '  /dev/ttyACM1 (MSP-EXP430G2 LaunchPad, 0451:f432, serial number BBB)',
  );
  await expect(choose({ runner: 'mspdebug:rf2500' }, [one, two])).rejects.toMatchObject({ code: 'USAGE' });
});

test.each(['/dev/ttyACM1', 'serial:/dev/ttyACM1', 'BBB'])('--port %s chooses', async (name) => {
  expect(await choose({ port: name }, [one, two])).toBe('mspdebug:rf2500');
});

test('a board that mspdebug could not tell from the others is not taken', async () => {
  const nameless = port('/dev/ttyACM3', '0451:f432');
  await expect(choose({ port: '/dev/ttyACM3' }, [one, nameless])).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining('unplug the others'),
  });
});

test('wrong or missing boards', async () => {
  await expect(choose({ port: '/dev/ttyACM9' }, [one])).rejects.toMatchObject({ code: 'TRANSPORT_NOT_FOUND' });
  await expect(choose({}, [])).rejects.toMatchObject({ code: 'TRANSPORT_NOT_FOUND' });
  await expect(choose({}, [adapter])).rejects.toMatchObject({
    code: 'TRANSPORT_NOT_FOUND',
    message: expect.stringContaining('--runner bsl:/dev/ttyUSB0'),
  });
});

test.each(['bsl:', 'jtag', 'mspdebug:a b', 'emu:'])('"%s" is no runner', async (runner) => {
  await expect(choose({ runner }, [])).rejects.toMatchObject({ code: 'USAGE' });
});

test('named runners need no list', async () => {
  expect(await choose({ runner: 'bsl:/dev/ttyUSB0' }, [])).toBe('bsl:/dev/ttyUSB0');
  expect(await choose({ runner: 'bsl', port: '/dev/ttyUSB0' }, [])).toBe('bsl:/dev/ttyUSB0');
  expect(await choose({ runner: 'mspdebug:gdbc:localhost:2000' }, [])).toBe('mspdebug:gdbc:localhost:2000');
  expect(await choose({ runner: 'emu:ball' }, [])).toBe('emu:ball');
});
