/** The LED module: what commands make of the TCA6507's registers, on the bus and in light. */
import { expect } from 'vitest';
import type { Bench } from '../../host/hil/bench.ts';
import { effects, type MessageOf } from '../../host/link/index.ts';
import { hilCase } from './case.ts';
import * as chip from './tca6507.ts';

const LOWER = 1;
const BOTH = 3;

const steady = (leds: number, red: number, green: number, blue: number): MessageOf<'set_color'> => ({
  name: 'set_color',
  leds,
  red,
  green,
  blue,
  effect: effects.steady,
  fadeOnMs: 0,
  onMs: 0,
  fadeOffMs: 0,
  offMs: 0,
});

function setOutputs(bench: Bench, codes: readonly number[]) {
  return bench.command({ name: 'set_outputs', codes: Uint8Array.from(codes) });
}

const only = (output: number, code: number) =>
  Array.from({ length: chip.OUTPUTS }, (_, index) => (index === output ? code : 0));

export function ledCases(): void {
  const leds = { capabilities: ['leds', 'registers'] } as const;

  hilCase('every state of every output, read back from the chip', leds, async ({ bench }) => {
    for (let output = 0; output < chip.OUTPUTS; output++) {
      for (let code = 0; code < 8; code++) {
        const { status } = await setOutputs(bench, only(output, code));
        const registers = await chip.readChip(bench);
        const codes = only(output, code).map((_, index) => chip.codeOf(registers, index));
        expect({ status, codes }, `P${output} in state ${code}`).toEqual({ status: 'ok', codes: only(output, code) });
      }
    }
  });

  hilCase('what it reports is what the chip holds', leds, async ({ bench }) => {
    await setOutputs(bench, [0, 1, 2, 3, 4, 5, 6]);
    const registers = await chip.readChip(bench);
    const report = await bench.message('led_state', 2000, (state) => chip.codeOf(state.registers, 6) === 6);
    expect([...report.registers]).toEqual([...registers]);
  });

  hilCase(
    'every state of every output, on the bus',
    { ...leds, instruments: ['bus'] },
    async ({ bench, instruments }) => {
      for (let code = 0; code < 8; code++) {
        const stop = instruments.bus.record();
        await setOutputs(bench, Array(chip.OUTPUTS).fill(code));
        const seen = stop().filter(({ address }) => address === chip.ADDRESS);
        expect(seen.every(({ acknowledged }) => acknowledged)).toBe(true);
        expect(await lastSelects(bench, seen), `code ${code}`).toEqual(
          [0, 1, 2].map((bit) => ((code >> bit) & 1) * 0x7f),
        );
      }
    },
  );

  hilCase(
    'every state of every output, as light',
    { ...leds, instruments: ['photometer'] },
    async ({ bench, instruments }) => {
      const levels = [4, 9, 12];
      for (const [source, level] of levels.entries()) await bench.command({ name: 'set_brightness', source, level });
      for (const [place, output] of [...chip.lower, ...chip.upper].entries()) {
        for (const [code, level] of [0, 0, 4, 9, 15, 12].entries()) {
          await setOutputs(bench, only(output, code));
          const { lower, upper } = instruments.photometer.brightness();
          const expected = Array.from({ length: 6 }, (_, index) => (index === place ? level / 15 : 0));
          const seen = [...lower, ...upper];
          for (const [index, value] of seen.entries())
            expect(value, `P${output}, code ${code}`).toBeCloseTo(expected[index]!, 2);
        }
      }
    },
  );

  hilCase('steady colours', leds, async ({ bench }) => {
    const colors = [
      [255, 0, 0],
      [0, 255, 0],
      [0, 0, 255],
      [255, 128, 0],
      [17, 136, 221],
      [255, 255, 255],
      [0, 0, 0],
    ] as const;
    for (const color of colors) {
      const { status, data } = await bench.command(steady(LOWER, color[0], color[1], color[2]));
      const registers = await chip.readChip(bench);
      const wanted = color.map((value) => Math.round((value * 15) / 255));
      expect(status).toBe('ok');
      expect([...data.subarray(0, 3)], `levels of ${color}`).toEqual(wanted);
      expect(
        chip.lower.map((output) => chip.levelOf(registers, output)),
        `registers for ${color}`,
      ).toEqual(wanted);
    }
  });

  hilCase('a colour on both LEDs', leds, async ({ bench }) => {
    await bench.command(steady(BOTH, 255, 136, 51));
    const registers = await chip.readChip(bench);
    for (const outputs of [chip.lower, chip.upper]) {
      expect(outputs.map((output) => chip.levelOf(registers, output))).toEqual([15, 8, 3]);
    }
  });

  hilCase('brightness of every source, all sixteen levels', leds, async ({ bench }) => {
    for (const source of [0, 1, 2]) {
      for (let level = 0; level < 16; level++) {
        const { status } = await bench.command({ name: 'set_brightness', source, level });
        const registers = await chip.readChip(bench);
        const held = source === 2 ? registers[9]! & 15 : (registers[8]! >> (4 * source)) & 15;
        expect({ status, held }, `source ${source}`).toEqual({ status: 'ok', held: level });
      }
      const tooHigh = await bench.command({ name: 'set_brightness', source, level: 16 });
      expect(tooHigh.status).toBe('bad_argument');
    }
  });

  hilCase('steps of brightness stop at both ends', leds, async ({ bench }) => {
    for (const source of [0, 1]) {
      const step = async (by: number) =>
        (await bench.command({ name: 'step_brightness', source, step: by })).data[0] ?? -1;
      expect([await step(-15), await step(-1), await step(7), await step(1), await step(15), await step(1)]).toEqual([
        0, 0, 7, 8, 15, 15,
      ]);
      const registers = await chip.readChip(bench);
      expect((registers[8]! >> (4 * source)) & 15).toBe(15);
    }
  });

  hilCase('blink and fade times against the chip’s code table', leds, async ({ bench }) => {
    const wishes = [...chip.timesMs, 100, 300, 700, 5000, 10_000, 16_000];
    for (const [index, ms] of wishes.entries()) {
      const times = [ms, wishes[(index + 5) % wishes.length]!, ms, wishes[(index + 9) % wishes.length]!] as const;
      const [fadeOnMs, onMs, fadeOffMs, offMs] = times;
      const blink = { ...steady(LOWER, 255, 0, 0), effect: effects.blink, fadeOnMs, onMs, fadeOffMs, offMs };
      const { status, data } = await bench.command(blink);
      expect(status, `times ${times}`).toBe('ok');
      const codes = [...data.subarray(3, 7)];
      for (const [at, code] of codes.entries())
        expect(chip.nearestCodes(times[at]!), `${times[at]} ms`).toContain(code);
      const registers = await chip.readChip(bench);
      const output = chip.codeOf(registers, chip.lower[0]);
      expect([chip.code.blink0, chip.code.blink1]).toContain(output);
      const bank = output === chip.code.blink0 ? 0 : 1;
      expect(chip.timeCodes(registers, bank)).toEqual([...codes, codes[3]]);
    }
    const tooLong = await bench.command({ ...steady(LOWER, 255, 0, 0), effect: effects.blink, onMs: 16_321 });
    expect(tooLong.status).toBe('bad_argument');
  });

  hilCase(
    'blink and fade as light',
    { ...leds, instruments: ['photometer'] },
    async ({ bench, instruments, measured }) => {
      const [fadeOnMs, onMs, fadeOffMs, offMs] = [256, 512, 384, 768];
      await bench.command({ ...steady(LOWER, 255, 0, 0), effect: effects.blink, fadeOnMs, onMs, fadeOffMs, offMs });
      const periodMs = fadeOnMs + onMs + fadeOffMs + offMs;
      const share = { dark: 0, full: 0, between: 0 };
      const everyMs = 10;
      for (let at = 0; at < 3 * periodMs; at += everyMs) {
        const red = instruments.photometer.brightness().lower[0];
        share[red < 0.01 ? 'dark' : red > 0.99 ? 'full' : 'between'] += everyMs / 3;
        await bench.wait(everyMs);
      }
      measured('fully on', share.full, 'ms');
      measured('off', share.dark, 'ms');
      expect(Math.abs(share.full - onMs)).toBeLessThan(onMs * chip.TIME_TOLERANCE + 2 * everyMs);
      expect(Math.abs(share.dark - offMs)).toBeLessThan(offMs * chip.TIME_TOLERANCE + 2 * everyMs);
    },
  );

  hilCase('the port test lights each output in turn', leds, async ({ bench, notPresent }) => {
    const stepMs = 200;
    const { status } = await bench.command({ name: 'led_test', test: 1, stepMs });
    if (status === 'unsupported') notPresent('LED tests');
    expect(status).toBe('ok');
    await bench.wait(stepMs * (chip.OUTPUTS + 2));
    const lit = bench.arrivals.flatMap(({ message }) => {
      if (message.name !== 'led_state') return [];
      const on = Array.from({ length: chip.OUTPUTS }, (_, output) => output).filter(
        (output) => chip.codeOf(message.registers, output) === chip.code.on,
      );
      return on.length === 0 ? [] : [on.join()];
    });
    expect([...new Set(lit)]).toEqual(['0', '1', '2', '3', '4', '5', '6']);
  });
}

/** Registers 0 to 2 after the writes that were seen; registers that were not written are asked for. */
async function lastSelects(bench: Bench, seen: readonly { readonly written: readonly number[] }[]): Promise<number[]> {
  const held = [...(await chip.readChip(bench)).subarray(0, 3)];
  const written = new Map<number, number>();
  for (const { written: bytes } of seen) {
    const [command = 0, ...values] = bytes;
    for (const [at, value] of values.entries()) written.set((command & 15) + (command & 0x10 ? at : 0), value);
  }
  for (const [register, value] of written) {
    if (register < 3) expect(value, `select ${register}: bus and chip`).toBe(held[register]);
  }
  return held;
}
