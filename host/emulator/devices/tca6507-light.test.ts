import { describe, expect, it } from 'vitest';
import {
  blinkCycle,
  cycleEnvelope,
  cycleLengthMs,
  outputCode,
  tca6507Registers as r,
  Tca6507Light,
} from './tca6507-light.ts';

/** Register values with the codes of outputs P0 to P6. */
function withCodes(codes: number[], rest: Record<number, number> = {}): number[] {
  const registers = [0, 0, 0, 0x44, 0x44, 0x44, 0x44, 0x44, 0xff, 0x0f];
  codes.forEach((code, output) => {
    for (let bit = 0; bit < 3; bit++) registers[bit]! |= ((code >> bit) & 1) << output;
  });
  for (const [register, value] of Object.entries(rest)) registers[Number(register)] = value;
  return registers;
}

describe('select registers', () => {
  it('make a code of bit n of Select2, Select1 and Select0', () => {
    const registers = withCodes([0, 1, 2, 3, 4, 5, 6]);
    expect([0, 1, 2, 3, 4, 5, 6].map((output) => outputCode(registers, output))).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it('give steady outputs their intensity in fifteenths', () => {
    const light = new Tca6507Light();
    light.setRegisters(withCodes([0, 1, 2, 3, 4, 5], { [r.MAX_INTENSITY]: 0x93, [r.MASTER_INTENSITY]: 0x06 }), 0);
    expect([0, 1, 2, 3, 4, 5, 6].map((output) => light.brightness(output, 7))).toEqual([
      0,
      0,
      3 / 15,
      9 / 15,
      1,
      6 / 15,
      0,
    ]);
    expect(light.animated(7)).toBe(false);
  });

  it('let the master intensity replace that of a bank', () => {
    const light = new Tca6507Light();
    light.setRegisters(withCodes([2, 3], { [r.MAX_INTENSITY]: 0xff, [r.MASTER_INTENSITY]: 0x23 }), 0);
    expect(light.brightness(0, 0)).toBe(1);
    expect(light.brightness(1, 0)).toBe(3 / 15);
  });
});

describe('a blink cycle', () => {
  // Bank 0: fade on 256, on 512, fade off 64, off 128, off 1024 ms: codes 4, 6, 1, 2, 8. Bank 1 stays at 4.
  const times = { 3: 0x44, 4: 0x46, 5: 0x41, 6: 0x42, 7: 0x48 };
  const cycle = blinkCycle(withCodes([], times), 0);

  it('takes its times from the low nibbles for bank 0', () => {
    expect(cycle).toEqual({ fadeOnMs: 256, fullyOnMs: 512, fadeOffMs: 64, firstOffMs: 128, secondOffMs: 1024 });
    expect(cycleLengthMs(cycle)).toBe(2 * 832 + 128 + 1024);
  });

  it('has two equal pulses and two pauses, over and over', () => {
    const at = (ms: number) => cycleEnvelope(cycle, ms, false);
    expect([at(0), at(128), at(256), at(767), at(800), at(832), at(959)]).toEqual([0, 0.5, 1, 1, 0.5, 0, 0]);
    expect([at(960 + 128), at(960 + 300), at(960 + 800), at(960 + 832 + 1023)]).toEqual([0.5, 1, 0.5, 0]);
    expect(at(cycleLengthMs(cycle) + 128)).toBe(0.5);
  });

  it('runs once and stays off as a one-shot', () => {
    expect(cycleEnvelope(cycle, cycleLengthMs(cycle) - 1025, true)).toBeCloseTo(1 / 64, 6);
    expect(cycleEnvelope(cycle, cycleLengthMs(cycle), true)).toBe(0);
  });

  it('is steadily on when all its times are 0', () => {
    const zero = blinkCycle(withCodes([], { 3: 0, 4: 0, 5: 0, 6: 0, 7: 0 }), 0);
    expect(cycleEnvelope(zero, 12345, false)).toBe(1);
  });
});

describe('a bank', () => {
  it('begins its cycle when its times are written and again at the initialisation register', () => {
    const light = new Tca6507Light();
    light.setRegisters(withCodes([6, 7], { 3: 0x46, [r.MAX_INTENSITY]: 0xf5 }), 10);
    expect(light.brightness(0, 10.256)).toBeCloseTo((5 / 15) * 0.5, 9);
    light.write(r.INITIALIZATION, 0x08, 11);
    expect(light.brightness(0, 11)).toBe(0);
    expect(light.brightness(0, 11.256)).toBeCloseTo((5 / 15) * 0.5, 9);
    light.write(r.INITIALIZATION, 0x80, 12);
    expect(light.brightness(1, 12.128)).toBeCloseTo(0.5, 9);
  });

  it('runs on while only intensity and outputs change', () => {
    const light = new Tca6507Light();
    light.write(r.FULLY_ON, 0x45, 0);
    light.setRegisters(withCodes([6], { [r.FULLY_ON]: 0x45 }), 5);
    const before = light.brightness(0, 5.1);
    light.setRegisters(withCodes([0, 6], { [r.FULLY_ON]: 0x45 }), 5.1);
    expect(light.brightness(1, 5.1)).toBe(before);
  });

  it('goes dark after a one-shot and is then no longer animated', () => {
    const light = new Tca6507Light();
    light.setRegisters(withCodes([6], { [r.MASTER_INTENSITY]: 0x4f }), 1);
    expect(light.brightness(0, 1.3)).toBe(1);
    expect(light.animated(1.3)).toBe(true);
    const length = (8 * 256) / 1000;
    expect(light.brightness(0, 1 + length)).toBe(0);
    expect(light.animated(1 + length)).toBe(false);
    light.write(r.INITIALIZATION, 0x08, 9);
    expect(light.brightness(0, 9.3)).toBe(1);
  });
});
