import { expect, it } from 'vitest';
import type { TraceEvent } from './devices/device.ts';
import { Tracer, traceLine } from './trace.ts';

it('sends events, stamped with the time, to those who want their kind', () => {
  const tracer = new Tracer(() => 1.5);
  const [all, some]: [TraceEvent[], TraceEvent[]] = [[], []];
  expect(tracer.wants('pin')).toBe(false);
  const remove = tracer.add((event) => some.push(event), ['led']);
  expect([tracer.wants('pin'), tracer.wants('led')]).toEqual([false, true]);
  tracer.add((event) => all.push(event));
  tracer.emit({ kind: 'pin', pin: 'P1.0', level: 1 });
  tracer.emit({ kind: 'led', led: 'led1', brightness: 1 });
  remove();
  tracer.emit({ kind: 'led', led: 'led1', brightness: 0 });
  expect(some).toEqual([{ t: 1.5, kind: 'led', led: 'led1', brightness: 1 }]);
  expect(all).toHaveLength(3);
});

it('reads as lines', () => {
  const lines = (
    [
      { kind: 'i2c', addr: 0x45, write: [0x10, 0], read: [], ack: true },
      { kind: 'i2c', addr: 0x53, write: [0], read: [0xe5], ack: true },
      { kind: 'i2c', addr: 0x20, write: [], read: [], ack: false },
      { kind: 'uart', dir: 'tx', byte: 0x41 },
      { kind: 'motor', duty: 0.5 },
      { kind: 'cpu', event: 'reset', detail: 'pin' },
    ] satisfies TraceEvent[]
  ).map((event) => traceLine({ t: 0.25, ...event }));
  expect(lines).toEqual([
    '    0.250000  i2c   0x45 write 10 00',
    '    0.250000  i2c   0x53 write 00 read e5',
    '    0.250000  i2c   0x20 NACK',
    '    0.250000  uart  tx 41 A',
    '    0.250000  motor duty 0.5',
    '    0.250000  cpu   reset: pin',
  ]);
});
