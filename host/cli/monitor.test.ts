/** The parts of `earl monitor` on literal frames and a scripted transport, and the command as a process. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from 'vitest';
import { EarlError } from '../../errors/index.ts';
import { encodeFrame, encodeMessage, type Message, VirtualClock } from '../link/index.ts';
import type { Connection, ConnectionHandlers, Transport } from '../transport/transport.ts';
import { monitorUrl } from './monitor.ts';
import { type DecodedEvent, errorCount, MonitorDecoder } from './monitor-decoder.ts';
import { PortMonitor } from './monitor-port.ts';
import { countersText, dumpLines, eventObject, eventText, hex, messageText } from './monitor-text.ts';

const light: Message = { name: 'light_sample', timeMs: 1500, illuminance: 300, temperature: 2310, supply: 2950 };
const still: Message = { name: 'event', timeMs: 7, value: 262, event: 1 };
const hello: Message = {
  name: 'hello',
  kind: 1,
  versionMajor: 0,
  versionMinor: 1,
  versionPatch: 0,
  id: Uint8Array.of(2, 0, 0, 1, 0xc0, 0xff, 0xee, 0),
  capabilities: 0x8003,
  boots: 2,
  intervalMs: 250,
  session: 0,
  resetCause: 2,
};

const frame = (message: Message, sequence: number) => encodeFrame({ sequence, ...encodeMessage(message) });

function decoded(...chunks: readonly Uint8Array[]) {
  const events: DecodedEvent[] = [];
  const decoder = new MonitorDecoder((event) => events.push(event));
  for (const chunk of chunks) decoder.push(chunk);
  return { decoder, events };
}

const SILENCE = Uint8Array.of(0);

describe('decoding', () => {
  it('is the same wherever the stream is cut', () => {
    const stream = Uint8Array.from([0, ...frame(hello, 0), ...frame(light, 1), 5, 1, 0, ...frame(still, 4)]);
    const whole = decoded(stream).events;
    expect(whole.map(({ event }) => event)).toEqual(['message', 'message', 'damaged', 'message']);
    for (let at = 1; at < stream.length; at++) {
      expect(decoded(stream.subarray(0, at), stream.subarray(at)).events).toEqual(whole);
    }
  });

  it.each([
    ['cobs', '05 01'],
    ['length', '02 61'],
    ['crc', '02 61 01 03 c7 61'],
    ['unknown_type', hex(encodeFrame({ type: 63, sequence: 0, payload: new Uint8Array(0) }).slice(0, -1))],
    ['short_payload', hex(encodeFrame({ type: 4, sequence: 0, payload: Uint8Array.of(1) }).slice(0, -1))],
    ['echo', '02 61 01 03 c7 60'],
  ])('%s: the frame is shown', (reason, text) => {
    const bytes = Uint8Array.from(text.split(' ').map((byte) => Number.parseInt(byte, 16)));
    const { decoder, events } = decoded(SILENCE, bytes, SILENCE);
    expect(events).toEqual([{ event: 'damaged', reason, bytes }]);
    expect(eventText(events[0]!)).toMatch(new RegExp(`^\\?\\?  .+: ${text}$`));
    expect(eventObject(events[0]!)).toEqual({ event: 'damaged', reason, hex: text });
    expect(errorCount(decoder.counters)).toBe(1);
  });

  it('a frame whose beginning nobody heard is no error', () => {
    const { decoder, events } = decoded(frame(light, 9).subarray(4), frame(light, 10));
    expect(events.map((event) => (event.event === 'damaged' ? event.reason : event.event))).toEqual(['cut', 'message']);
    expect(errorCount(decoder.counters)).toBe(0);
    expect(decoder.counters.damaged.cut).toBe(1);
  });

  it('noise without end is shown in pieces, counted once, and explained once', () => {
    const text = new TextEncoder().encode('Hello from another firmware\r\n'.repeat(40));
    const { decoder, events } = decoded(SILENCE, text, SILENCE);
    const shown = events.flatMap((event) => (event.event === 'damaged' ? [...event.bytes] : []));
    expect(shown).toEqual([...text]);
    expect(events.filter(({ event }) => event === 'unreadable')).toHaveLength(1);
    expect(decoder.counters).toMatchObject({ bytes: text.length + 2, frames: 0, damaged: { length: 1 } });
  });

  it('counts what is missing, late and doubled; a start is no loss', () => {
    const { decoder, events } = decoded(
      SILENCE,
      frame(light, 7),
      frame(light, 10),
      frame(light, 9),
      frame(light, 9),
      frame(hello, 0),
      frame(light, 1),
      frame(light, 5000),
      frame(light, 5001),
    );
    const notes = events.map((event) => (event.event === 'message' ? [event.arrival, event.lostBefore] : event));
    expect(notes).toEqual([
      ['in order', 0],
      ['in order', 2],
      ['late', 0],
      ['duplicate', 0],
      ['start', 0],
      ['in order', 0],
      ['jump', 0],
      ['in order', 0],
    ]);
    expect(decoder.counters).toMatchObject({ frames: 8, lost: 1, duplicates: 1 });
  });
});

describe('text', () => {
  it('has names and units', () => {
    expect(messageText(light)).toBe(
      'light_sample  time 1500 ms  illuminance 300 lx  temperature 23.10 °C  supply 2.950 V',
    );
    expect(messageText(hello)).toContain('kind ball');
    expect(messageText(hello)).toContain('id 02000001c0ffee00  capabilities leds,button,provisioned');
    expect(messageText(hello)).toContain('resetCause watchdog');
    expect(messageText({ name: 'arm_sample', timeMs: 0, x: 1000, y: 0, z: -1 })).toContain(
      'x 9.807 m/s²  y 0.000 m/s²  z -0.010 m/s²',
    );
    expect(messageText({ name: 'ack', commandSequence: 3, status: 4, data: new Uint8Array(0) })).toBe(
      'ack  commandSequence 3  status i2c_nack  data none',
    );
    const [event] = decoded(SILENCE, frame(light, 0), frame(light, 3)).events.slice(1);
    expect(eventText(event!)).toMatch(/^#3 {2}light_sample .*\(2 lost before\)$/);
  });

  it('as JSON: fields as on the wire, quantities in SenML units', () => {
    const [event] = decoded(SILENCE, frame(light, 12)).events;
    expect(eventObject(event!)).toEqual({
      event: 'message',
      name: 'light_sample',
      sequence: 12,
      fields: { timeMs: 1500, illuminance: 300, temperature: 2310, supply: 2950 },
      quantities: {
        illuminance: { value: 300, unit: 'lx' },
        temperature: { value: 23.1, unit: 'Cel' },
        supply: { value: 2.95, unit: 'V' },
      },
    });
    const [greeting] = decoded(SILENCE, frame(hello, 0)).events;
    expect(eventObject(greeting!)).toMatchObject({ fields: { id: '02000001c0ffee00', kind: 'ball' } });
  });

  it('raw bytes in hex and ASCII, 16 a line', () => {
    expect(dumpLines(new TextEncoder().encode('Hello, board! 0123\n'))).toEqual([
      '48 65 6c 6c 6f 2c 20 62 6f 61 72 64 21 20 30 31  |Hello, board! 01|',
      '32 33 0a                                         |23.|',
    ]);
  });

  it('the summary', () => {
    const { decoder } = decoded(SILENCE, frame(light, 0), frame(light, 4), Uint8Array.of(5, 1, 0));
    expect(countersText(decoder.counters, 2, 1)).toBe(
      `2 frames; 1 errors (1 cobs); 3 lost; ${decoder.counters.bytes} bytes in 2.0 s; 1 reconnections`,
    );
  });
});

/** A transport whose connections are made and broken by the test; a failure is an answer to `connect`. */
class ScriptedTransport implements Transport {
  readonly url = 'test:';
  readonly written: number[][] = [];
  failures: EarlError[] = [];
  handlers: ConnectionHandlers | undefined;

  async connect(handlers: ConnectionHandlers): Promise<Connection> {
    const failure = this.failures.shift();
    if (failure) throw failure;
    this.handlers = handlers;
    return {
      write: async (bytes) => void this.written.push([...bytes]),
      close: async () => handlers.onClose(),
    };
  }

  async dispose(): Promise<void> {
    this.handlers?.onClose();
  }
}

describe('listening', () => {
  const lost = new EarlError('TRANSPORT_LOST', 'the cable was pulled');
  const gone = () => new EarlError('TRANSPORT_NOT_FOUND', 'no such port');
  const settled = () => new Promise((resolve) => setImmediate(resolve));

  function listening(greetWith?: number) {
    const transport = new ScriptedTransport();
    const clock = new VirtualClock();
    const said: string[] = [];
    const handlers = {
      onBytes: (bytes: Uint8Array) => void said.push(`bytes ${bytes.length}`),
      onConnected: (again: boolean) => void said.push(again ? 'again' : 'connected'),
      onLost: () => void said.push('lost'),
      onRetry: (reason: string, delayMs: number) => void said.push(`${reason}, ${delayMs} ms`),
    };
    const monitor = new PortMonitor({ transport, clock, handlers, greetWith, random: () => 1 });
    return { transport, clock, said, monitor };
  }

  it('fails when the first connection does', async () => {
    const { transport, monitor } = listening();
    transport.failures = [gone()];
    await expect(monitor.run()).rejects.toMatchObject({ code: 'TRANSPORT_NOT_FOUND' });
  });

  it('comes back with growing pauses, says each reason once, and sends nothing', async () => {
    const { transport, clock, said, monitor } = listening();
    const ended = monitor.run();
    await settled();
    transport.handlers!.onData(new Uint8Array(3));
    transport.failures = [gone(), gone()];
    transport.handlers!.onClose(lost);
    for (const pauseMs of [500, 1000, 2000]) {
      await settled();
      await clock.advance(pauseMs - 1);
      expect(said.at(-1)).not.toBe('again');
      await clock.advance(1);
    }
    expect(said).toEqual([
      'connected',
      'bytes 3',
      'lost',
      'the cable was pulled, 500 ms',
      'no such port, 1000 ms',
      'again',
    ]);
    expect(monitor.reconnections).toBe(1);
    expect(transport.written).toEqual([]);
    await monitor.stop();
    await ended;
  });

  it('stops while it waits', async () => {
    const { transport, monitor } = listening();
    const ended = monitor.run();
    await settled();
    transport.handlers!.onClose(lost);
    await settled();
    await monitor.stop();
    await ended;
  });

  it('greets at each connection where it is asked to', async () => {
    const { transport, monitor } = listening(0x1234);
    const ended = monitor.run();
    await settled();
    const greeting = frame({ name: 'hello_request', session: 0x1234 }, 0);
    expect(transport.written).toEqual([[0, ...greeting]]);
    await monitor.stop();
    await ended;
  });
});

it('a path is a serial port, and the rate goes where there is one', async () => {
  expect(await monitorUrl('/dev/ttyACM0', undefined)).toBe('serial:/dev/ttyACM0');
  expect(await monitorUrl('/dev/ttyACM0', 19200)).toBe('serial:/dev/ttyACM0?baud=19200');
  expect(await monitorUrl('COM3', undefined)).toBe('serial:COM3');
  expect(await monitorUrl('emu:ball?seed=2', 4800)).toBe('emu:ball?seed=2&baud=4800');
  await expect(monitorUrl('tcp:127.0.0.1:4000', 9600)).rejects.toMatchObject({ code: 'USAGE' });
  await expect(monitorUrl('serial:/dev/tty?baud=300', 9600)).rejects.toMatchObject({ code: 'USAGE' });
});

describe('earl monitor as a process', () => {
  const running: ChildProcessWithoutNullStreams[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'earl-monitor-'));
  afterEach(() => {
    for (const child of running.splice(0)) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  function earl(...args: string[]) {
    const env = { ...process.env, XDG_RUNTIME_DIR: folder };
    const child = spawn(process.execPath, ['tools/run.mjs', 'host/cli/main.ts', ...args], { env });
    running.push(child);
    const errors: string[] = [];
    const heard = createInterface(child.stderr);
    heard.on('line', (line) => errors.push(line));
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const ended = once(child, 'close').then(([code]) => code as number);
    return {
      child,
      ended,
      errors,
      line: async () => String((await lines.next()).value),
      /** A line on stderr that holds `text`. */
      says: async (text: string) => {
        while (!errors.some((line) => line.includes(text))) await once(heard, 'line');
      },
      /** A JSON line with these values. */
      until: async (wanted: Record<string, unknown>) => {
        for (;;) {
          const next = await lines.next();
          if (next.done) throw new Error(`ended without ${JSON.stringify(wanted)}: ${errors.join('\n')}`);
          const object = JSON.parse(String(next.value)) as Record<string, unknown>;
          if (Object.entries(wanted).every(([key, value]) => object[key] === value)) return object;
        }
      },
    };
  }

  it('decodes a board that earl emulate serves on a pseudo-terminal, which does not notice', async () => {
    const path = join(folder, 'tty');
    const board = earl('emulate', 'light', '--pty', path, '--trace', 'uart', '--json');
    await board.says('UART of light');
    const devices = earl('devices', '--json');
    const listed = JSON.parse(await devices.line()) as { running: object[] };
    expect(listed.running).toEqual([expect.objectContaining({ name: 'light', url: `serial:${path}` })]);
    const monitor = earl('monitor', path, '--json');
    expect(await monitor.until({ event: 'connected' })).toMatchObject({ url: `serial:${path}` });
    const sample = await monitor.until({ event: 'message', name: 'light_sample' });
    expect(sample.quantities).toMatchObject({ illuminance: { unit: 'lx' }, supply: { unit: 'V' } });
    monitor.child.kill('SIGINT');
    const counters = await monitor.until({ event: 'counters' });
    expect(counters.frames).toBeGreaterThan(0);
    expect(counters.errors).toBe(0);
    expect(await monitor.ended).toBe(0);
    board.child.kill('SIGINT');
    expect(await board.ended).toBe(0);
    expect(board.errors.at(-1)).toMatch(/UART [1-9]\d* bytes sent, 0 received/);
    expect(JSON.parse(await earl('devices', '--json').line())).toMatchObject({ running: [] });
  });

  it('shows an emulated probe to people, and ends after --for', async () => {
    const monitor = earl('monitor', 'emu:ball', '--for', '2s', '--timestamps');
    expect(await monitor.line()).toMatch(/^\d\d:\d\d:\d\d\.\d{3} {2}#0 {2}hello {2}kind ball/);
    expect(await monitor.ended).toBe(0);
    expect(monitor.errors[0]).toMatch(/listening to emu:ball$/);
    expect(monitor.errors.at(-1)).toMatch(/[1-9]\d* frames; 0 errors; 0 lost; \d+ bytes in \d+\.\d s$/);
  });

  it('comes back to a port that was lost; --raw shows the bytes', async () => {
    let socket: Socket | undefined;
    const server = createServer((client) => {
      socket = client;
    });
    const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    await listen(0);
    const { port } = server.address() as { port: number };
    const monitor = earl('monitor', `tcp:127.0.0.1:${port}`, '--raw');
    await monitor.says('listening to');
    socket!.write('first');
    expect(await monitor.line()).toBe(`66 69 72 73 74${' '.repeat(33)}  |first|`);
    socket!.destroy();
    await monitor.says('trying again');
    await monitor.says('again connected');
    socket!.write('again');
    expect(await monitor.line()).toContain('|again|');
    monitor.child.kill('SIGINT');
    expect(await monitor.ended).toBe(0);
    expect(monitor.errors.at(-1)).toMatch(/^10 bytes in \d+\.\d s; 1 reconnections$/);
    server.close();
  });

  it.each([
    [['/dev/earl-has-no-such-port'], 3, 'no serial port /dev/earl-has-no-such-port'],
    [['ftp:nowhere'], 2, 'write one of'],
    [['emu:ball', '--baud', 'fast'], 2, 'rate in baud'],
    [['emu:nothing'], 3, 'no image of a probe'],
    [[], 2, 'missing required argument'],
  ] as [string[], number, string][])('%j ends with %i', async (args, code, message) => {
    const monitor = earl('monitor', ...args);
    expect(await monitor.ended).toBe(code);
    expect(monitor.errors.join('\n')).toContain(message);
  });
});
