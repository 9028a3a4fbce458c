/**
 * The wave forms of `--vcd` with decoders that nobody here wrote: sigrok-cli (Debian's package) finds the same I2C
 * transactions and UART bytes in the dump as the board traced.
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Board, type TraceEvent, VcdRecorder } from '../../host/emulator/index.ts';
import { readImage } from '../../host/transport/firmware-image.ts';
import { boardImage } from '../e2e/images.ts';

const missing =
  spawnSync('sigrok-cli', ['--version']).error !== undefined
    ? 'sigrok-cli is not installed (Debian: apt-get install sigrok-cli)'
    : undefined;
if (missing) console.warn(`the wave forms are not tried with sigrok: ${missing}`);

interface Transaction {
  readonly addr: number;
  readonly write: number[];
  readonly read: number[];
  ack: boolean;
}

let folder: string;
let file: string;
const traced: TraceEvent[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'earl-vcd-'));
  file = join(folder, 'board.vcd');
  let text = '';
  const board = new Board({ trace: (event) => traced.push(event) });
  const recorder = new VcdRecorder(board, (part) => {
    text += part;
  });
  board.load(readImage(boardImage('arm')));
  board.runFor(0.3);
  // Nobody answers: a NACK for the address, and a second one later on.
  board.i2c.refuse({ index: 0, times: 2 });
  board.uart.send(Uint8Array.of(0x55, 0x00, 0xaa));
  board.runFor(0.3);
  recorder.stop();
  writeFileSync(file, text);
});
afterAll(() => rmSync(folder, { recursive: true }));

function decode(decoder: string, annotations: string): string[] {
  const { stdout, stderr, status } = spawnSync(
    'sigrok-cli',
    ['-I', 'vcd', '-i', file, '-P', decoder, '-A', annotations],
    {
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    },
  );
  expect(status, stderr).toBe(0);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/^[^:]+: /, ''));
}

/** Annotations to transactions; a repeated start for reading goes on with the one before. */
function transactions(lines: readonly string[]): Transaction[] {
  const found: Transaction[] = [];
  let current: Transaction | undefined;
  for (const line of lines) {
    const [, what, value] = /^(Address|Data) (?:write|read): ([0-9A-F]{2})$/.exec(line) ?? [];
    const byte = value === undefined ? 0 : Number.parseInt(value, 16);
    if (what === 'Address' && (current?.addr !== byte || !line.includes('read'))) {
      current = { addr: byte, write: [], read: [], ack: true };
      found.push(current);
    } else if (what === 'Data') current![line.includes('write') ? 'write' : 'read'].push(byte);
    // The master refuses the last byte that it reads.
    else if (line === 'NACK' && current!.read.length === 0) current!.ack = false;
    else if (line === 'Stop') current = undefined;
  }
  return found;
}

describe.skipIf(missing !== undefined)('sigrok', () => {
  it('reads the same I2C transactions', () => {
    const expected = traced.flatMap((event) => {
      if (event.kind !== 'i2c') return [];
      const { addr, write, read, ack } = event;
      return [{ addr, write, read, ack }];
    });
    expect(expected.some(({ read }) => read.length === 6)).toBe(true);
    expect(expected.some(({ ack }) => !ack)).toBe(true);
    expect(transactions(decode('i2c:scl=SCL:sda=SDA', 'i2c=addr-data'))).toEqual(expected);
  });

  it('reads the same bytes on the serial line, both ways', () => {
    const bytes = (direction: 'tx' | 'rx') =>
      traced.flatMap((event) => (event.kind === 'uart' && event.dir === direction ? [event.byte] : []));
    const decoded = (line: string) =>
      decode(`uart:rx=${line}:baudrate=9600`, 'uart=rx-data').map((value) => Number.parseInt(value, 16));
    expect(bytes('tx').length).toBeGreaterThan(30);
    expect(decoded('TXD')).toEqual(bytes('tx'));
    expect(decoded('RXD')).toEqual([0x55, 0x00, 0xaa]);
    expect(bytes('rx')).toEqual([0x55, 0x00, 0xaa]);
  });
});
