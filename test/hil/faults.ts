/** What goes wrong on the I2C bus, and that the probe says so and recovers. */
import { expect } from 'vitest';
import type { Bench } from '../../host/hil/bench.ts';
import type { Edge } from '../../host/hil/instruments.ts';
import { isSample } from '../../host/link/index.ts';
import { has, hilCase } from './case.ts';

const LED_DRIVER = 0x45;
const ACCELEROMETER = 0x53;
/** The probe tries a part that failed twice a second. */
const RETRY_MS = 2000;

/** The part that this kind of probe lives by. */
function ownPart(bench: Bench): number {
  return has(bench, 'leds') ? LED_DRIVER : ACCELEROMETER;
}

async function readStatus(bench: Bench, register = 0): Promise<string> {
  const { status } = await bench.command({ name: 'read_registers', address: ownPart(bench), register, count: 3 });
  return status;
}

async function i2cErrors(bench: Bench): Promise<number> {
  return (await bench.counters()).i2cErrors;
}

export function faultCases(): void {
  const needs = { oneOf: ['leds', 'accelerometer'], instruments: ['faults'] } as const;

  hilCase('a part that is missing', { capabilities: ['registers'] }, async ({ bench }) => {
    const before = await i2cErrors(bench);
    // 0x22 is no part of an Earl board.
    const read = { name: 'read_registers', address: 0x22, register: 0, count: 1 } as const;
    expect((await bench.command(read)).status).toBe('i2c_nack');
    expect(await i2cErrors(bench)).toBe(before + 1);
  });

  hilCase('a part missing at start, found later', needs, async ({ bench, instruments }) => {
    instruments.faults.unplug(ownPart(bench));
    await bench.command({ name: 'reset' });
    await bench.restart(15_000);
    expect(await readStatus(bench)).toBe('i2c_nack');
    await bench.wait(RETRY_MS);
    bench.forget();
    instruments.faults.plug(ownPart(bench));
    await lives(bench);
  });

  hilCase('a part that vanishes and comes back', needs, async ({ bench, instruments }) => {
    const before = await i2cErrors(bench);
    if (has(bench, 'leds')) await showOutputs(bench, [0, 4, 2, 3, 5, 0, 4]);
    instruments.faults.unplug(ownPart(bench));
    expect(await readStatus(bench)).toBe('i2c_nack');
    if (has(bench, 'leds')) expect((await setOutputs(bench, [0, 4, 4, 4, 0, 0, 2])).status).toBe('i2c_nack');
    await bench.wait(RETRY_MS);
    expect(await i2cErrors(bench)).toBeGreaterThan(before);
    bench.forget();
    instruments.faults.plug(ownPart(bench));
    await lives(bench);
  });

  hilCase('a byte refused, wherever it stands', needs, async ({ bench, instruments }) => {
    for (const index of [0, 1]) {
      instruments.faults.refuse(index);
      expect(await readStatus(bench), `byte ${index}`).toBe('i2c_nack');
      expect(await readStatus(bench)).toBe('ok');
    }
    await lives(bench);
  });

  hilCase('arbitration lost', needs, async ({ bench, instruments }) => {
    instruments.faults.loseArbitration(1); // of 0x45 and 0x53 the first bit is 1: lost to a 0
    expect(await readStatus(bench)).toBe('i2c_arbitration');
    expect(await readStatus(bench)).toBe('ok');
  });

  hilCase('recovery from SDA held low by a part', needs, async ({ bench, instruments }) => {
    for (const clocks of [1, 5, 9]) {
      instruments.faults.stickSda(clocks);
      const first = await readStatus(bench);
      expect(['ok', 'i2c_timeout', 'i2c_arbitration'], `${clocks} clocks`).toContain(first);
      expect(await readStatus(bench), `${clocks} clocks, second try`).toBe('ok');
    }
    await lives(bench);
  });

  hilCase(
    'recovery ends with a STOP',
    { oneOf: ['leds', 'accelerometer'], instruments: ['faults', 'pins'] },
    async ({ bench, instruments }) => {
      const [stopSda, stopScl] = [instruments.pins.record('sda'), instruments.pins.record('scl')];
      instruments.faults.stickSda(5);
      await readStatus(bench);
      const stops = stopConditions(stopSda(), stopScl());
      expect(stops, 'STOP conditions on the bus').toBeGreaterThanOrEqual(1);
      expect(await readStatus(bench)).toBe('ok');
    },
  );

  hilCase('SDA shorted to ground, and mended', needs, async ({ bench, instruments }) => {
    const before = await i2cErrors(bench);
    instruments.faults.holdSda(true);
    for (let attempt = 0; attempt < 3; attempt++) {
      expect(['i2c_timeout', 'i2c_arbitration']).toContain(await readStatus(bench));
    }
    expect((await bench.command({ name: 'ping' })).status, 'the link lives on').toBe('ok');
    expect(await i2cErrors(bench)).toBeGreaterThanOrEqual(before + 3);
    instruments.faults.holdSda(false);
    await bench.until('recovery', RETRY_MS, () => true);
    expect(await readStatus(bench)).toBe('ok');
    await lives(bench);
  });
}

/** SDA rises while SCL is high (NXP UM10204, "START and STOP conditions"). */
function stopConditions(sda: readonly Edge[], scl: readonly Edge[]): number {
  const sclAt = (ms: number) => scl.filter(({ atMs }) => atMs <= ms).at(-1)?.level;
  return sda.filter(({ atMs, level }, index) => level === 1 && sda[index - 1]?.level === 0 && sclAt(atMs) === 1).length;
}

function setOutputs(bench: Bench, codes: readonly number[]) {
  return bench.command({ name: 'set_outputs', codes: Uint8Array.from(codes) });
}

async function showOutputs(bench: Bench, codes: readonly number[]): Promise<void> {
  expect((await setOutputs(bench, codes)).status).toBe('ok');
}

/** The probe does its work again: it lights what it is told, or sends samples. */
async function lives(bench: Bench): Promise<void> {
  await bench.wait(RETRY_MS);
  if (has(bench, 'leds')) {
    await showOutputs(bench, [0, 4, 0, 4, 0, 4, 0]);
    const { status, data } = await bench.command({
      name: 'read_registers',
      address: LED_DRIVER,
      register: 0x10,
      count: 3,
    });
    expect({ status, selects: [...data] }).toEqual({ status: 'ok', selects: [0, 0, 0b0101010] });
    return;
  }
  bench.forget();
  await bench.until('sample', 15_000, () => bench.arrivals.find(({ message }) => isSample(message)));
}
