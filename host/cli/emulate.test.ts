/** The parts of `earl emulate`: the serial line outside, the scripted world, the output. */
import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Board } from '../emulator/index.ts';
import { openPty, openTcp } from './emulate-line.ts';
import { EmulateOutput } from './emulate-output.ts';
import { readWorld } from './emulate-world.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'earl-emulate-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const everyByte = Uint8Array.from({ length: 256 }, (_, index) => index);

/** Gathers what a line hears; `until` resolves when so many bytes came. */
function listener() {
  const bytes: number[] = [];
  let enough: () => void = () => {};
  return {
    bytes,
    onData: (chunk: Uint8Array) => {
      bytes.push(...chunk);
      enough();
    },
    until: (count: number) =>
      new Promise<void>((resolve) => {
        enough = () => bytes.length >= count && resolve();
        enough();
      }),
  };
}

describe('the pseudo-terminal', () => {
  it('passes every byte both ways, and is gone after close', async () => {
    const path = join(folder, 'tty');
    const heard = listener();
    const line = await openPty(path, heard.onData);
    const port = openSync(path, constants.O_RDWR | constants.O_NOCTTY);
    line.write(everyByte);
    const received: number[] = [];
    const buffer = new Uint8Array(256);
    while (received.length < 256) received.push(...buffer.subarray(0, readSync(port, buffer)));
    expect(received).toEqual([...everyByte]);
    writeSync(port, everyByte);
    await heard.until(256);
    expect(heard.bytes).toEqual([...everyByte]);
    closeSync(port);
    await line.close();
    expect(existsSync(path)).toBe(false);
  });

  it('drops and counts what nobody reads', async () => {
    const line = await openPty(join(folder, 'tty'), () => {});
    for (let kilobyte = 0; kilobyte < 200; kilobyte++) line.write(new Uint8Array(1024));
    expect(line.lost).toBeGreaterThan(50_000);
    expect(line.lost).toBeLessThan(200 * 1024);
    await line.close();
  });

  it('replaces the link of a run that was killed, and nothing else', async () => {
    const path = join(folder, 'tty');
    symlinkSync('/dev/pts/99999', path);
    const line = await openPty(path, () => {});
    await line.close();
    writeFileSync(path, 'precious');
    await expect(openPty(path, () => {})).rejects.toMatchObject({ code: 'TRANSPORT_BUSY' });
    expect(lstatSync(path).isFile()).toBe(true);
  });
});

it('serves one TCP client at a time on loopback', async () => {
  const heard = listener();
  const line = await openTcp(0, heard.onData);
  line.write(Uint8Array.of(1));
  expect(line.lost).toBe(1);
  const port = Number(line.description.split(':').at(-1));
  const client = connect(port, '127.0.0.1');
  const answer = listener();
  client.on('data', (bytes) => answer.onData(new Uint8Array(bytes)));
  client.write(everyByte);
  await heard.until(256);
  line.write(everyByte);
  await answer.until(256);
  expect(answer.bytes).toEqual([...everyByte]);
  await expect(openTcp(port, () => {})).rejects.toMatchObject({ code: 'PORT_IN_USE' });
  const second = connect(port, '127.0.0.1');
  await new Promise((resolve) => second.on('close', resolve));
  client.destroy();
  await line.close();
});

describe('the world file', () => {
  const world = (content: unknown) => {
    const path = join(folder, 'world.json');
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    return readWorld(path);
  };

  it('happens at its times', () => {
    const script = world({
      alive: false,
      events: [
        { at: '100ms', lux: 800, temperature: 31, acceleration: [1, 0, 0] },
        { at: 0.2, button: 'press', supply: 2.5 },
        { at: '0.3s', button: 'release', lux: null, i2c: { holdSda: true } },
      ],
    });
    expect(script.alive).toBe(false);
    const board = new Board({ alive: false });
    script.apply(board);
    const seen = () => [board.world.lux(board.seconds), board.mcu.pin(1, 3).level, board.mcu.pin(1, 7).level];
    board.runFor(0.05);
    expect(seen()).toEqual([300, 1, 1]);
    board.runFor(0.1);
    expect(seen()).toEqual([800, 1, 1]);
    expect(board.mcu.temperatureCelsius).toBe(31);
    board.runFor(0.1);
    expect(seen()).toEqual([800, 0, 1]);
    expect(board.mcu.supplyVolts).toBe(2.5);
    board.runFor(0.1);
    expect(seen()).toEqual([300, 1, 0]);
  });

  it('names what it does not understand', () => {
    for (const [content, hint] of [
      ['{', 'world.json'],
      [[], 'events'],
      [{ events: [{ lux: 1 }] }, 'event 1: "at"'],
      [{ events: [{ at: 1 }, { at: 1, lucks: 1 }] }, 'event 2: "lucks"'],
      [{ events: [{ at: 1, lux: 'bright' }] }, '"lux" is a number'],
      [{ events: [{ at: 1, button: 'hit' }] }, '"press"'],
      [{ events: [{ at: 1, i2c: { explode: 1 } }] }, '"explode"'],
    ] as const) {
      expect(() => world(content)).toThrowError(
        expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(hint) }),
      );
    }
  });
});

describe('the output', () => {
  const output = (json: boolean) => {
    const stream = new PassThrough();
    return {
      output: new EmulateOutput(stream as unknown as NodeJS.WriteStream, json),
      lines: () => String(stream.read() ?? ''),
    };
  };

  it('is a JSON object a line, the time first', () => {
    const { output: out, lines } = output(true);
    out.event({ t: 0.1234567891234, kind: 'i2c', addr: 69, write: [16, 0], read: [], ack: true });
    out.flush(1);
    expect(lines()).toBe('{"t":0.123456789,"kind":"i2c","addr":69,"write":[16,0],"read":[],"ack":true}\n');
  });

  it('shows text as text, and anything else in hex when the line is quiet', () => {
    const { output: out, lines } = output(false);
    const bytes = [...'hello\r\n'].map((char) => char.charCodeAt(0)).concat(0, 0x41, 0xff);
    for (const [index, byte] of bytes.entries()) out.byte(byte, (index + 1) / 1000);
    const t = bytes.length / 1000;
    out.flush(t + 0.01);
    expect(lines()).toBe('    0.001000  uart  hello\n');
    out.flush(t + 0.05);
    expect(lines()).toBe('    0.008000  uart  00 41 ff\n');
  });
});
