import { expect, test } from 'vitest';
import { VirtualClock } from '../link/index.ts';
import type { SerialPortEntry } from '../transport/list.ts';
import type { LogEntry } from './log.ts';
import { SerialWatch } from './serial-watch.ts';

const board = { vendorId: '0451', productId: 'f432', name: 'MSP-EXP430G2 LaunchPad' };
const launchPad: SerialPortEntry = { url: 'serial:/dev/ttyACM0', path: '/dev/ttyACM0', usbId: '0451:f432', board };
const modem: SerialPortEntry = { url: 'serial:/dev/ttyS0', path: '/dev/ttyS0' };

function watchOf(list: () => Promise<SerialPortEntry[]>) {
  const clock = new VirtualClock();
  const happened: string[] = [];
  const log: LogEntry[] = [];
  const watch = new SerialWatch({
    clock,
    list,
    log: (entry) => log.push(entry),
    onFound: ({ path }) => happened.push(`+${path}`),
    onGone: ({ path }) => happened.push(`-${path}`),
  });
  return { clock, happened, log, watch };
}

test('finds a board that is plugged in later, once, and notices that it is gone', async () => {
  let ports = [modem];
  const { clock, happened } = watchOf(async () => ports);
  await clock.advance(6000);
  expect(happened).toEqual([]);
  ports = [modem, launchPad];
  await clock.advance(6000);
  expect(happened).toEqual(['+/dev/ttyACM0']);
  ports = [modem];
  await clock.advance(2000);
  expect(happened).toEqual(['+/dev/ttyACM0', '-/dev/ttyACM0']);
});

test('says once that there is nothing, and what there is instead', async () => {
  const { clock, log } = watchOf(async () => [modem]);
  await clock.advance(20_000);
  expect(log).toHaveLength(1);
  expect(log[0]).toMatchObject({ event: 'no-port', message: expect.stringContaining('/dev/ttyS0') });
});

test('a failing list is reported and tried again', async () => {
  let calls = 0;
  const { clock, happened, log } = watchOf(async () => {
    if (++calls < 3) throw new Error('no permission');
    return [launchPad];
  });
  await clock.advance(4000);
  expect(log.map(({ message }) => message)).toEqual(['no permission (still looking)']);
  expect(happened).toEqual(['+/dev/ttyACM0']);
});

test('a stopped watch finds nothing more', async () => {
  let calls = 0;
  const { clock, happened, watch } = watchOf(async () => {
    calls++;
    return [launchPad];
  });
  watch.stop();
  await clock.advance(10_000);
  expect(happened).toEqual([]);
  expect(calls).toBe(1);
});
