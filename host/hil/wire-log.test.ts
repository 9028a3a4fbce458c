import { expect, test } from 'vitest';
import { encodeFrame, encodeMessage } from '../link/index.ts';
import { decodeWireLog, readWireLog, WireLog } from './wire-log.ts';

const ping = encodeFrame({ ...encodeMessage({ name: 'ping' }), sequence: 7 });

test('what was recorded is read again, and shown as messages', () => {
  const log = new WireLog();
  log.add(1, 'down', ping.subarray(0, 3));
  log.add(2.5, 'down', ping.subarray(3));
  const ack = encodeMessage({ name: 'ack', commandSequence: 7, status: 0, data: Uint8Array.of(1, 255) });
  log.add(20, 'up', encodeFrame({ ...ack, sequence: 65535 }));
  const text = log.write({ target: 'bench-1', case: 'a case' });
  const { about, chunks } = readWireLog(text, 'x.jsonl');
  expect(about).toMatchObject({ target: 'bench-1', case: 'a case', dropped: 0 });
  expect([...decodeWireLog(chunks)]).toEqual([
    '         2.5 ms host  -> #7     ping',
    '        20.0 ms probe -> #65535 ack commandSequence=7 status=0 data=01ff',
  ]);
});

test('noise and damage are shown with their bytes', () => {
  const damaged = ping.slice();
  damaged[1] = damaged[1]! ^ 1;
  const lines = [
    ...decodeWireLog([
      { t: 0, dir: 'up', bytes: damaged },
      { t: 1, dir: 'up', bytes: Uint8Array.of(0x11, 0x22, 0) },
      { t: 2, dir: 'up', bytes: ping },
    ]),
  ];
  expect(lines).toHaveLength(3);
  expect(lines[0]).toMatch(/probe -> wrong CRC: [0-9a-f]{14}$/);
  expect(lines[1]).toMatch(/probe -> no frame: 112200$/);
  expect(lines[2]).toMatch(/#7 +ping$/);
});

test('of a long case the newest is kept, and what is missing is said', () => {
  const log = new WireLog();
  for (let index = 0; index < 50_000; index++) log.add(index, 'up', Uint8Array.of(index & 0xff));
  const { about, chunks } = readWireLog(log.write({}), 'x');
  expect(chunks).toHaveLength(20_000);
  expect(about.dropped).toBe(30_000);
  expect(chunks.at(-1)!.t).toBe(49_999);
});

test.each([
  ['', /x: no wire log/],
  ['{"earl":"wire log","version":2}', /x: no wire log/],
  ['hello', /x: no wire log/],
  ['{"earl":"wire log","version":1}\n{"t":1,"dir":"left","hex":""}', /x, line 2: write/],
  ['{"earl":"wire log","version":1}\n\n{"t":1,"dir":"up","hex":"abc"}', /x, line 3: write/],
])('%j is refused', (text, message) => {
  expect(() => readWireLog(text, 'x')).toThrow(message);
});
