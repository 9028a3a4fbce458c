/**
 * The hal on the emulated board, in an image of its own (hal_test.c), built by every compiler that is here. Expected
 * values come from the world that the test sets, the emulator's own clock and exact arithmetic; nothing is mocked.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { Board, type BoardOptions } from '../../../host/emulator/board.ts';
import type { Image } from '../../../host/emulator/image/image.ts';
import { loadImage } from '../../../host/emulator/image/load.ts';
import { Profiler } from '../../../host/emulator/profile.ts';
import siphash from '../../../test/vectors/siphash.json' with { type: 'json' };
import { readImage, reportOf } from '../../tools/image.ts';

const firmware = join(dirname(fileURLToPath(import.meta.url)), '../..');
const STATUS = { ok: 0, nack: 4, timeout: 5, arbitration: 6 } as const;
const CAUSE = { powerOn: 0, pin: 1, watchdog: 2, software: 3 } as const;
const LED_DRIVER = 0x45;
const ACCELEROMETER = 0x53;

function build(compiler: string): boolean {
  try {
    execFileSync('make', ['-s', '-C', firmware, `COMPILER=${compiler}`, 'hal-test'], { stdio: 'pipe' });
    return true;
  } catch (cause) {
    if (String((cause as { stderr?: unknown }).stderr).includes('not installed')) return false;
    throw cause;
  }
}

const compilers = ['gcc', 'clang'].filter(build);

it('finds at least one compiler', () => {
  expect(compilers, 'no compiler for the MSP430: `make -C firmware compiler` says what helps').not.toEqual([]);
});

/** A board that runs the test image, and a host that talks to it. */
class Bench {
  readonly board: Board;
  received: number[] = [];
  /** Probe time when each byte of `received` came. */
  times: number[] = [];

  constructor(image: Image, options: BoardOptions = {}) {
    this.board = new Board({ vloHz: 11_300, alive: false, ...options });
    this.board.uart.onByte = (byte) => {
      this.received.push(byte);
      this.times.push(this.board.seconds);
    };
    this.board.load(image);
    this.board.runFor(0.05);
  }

  /** Sends a command, runs until its reply of `length` bytes is complete, returns the reply without its letter. */
  ask(letter: string, length: number, ...args: number[]): DataView {
    this.board.runFor(0.04); // what is left of an earlier reply
    this.received = [];
    this.times = [];
    this.board.uart.send(Uint8Array.of(letter.charCodeAt(0), ...args, 0));
    for (let waited = 0; this.received.length < 1 + length && waited < 400; waited++) this.board.runFor(0.001);
    expect(this.received.length, `reply to '${letter}'`).toBeGreaterThanOrEqual(1 + length);
    expect(String.fromCharCode(this.received[0] ?? 0)).toBe(letter);
    return new DataView(Uint8Array.from(this.received.slice(1, 1 + length)).buffer);
  }
}

const bytes32 = (value: number) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];

describe.each(compilers)('hal, built with %s', (compiler) => {
  const path = join(firmware, `build/${compiler}/hal_test.elf`);
  let image: Image;
  beforeAll(() => {
    image = loadImage(readFileSync(path));
  });

  describe('clock and timer', () => {
    it.each([4_000, 12_000, 20_000])('measures a VLO of %i Hz', (vloHz) => {
      const measured = new Bench(image, { vloHz }).ask('v', 2).getUint16(0);
      expect(Math.abs(measured / vloHz - 1)).toBeLessThan(0.001);
    });

    it.each([20, 250, 3333])('keeps an interval of %i ms without drift', (intervalMs) => {
      const bench = new Bench(image);
      bench.ask('I', 0, intervalMs >> 8, intervalMs & 255);
      bench.received = [];
      bench.times = [];
      const count = Math.max(4, Math.round(4000 / intervalMs));
      bench.board.runFor(((count + 1.5) * intervalMs) / 1000);
      const starts = bench.received.flatMap((byte, i) => (i % 5 === 0 && byte === 0x54 ? [bench.times[i] ?? 0] : []));
      expect(starts.length).toBeGreaterThanOrEqual(count);
      const meanMs = ((starts[count - 1] ?? 0) - (starts[0] ?? 0)) * (1000 / (count - 1));
      expect(Math.abs(meanMs / intervalMs - 1)).toBeLessThan(0.002);
      for (let i = 1; i < count; i++)
        expect(Math.abs(((starts[i] ?? 0) - (starts[i - 1] ?? 0)) * 1000 - intervalMs)).toBeLessThan(2);
    });

    it('keeps probe time across calibrations', () => {
      const bench = new Bench(image, { vloHz: 9_700 });
      const first = bench.ask('t', 4).getUint32(0);
      const from = bench.board.seconds;
      bench.board.runFor(35);
      const passedMs = bench.ask('t', 4).getUint32(0) - first;
      expect(Math.abs(passedMs / ((bench.board.seconds - from) * 1000) - 1)).toBeLessThan(0.001);
    });

    it('blinks and stays silent when the calibration constants are erased', () => {
      const blinks: number[] = [];
      const erased = new Uint8Array(64).fill(0xff);
      const trace: BoardOptions['trace'] = (event) => {
        if (event.kind === 'pin' && event.pin === 'P1.0') blinks.push(event.level);
      };
      const bench = new Bench(image, { info: { A: erased }, trace });
      bench.board.runFor(2);
      expect(bench.received).toEqual([]);
      expect(blinks.length).toBeGreaterThan(8);
      expect(blinks.length).toBeLessThan(60);
    });
  });

  describe('siphash', () => {
    const LONGEST_MESSAGE = 63;

    it('gives the MACs of the reference implementation', () => {
      const bench = new Bench(image);
      for (let length = 0; length <= LONGEST_MESSAGE; length++) {
        const mac = bench.ask('S', 8, length);
        expect(Buffer.from(mac.buffer).toString('hex'), `${length} bytes`).toBe(siphash.macs[length]);
      }
    });

    it('takes less than a millisecond for the three blocks of a proof', () => {
      const bench = new Bench(image);
      const profiler = new Profiler(bench.board.mcu, image.functions);
      bench.ask('S', 8, 17);
      const parts = profiler.report().functions.filter(({ name }) => name.startsWith('siphash'));
      expect(parts.find(({ name }) => name === 'siphash_step')?.calls).toBe(40); // ten rounds
      // Without what a compiler inlines into the caller: setting up the state, under 600 cycles.
      expect(parts.reduce((sum, { cycles }) => sum + cycles, 0)).toBeLessThan(7000);
    });
  });

  describe('sleep', () => {
    it('is in LPM3 when nothing runs and in LPM0 while the motor needs SMCLK', () => {
      const bench = new Bench(image);
      const mode = () => (bench.board.mcu.registers[2] ?? 0) & 0xf0;
      bench.board.runFor(0.02);
      expect(mode()).toBe(0xd0);
      bench.ask('p', 1, 40);
      bench.board.runFor(0.02);
      expect(mode()).toBe(0x10);
      bench.ask('p', 1, 100);
      bench.board.runFor(0.02);
      expect(mode()).toBe(0xd0);
    });

    it('counts the time awake', () => {
      const bench = new Bench(image);
      const before = { ms: bench.ask('A', 4).getUint32(0), cycles: bench.board.mcu.activeCycles };
      bench.ask('I', 0, 0, 20);
      bench.board.runFor(20);
      bench.board.uart.send(Uint8Array.of(0x49, 0x7f, 0xff, 0));
      bench.board.runFor(0.1);
      const countedMs = bench.ask('A', 4).getUint32(0) - before.ms;
      const awakeMs = (bench.board.mcu.activeCycles - before.cycles) / 8000;
      expect(countedMs).toBeLessThanOrEqual(awakeMs);
      expect(countedMs).toBeGreaterThan(awakeMs * 0.6); // the interrupts that only move a byte are not counted
      expect(awakeMs).toBeLessThan(20_000 * 0.03);
    });

    it('is woken by the watchdog only when main hangs', () => {
      const bench = new Bench(image);
      bench.board.runFor(12);
      expect(bench.received.length).toBe(4);
      bench.received = [];
      bench.board.uart.send(Uint8Array.of(0x78, 0));
      bench.board.runFor(4);
      expect(bench.received).toEqual([0x68, CAUSE.watchdog, 0, 2]);
    });
  });

  describe('uart', () => {
    it('loses nothing at the full rate of the line', () => {
      const bench = new Bench(image);
      const before = bench.ask('u', 10).getUint32(0);
      bench.board.uart.send(new Uint8Array(2000));
      bench.board.runFor(2.2);
      const counters = bench.ask('u', 10);
      expect(counters.getUint32(0) - before).toBe(2000 + 2);
      expect(counters.getUint16(8)).toBe(0);
    });

    it('counts what a busy main loop loses', () => {
      const bench = new Bench(image);
      bench.board.uart.send(Uint8Array.of(0x7a, 100, ...new Uint8Array(80)));
      bench.board.runFor(0.3);
      const lost = bench.ask('u', 10).getUint16(8);
      // 82 bytes, for 64 of which there is room, and those that came before main was busy.
      expect(lost).toBeGreaterThan(10);
      expect(lost).toBeLessThan(20);
    });

    it('counts and drops bytes with framing errors', () => {
      const bench = new Bench(image);
      bench.board.uart.baud = 4800; // half the rate turns 0x01 into 0x06 with a low stop bit
      bench.board.uart.send(new Uint8Array(5).fill(0x01));
      bench.board.runFor(0.03);
      bench.board.uart.baud = 9600;
      const counters = bench.ask('u', 10);
      expect(counters.getUint16(8)).toBe(5);
      // The letter of the command; its end has arrived, but is not read yet.
      expect(counters.getUint32(0)).toBe(1);
    });
  });

  describe('i2c', () => {
    it('finds devices and writes and reads registers', () => {
      const bench = new Bench(image);
      bench.board.mcu.pin(2, 2).drive(1);
      expect(bench.ask('n', 1, ACCELEROMETER).getUint8(0)).toBe(STATUS.ok);
      expect(bench.ask('n', 1, 0x22).getUint8(0)).toBe(STATUS.nack);
      const id = bench.ask('r', 2, ACCELEROMETER, 0x00, 1);
      expect([id.getUint8(0), id.getUint8(1)]).toEqual([STATUS.ok, 0xe5]);
      expect(bench.ask('w', 1, ACCELEROMETER, 0x1e, 0x5a).getUint8(0)).toBe(STATUS.ok);
      expect(bench.ask('w', 1, ACCELEROMETER, 0x1f, 0xa5).getUint8(0)).toBe(STATUS.ok);
      const offsets = bench.ask('r', 3, ACCELEROMETER, 0x1e, 2);
      expect([0, 1, 2].map((i) => offsets.getUint8(i))).toEqual([STATUS.ok, 0x5a, 0xa5]);
      expect(bench.ask('e', 2).getUint16(0)).toBe(0);
    });

    it('reports a refused address and a refused byte, and goes on', () => {
      const bench = new Bench(image);
      expect(bench.ask('r', 1, 0x22, 0x00, 1).getUint8(0)).toBe(STATUS.nack);
      for (const index of [1, 2]) {
        bench.board.i2c.refuse({ address: ACCELEROMETER, index });
        expect(bench.ask('w', 1, ACCELEROMETER, 0x1e, 1).getUint8(0)).toBe(STATUS.nack);
      }
      expect(bench.ask('w', 1, ACCELEROMETER, 0x1e, 1).getUint8(0)).toBe(STATUS.ok);
      expect(bench.ask('e', 2).getUint16(0)).toBe(3);
    });

    it('gives up on a bus that is held, within its timeout, and recovers when it is free', () => {
      const bench = new Bench(image);
      for (const hold of ['holdScl', 'holdSda'] as const) {
        bench.board.i2c[hold](true);
        expect(bench.ask('r', 1, ACCELEROMETER, 0x00, 1).getUint8(0)).toBe(STATUS.timeout);
        bench.board.i2c[hold](false);
        expect(bench.ask('r', 2, ACCELEROMETER, 0x00, 1).getUint8(1)).toBe(0xe5);
      }
    });

    it('frees a bus on which a device waits for clocks', () => {
      const bench = new Bench(image);
      bench.board.i2c.stickSda(7);
      expect(bench.ask('n', 1, ACCELEROMETER).getUint8(0)).toBe(STATUS.ok);
    });

    it('reports lost arbitration', () => {
      const bench = new Bench(image);
      bench.board.i2c.loseArbitration(0);
      expect(bench.ask('n', 1, ACCELEROMETER).getUint8(0)).toBe(STATUS.arbitration);
      expect(bench.ask('n', 1, ACCELEROMETER).getUint8(0)).toBe(STATUS.ok);
    });

    it('reads a single byte without a register', () => {
      const bench = new Bench(image);
      bench.ask('r', 2, ACCELEROMETER, 0x00, 1);
      expect(bench.ask('r', 2, ACCELEROMETER, 0xff, 1).getUint8(0)).toBe(STATUS.ok);
    });
  });

  describe('adc', () => {
    it.each([0, 50, 300, 1300])('measures the light sensor at %i lux', (lux) => {
      const bench = new Bench(image);
      bench.board.world.setLux(lux);
      const microvolts = (bench.ask('a', 2, 4).getUint16(0) / 32736) * 1.5e6;
      expect(Math.abs(microvolts - lux * 1100)).toBeLessThan(3000);
    });

    it.each([-20, 0, 22.5, 60])('measures %f degrees', (celsius) => {
      const bench = new Bench(image);
      bench.board.world.setTemperature(celsius);
      expect(Math.abs(bench.ask('c', 2).getInt16(0) / 100 - celsius)).toBeLessThan(0.6);
    });

    it.each([2.2, 2.99, 3.01, 3.3, 3.6])('measures a supply of %f volts', (volts) => {
      const bench = new Bench(image);
      bench.board.world.setSupply(volts);
      expect(Math.abs(bench.ask('s', 2).getUint16(0) / 1000 - volts)).toBeLessThan(0.015);
    });
  });

  it('drives the motor at 200 Hz with the duty asked for', () => {
    const edges: { t: number; level: number }[] = [];
    const trace: BoardOptions['trace'] = (event) => {
      if (event.kind === 'pin' && event.pin === 'P2.1') edges.push({ t: event.t, level: event.level });
    };
    const bench = new Bench(image, { trace });
    bench.ask('p', 1, 30);
    bench.board.runFor(0.1);
    const rises = edges.filter((edge) => edge.level === 1).slice(-10);
    const falls = edges.filter((edge) => edge.level === 0 && edge.t > (rises[0]?.t ?? 0));
    expect(((rises[9]?.t ?? 0) - (rises[0]?.t ?? 0)) / 9).toBeCloseTo(0.005, 5);
    expect((falls[0]?.t ?? 0) - (rises[0]?.t ?? 0)).toBeCloseTo(0.0015, 5);
    expect(bench.ask('p', 1, 101).getUint8(0)).toBe(2);
    bench.ask('p', 1, 0);
    expect(bench.board.mcu.pin(2, 1).level).toBe(0);
  });

  it('debounces the button', () => {
    const bench = new Bench(image);
    bench.received = [];
    for (let i = 0; i < 5; i++) {
      bench.board.pressButton();
      bench.board.runFor(0.002);
      bench.board.releaseButton();
      bench.board.runFor(0.001);
    }
    bench.board.pressButton();
    bench.board.runFor(0.1);
    expect(bench.received).toEqual([0x42, 1]);
    bench.board.releaseButton();
    bench.board.runFor(0.1);
    expect(bench.received).toEqual([0x42, 1, 0x42, 2]);
  });

  it('tells why it started and how often', () => {
    const bench = new Bench(image);
    expect(bench.received).toEqual([0x68, CAUSE.powerOn, 0, 1]);
    bench.received = [];
    bench.board.pressReset();
    bench.board.runFor(0.05);
    expect(bench.received).toEqual([0x68, CAUSE.pin, 0, 2]);
    bench.received = [];
    bench.board.uart.send(Uint8Array.of(0x52, 0));
    bench.board.runFor(0.3);
    expect(bench.received).toEqual([0x68, CAUSE.software, 0, 3]);
  });

  it('never uses more stack than was computed', () => {
    const bench = new Bench(image);
    bench.ask('I', 0, 0, 20);
    bench.board.runFor(1);
    bench.board.uart.send(Uint8Array.of(0x49, 0x7f, 0xff, 0));
    bench.board.i2c.holdSda(true);
    bench.board.runFor(0.1);
    bench.ask('r', 1, ACCELEROMETER, 0, 2);
    bench.board.i2c.holdSda(false);
    for (const letter of ['c', 's', 'u']) bench.ask(letter, 2);
    bench.ask('w', 1, LED_DRIVER, 0, 0);
    const used = bench.ask('k', 2).getUint16(0);
    const { stack } = reportOf(readImage(path));
    expect(used).toBeGreaterThan(20);
    expect(used).toBeLessThanOrEqual(stack.main + stack.interrupt);
  });

  it('multiplies and divides exactly', () => {
    const bench = new Bench(image);
    const numbers = [
      1, 2, 3, 7, 10, 255, 256, 1000, 0x7fff, 0x8000, 0xffff, 0x10001, 0x7fffffff, 0x80000000, 0xffffffff,
    ];
    for (const a of [0, ...numbers])
      for (const b of numbers) {
        const reply = bench.ask('m', 18, ...bytes32(a), ...bytes32(b));
        const [c, d] = [a & 0xffff, b & 0xffff];
        const label = `${a} and ${b}`;
        expect(reply.getUint32(0), label).toBe(Number((BigInt(a) * BigInt(b)) & 0xffffffffn));
        expect(reply.getUint32(4), label).toBe(Math.floor(a / b));
        expect(reply.getUint32(8), label).toBe(a % b);
        expect(reply.getUint16(12), label).toBe((c * d) & 0xffff);
        if (d === 0) continue;
        expect(reply.getUint16(14), label).toBe(Math.floor(c / d));
        expect(reply.getUint16(16), label).toBe(c % d);
      }
  });
});
