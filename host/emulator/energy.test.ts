import { describe, expect, it } from 'vitest';
import { modeCurrent } from './currents.ts';
import { EnergyMeter } from './energy.ts';
import { imageFromWords } from './image/words.ts';
import { Mcu } from './mcu.ts';

const stopWatchdog = [0x40b2, 0x5a80, 0x0120];
/** MOV.B #0x20,&BCSCTL3: ACLK from the VLO. */
const vlo = [0x40f2, 0x0020, 0x0053];

function measured(words: readonly number[], seconds: number, supplyVolts = 3) {
  const mcu = new Mcu({ image: imageFromWords([...stopWatchdog, ...words]), supplyVolts });
  const meter = new EnergyMeter(mcu);
  mcu.runFor(seconds);
  return { mcu, energy: meter.report() };
}

describe('currents', () => {
  const at = (supplyVolts: number, mhz: number) => ({
    supplyVolts,
    mclkHz: mhz * 1e6,
    dcoHz: mhz * 1e6,
    crystal: false,
  });

  it('are those of the data sheet under its conditions', () => {
    expect(modeCurrent('active', at(2.2, 1)).typical).toBeCloseTo(230);
    expect(modeCurrent('active', at(3, 1))).toEqual({ typical: 330, maximum: 420 });
    expect(modeCurrent('LPM0', at(2.2, 1)).typical).toBeCloseTo(56);
    expect(modeCurrent('LPM2', at(2.2, 1)).typical).toBeCloseTo(22);
    expect(modeCurrent('LPM3', at(2.2, 1))).toEqual({ typical: 0.5, maximum: 0.7 });
    expect(modeCurrent('LPM4', at(2.2, 1))).toEqual({ typical: 0.1, maximum: 0.5 });
  });

  it('meet what was measured on a LaunchPad at 3.6 V and 1 MHz within a tenth', () => {
    for (const [mode, microamperes] of [
      ['active', 434],
      ['LPM0', 85],
      ['LPM2', 28],
    ] as const) {
      const { typical } = modeCurrent(mode, at(3.6, 1.05));
      expect(Math.abs(typical / microamperes - 1), mode).toBeLessThan(0.1);
    }
  });
});

describe('time by mode', () => {
  it.each([
    ['LPM0', 0x0010],
    ['LPM1', 0x0050],
    ['LPM2', 0x0090],
    ['LPM3', 0x00d0],
    ['LPM4', 0x00f0],
  ])('%s after a few instructions', (mode, bits) => {
    const { mcu, energy } = measured([...vlo, 0xd032, bits], 2);
    expect(energy.modes.map(({ what }) => what)).toEqual(['active', mode]);
    const [active, asleep] = energy.modes;
    // 5 and 5 for the moves, 2 for BIS; the reset was before.
    expect(active!.seconds * mcu.scheduler.frequencyHz).toBeCloseTo(12, 3);
    expect(active!.seconds + asleep!.seconds).toBeCloseTo(2, 6);
    const microamperes = asleep!.typicalUc / asleep!.seconds;
    expect(energy.averageUa).toBeGreaterThan(microamperes);
    expect(energy.energyUj).toBeCloseTo(energy.averageUa * energy.seconds * 3, 6);
  });

  it('follows the frequency of the DCO', () => {
    // MOV.B &CALBC1_8MHZ,&BCSCTL1; MOV.B &CALDCO_8MHZ,&DCOCTL; JMP $
    const { energy } = measured([0x42d2, 0x10fd, 0x0057, 0x42d2, 0x10fc, 0x0056, 0x3fff], 0.2);
    expect(energy.averageUa / 330).toBeGreaterThan(7.8);
    expect(energy.averageUa / 330).toBeLessThan(8.2);
  });

  it('counts the parts of the ADC10 on top', () => {
    // ADC10CTL0 = SREF_1 + SHT_3 + REFON + ON + ENC + SC, then LPM0
    const { energy } = measured([0x40b2, 0x3833, 0x01b0, 0xd032, 0x0010], 1);
    const part = (what: string) => energy.parts.find((each) => each.what === what);
    expect(part('ADC10 reference')?.seconds).toBeGreaterThan(0.99);
    // 77 clocks of 5 MHz.
    expect(part('ADC10 core')?.seconds).toBeGreaterThan(15.4e-6);
    expect(part('ADC10 core')?.seconds).toBeLessThan(17.5e-6);
    expect(part('ADC10 reference buffer')?.seconds).toBe(part('ADC10 core')?.seconds);
    expect(energy.maximumUa).toBeGreaterThan(energy.averageUa);
  });
});
