import { describe, expect, it } from 'vitest';
import { Tca6507Light } from '../../host/emulator/index.ts';
import { describeLed, ledColorAt, oneShotsBegun } from './led-state.ts';

/** Register values from the codes of P0 to P6 and the last seven registers. */
function registers(codes: number[], rest: number[]): number[] {
  const select = [0, 1, 2].map((bit) => codes.reduce((sum, code, output) => sum | (((code >> bit) & 1) << output), 0));
  return [...select, ...rest];
}

const steadyOrange = registers([0, 4, 2, 0, 0, 0, 0], [0x44, 0x44, 0x44, 0x44, 0x44, 0xf7, 0x0f]);
const blinkBlue = registers([0, 0, 0, 0, 0, 0, 6], [0x46, 0x44, 0x46, 0x46, 0x46, 0xff, 0x0f]);

describe('describeLed', () => {
  it('reads the power-on registers as off', () => {
    const text = describeLed([0, 0, 0, 0x44, 0x44, 0x44, 0x44, 0x44, 0xff, 0x0f], 'upper').text;
    expect(text).toBe('off');
  });

  it('names hex, colour and effect of each LED by itself: lower on P1-P3, upper on P4-P6', () => {
    expect(describeLed(steadyOrange, 'lower').text).toBe('#ff7700, orange, steady');
    expect(describeLed(steadyOrange, 'upper').text).toBe('off');
    expect(describeLed(blinkBlue, 'upper').text).toBe('#0000ff, blue, blinks twice in 3.6 s');
    const once = [...blinkBlue.slice(0, 9), 0x4f];
    expect(describeLed(once, 'upper')).toMatchObject({ effect: 'one_shot', text: '#0000ff, blue, once for 3.6 s' });
  });

  it('follows the master intensity', () => {
    const master = registers([0, 5, 5, 5, 0, 0, 0], [0x44, 0x44, 0x44, 0x44, 0x44, 0xff, 0x05]);
    expect(describeLed(master, 'lower').color).toEqual([85, 85, 85]);
  });
});

describe('ledColorAt', () => {
  it('runs the fades of the chip from the time at which the registers were written', () => {
    const light = new Tca6507Light();
    light.setRegisters(blinkBlue, 100);
    expect(ledColorAt(light, 'upper', 100.256)[2]).toBeCloseTo(127.5, 3);
    expect(ledColorAt(light, 'upper', 100.6)).toEqual([0, 0, 255]);
    expect(ledColorAt(light, 'upper', 101.4)).toEqual([0, 0, 0]);
    expect(ledColorAt(light, 'lower', 100.6)).toEqual([0, 0, 0]);
  });
});

describe('oneShotsBegun', () => {
  const once = [...blinkBlue.slice(0, 9), 0x4f];

  it('begins anew when the same one-shot is reported again, or another colour of it', () => {
    expect(oneShotsBegun(once, once)).toBe(0x08);
    expect(oneShotsBegun([...once.slice(0, 8), 0xf7, 0x4f], once)).toBe(0x08);
  });

  it('leaves a one-shot alone when only the other LED changed, and blinks always', () => {
    const lowerOn = registers([0, 4, 0, 0, 0, 0, 6], once.slice(3));
    expect(oneShotsBegun(lowerOn, once)).toBe(0);
    expect(oneShotsBegun(blinkBlue, blinkBlue)).toBe(0);
  });
});
