/** Accelerometer, light, temperature, supply, motor and button. */
import { expect } from 'vitest';
import type { Bench } from '../../host/hil/bench.ts';
import { events, isSample, type SampleMessage } from '../../host/link/index.ts';
import { hilCase } from './case.ts';

const ADXL345 = 0x53;
const DEVID = 0x00;
const DEVID_IS = 0xe5;
const POWER_CTL = 0x2d;
const MEASURE = 0x08;

/** A probe measures what changes slowly once a second, and repeats it in the samples until then. */
const SLOW_MS = 1200;

/** A sample that the probe took after now. */
async function freshSample(bench: Bench): Promise<SampleMessage> {
  await bench.wait(60); // one that is on the wire
  bench.forget();
  return bench.until('sample', 15_000, () => {
    const [, second] = bench.arrivals.map(({ message }) => message).filter(isSample);
    return second; // the first may have been measured before
  });
}

function field(sample: SampleMessage, name: string): number {
  const value: unknown = Reflect.get(sample, name);
  if (typeof value === 'number') return value;
  throw new Error(`a ${sample.name} has no ${name}`);
}

export function sensorCases(): void {
  hilCase('accelerometer identity', { capabilities: ['accelerometer', 'registers'] }, async ({ bench }) => {
    const read = (register: number) => bench.command({ name: 'read_registers', address: ADXL345, register, count: 1 });
    const [id, power] = [await read(DEVID), await read(POWER_CTL)];
    expect({ status: id.status, id: id.data[0] }).toEqual({ status: 'ok', id: DEVID_IS });
    expect((power.data[0] ?? 0) & MEASURE, 'measuring').toBe(MEASURE);
  });

  hilCase('gravity is about 1 g', { capabilities: ['accelerometer'] }, async ({ bench, measured }) => {
    const sample = await freshSample(bench);
    const g = Math.hypot(...['x', 'y', 'z'].map((axis) => field(sample, axis))) / 1000;
    measured('gravity', g, 'g');
    expect(g).toBeGreaterThan(0.8);
    expect(g).toBeLessThan(1.2);
  });

  hilCase(
    'acceleration, every axis both ways',
    { capabilities: ['accelerometer'], instruments: ['motion'] },
    async ({ bench, instruments }) => {
      const postures = [
        [1, 0, 0],
        [-1, 0, 0],
        [0, 1, 0],
        [0, -1, 0],
        [0, 0, 1],
        [0, 0, -1],
        [0.5, -0.25, 2],
        [-8, 8, 0],
      ] as const;
      for (const posture of postures) {
        instruments.motion.set(posture);
        const sample = await freshSample(bench);
        for (const [index, axis] of ['x', 'y', 'z'].entries()) {
          expect(Math.abs(field(sample, axis) - posture[index]! * 1000), `${axis} at ${posture} g`).toBeLessThan(10);
        }
      }
    },
  );

  hilCase(
    'a motion event, and one when it is still again',
    { capabilities: ['accelerometer'], instruments: ['motion'] },
    async ({ bench, instruments, measured }) => {
      await bench.wait(3000);
      bench.forget();
      instruments.motion.set([0.6, 0, 0.8]);
      const begun = bench.nowMs();
      await bench.message('event', 1000, ({ event }) => event === events.motion);
      measured('motion reported after', bench.nowMs() - begun, 'ms');
      await bench.wait(300);
      instruments.motion.set([0, 0, 1]);
      const still = await bench.message('event', 8000, ({ event }) => event === events.still);
      expect(still.value, 'peak in thousandths of g').toBeGreaterThan(500);
      expect(still.value).toBeLessThan(700);
      expect(bench.arrivals.filter(({ message }) => message.name === 'event')).toHaveLength(2);
    },
  );

  hilCase('light is plausible', { capabilities: ['illuminance'] }, async ({ bench, measured }) => {
    const lux = field(await freshSample(bench), 'illuminance');
    measured('illuminance', lux, 'lx');
    expect(lux).toBeLessThan(3000);
  });

  hilCase('temperature and supply are plausible', { capabilities: ['illuminance'] }, async ({ bench, measured }) => {
    await bench.wait(SLOW_MS); // not what it measured before this case began
    const sample = await freshSample(bench);
    const [celsius, volts] = [field(sample, 'temperature') / 100, field(sample, 'supply') / 1000];
    measured('temperature', celsius, 'Cel');
    measured('supply', volts, 'V');
    expect(celsius).toBeGreaterThan(0);
    expect(celsius).toBeLessThan(50);
    expect(volts).toBeGreaterThan(1.8);
    expect(volts).toBeLessThan(3.8);
  });

  hilCase(
    'transfer curve of light',
    { capabilities: ['illuminance'], instruments: ['lamp'] },
    async ({ bench, instruments, measured }) => {
      let worst = 0;
      for (const lux of [0, 10, 50, 100, 300, 600, 1000, 1300]) {
        instruments.lamp.setLux(lux);
        const off = field(await freshSample(bench), 'illuminance') - lux;
        worst = Math.max(worst, Math.abs(off));
        // 1.1 mV a lux on 10 bits: a step of the converter is two to three lux.
        expect(Math.abs(off), `at ${lux} lux`).toBeLessThan(4 + 0.02 * lux);
      }
      measured('greatest error', worst, 'lx');
    },
  );

  hilCase(
    'transfer curve of temperature',
    { capabilities: ['temperature', 'illuminance'], instruments: ['climate'] },
    async ({ bench, instruments, measured }) => {
      let worst = 0;
      for (const celsius of [-10, 5, 22, 40, 60]) {
        instruments.climate.setCelsius(celsius);
        await bench.wait(SLOW_MS);
        const off = field(await freshSample(bench), 'temperature') / 100 - celsius;
        worst = Math.max(worst, Math.abs(off));
        expect(Math.abs(off), `at ${celsius} degrees`).toBeLessThan(3);
      }
      measured('greatest error', worst, 'Cel');
    },
  );

  hilCase(
    'transfer curve of the supply',
    { capabilities: ['supply', 'illuminance'], instruments: ['power'] },
    async ({ bench, instruments, measured }) => {
      let worst = 0;
      for (const volts of [2.5, 2.8, 3.0, 3.3, 3.6]) {
        instruments.power.setVolts(volts);
        await bench.wait(SLOW_MS);
        const off = field(await freshSample(bench), 'supply') / 1000 - volts;
        worst = Math.max(worst, Math.abs(off));
        expect(Math.abs(off), `at ${volts} V`).toBeLessThan(0.05);
      }
      measured('greatest error', worst * 1000, 'mV');
    },
  );

  hilCase('motor commands', { capabilities: ['motor'] }, async ({ bench }) => {
    const vibrate = async (duty: number, durationMs: number) =>
      (await bench.command({ name: 'vibrate', duty, durationMs })).status;
    expect(await vibrate(40, 100)).toBe('ok');
    expect(await vibrate(101, 100)).toBe('bad_argument');
    expect(await vibrate(50, 10_001)).toBe('bad_argument');
    expect(await vibrate(0, 0)).toBe('ok');
  });

  hilCase(
    'motor duty and duration',
    { capabilities: ['motor'], instruments: ['pins'] },
    async ({ bench, instruments, measured }) => {
      const durationMs = 500;
      for (const duty of [10, 50, 90]) {
        const stop = instruments.pins.record('motor');
        await bench.command({ name: 'vibrate', duty, durationMs });
        await bench.wait(durationMs + 300);
        const edges = stop();
        const highMs = edges.slice(1).reduce((sum, { atMs }, index) => {
          const before = edges[index]!;
          return sum + (before.level === 1 ? atMs - before.atMs : 0);
        }, 0);
        const rising = edges.filter(({ level }, index) => index > 0 && level === 1);
        const ranMs = edges.at(-2)!.atMs - rising[0]!.atMs;
        measured(`duty at ${duty} %`, (100 * highMs) / durationMs, '%');
        expect(Math.abs(ranMs - durationMs), 'duration').toBeLessThan(0.05 * durationMs);
        expect(Math.abs((100 * highMs) / durationMs - duty), 'duty').toBeLessThan(2 + 0.05 * duty);
        expect(edges.at(-1)!.level, 'off in the end').toBe(0);
      }
    },
  );

  hilCase(
    'button: events and counts',
    { capabilities: ['button'], instruments: ['finger'] },
    async ({ bench, instruments }) => {
      const presses = field(await freshSample(bench), 'presses');
      for (let press = 1; press <= 3; press++) {
        bench.forget();
        instruments.finger.press();
        const pressed = await bench.message('event', 1000, ({ event }) => event === events.button_pressed);
        expect(pressed.value).toBe(presses + press);
        expect(field(await freshSample(bench), 'pressed')).toBe(1);
        instruments.finger.release();
        await bench.message('event', 1000, ({ event }) => event === events.button_released);
        await bench.wait(100);
      }
      expect(await freshSample(bench)).toMatchObject({ presses: presses + 3, pressed: 0 });
    },
  );
}
