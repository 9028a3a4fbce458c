/** ADC10 (SLAU144 "ADC10"). */

import { describe, expect, it } from 'vitest';
import { imageFromWords } from '../image/words.ts';
import { Mcu } from '../mcu.ts';
import { convert } from './adc10.ts';

const CTL0 = 0x1b0;
const CTL1 = 0x1b2;
const MEM = 0x1b4;
const SA = 0x1bc;
const DTC0 = 0x48;
const DTC1 = 0x49;
const SC = 1;
const ENC = 2;
const IFG = 4;
const IE = 8;
const ON = 0x10;
const MSC = 0x80;
const BUSY = 1;

function chip(): { mcu: Mcu; run: (cycles: number) => void } {
  const mcu = new Mcu({ image: imageFromWords([0x3fff]) });
  mcu.bus.writeWord(0x120, 0x5a80);
  mcu.registers[2] = 0x10;
  return { mcu, run: (cycles) => mcu.runUntil(mcu.scheduler.now + cycles) };
}

/** One conversion; the result. */
function sample(mcu: Mcu, control0: number, control1: number): number {
  mcu.bus.writeWord(CTL0, 0);
  mcu.bus.writeWord(CTL1, control1);
  mcu.bus.writeWord(CTL0, control0 | ON | ENC | SC);
  mcu.runFor(0.001);
  expect(mcu.bus.readWord(CTL0) & IFG).toBe(IFG);
  return mcu.bus.readWord(MEM);
}

describe('transfer function', () => {
  it.each([
    [0, 0],
    [1.25, 512],
    [2.5, 1023],
    [3, 1023],
    [-1, 0],
  ])('%d V of 2.5 V', (volts, code) => {
    expect(convert(volts, 0, 2.5)).toBe(code);
  });
});

describe('sources and references', () => {
  it('converts a channel against the supply', () => {
    const { mcu } = chip();
    mcu.setAnalogInput(5, () => 1.1);
    expect(sample(mcu, 0, 0x5000)).toBe(341);
  });

  it('temperature (A10) with the 1.5 V reference reads as the data sheet says', () => {
    const { mcu } = chip();
    mcu.temperatureCelsius = 30;
    const raw = sample(mcu, 0x2020, 0xa000);
    expect(((raw - 673) * 423) / 1024).toBeCloseTo(30, 0);
    expect(raw).toBe(mcu.peekWord(0x10e2)); // CAL_ADC_15T30
    mcu.temperatureCelsius = 85;
    expect(sample(mcu, 0x2020, 0xa000)).toBe(mcu.peekWord(0x10e4)); // CAL_ADC_15T85
  });

  it('half the supply (A11) with the 2.5 V reference', () => {
    const { mcu } = chip();
    mcu.supplyVolts = 3;
    expect(sample(mcu, 0x2060, 0xb000)).toBe(Math.round((1023 * 1.5) / 2.5));
  });

  it('REFOUT shows the reference on P1.4', () => {
    const { mcu } = chip();
    const { adc } = mcu.peripherals;
    expect(adc.referenceOutput).toBeUndefined();
    mcu.bus.writeWord(CTL0, 0x0220);
    expect(adc.referenceOutput).toBe(1.5);
    mcu.bus.writeWord(CTL0, 0x0260);
    expect(adc.referenceOutput).toBe(2.5);
    mcu.bus.writeWord(CTL0, 0x0060);
    expect(adc.referenceOutput).toBeUndefined();
  });

  it('two’s complement format is left-justified', () => {
    const { mcu } = chip();
    mcu.setAnalogInput(0, () => 0);
    expect(sample(mcu, 0, 0x0200)).toBe(0x8000);
    mcu.setAnalogInput(0, () => 3.3);
    expect(sample(mcu, 0, 0x0200)).toBe(0x7fc0);
  });
});

describe('timing', () => {
  it('takes SHT + 13 clocks of the divided clock, BUSY meanwhile', () => {
    const { mcu, run } = chip();
    mcu.bus.writeWord(CTL1, 0x0018 | (1 << 5)); // SMCLK / 2
    mcu.bus.writeWord(CTL0, 0x0800 | ON | ENC | SC); // 8 clocks of sampling
    run(2 * 21 - 1);
    expect([mcu.bus.readWord(CTL1) & BUSY, mcu.bus.readWord(CTL0) & IFG]).toEqual([BUSY, 0]);
    run(1);
    expect([mcu.bus.readWord(CTL1) & BUSY, mcu.bus.readWord(CTL0) & IFG]).toEqual([0, IFG]);
  });

  it('asks for its vector and clears the flag when accepted', () => {
    // ISR: INC R5; RETI
    const mcu = new Mcu({ image: imageFromWords([0x3fff, 0x5315, 0x1300], { vectors: { 5: 0xc002 } }) });
    mcu.bus.writeWord(0x120, 0x5a80);
    mcu.registers[1] = 0x400;
    mcu.registers[2] = 8;
    mcu.bus.writeWord(CTL0, ON | IE | ENC | SC);
    mcu.runUntil(1000);
    expect(mcu.registers[5]).toBe(1);
    expect(mcu.bus.readWord(CTL0) & IFG).toBe(0);
  });

  it('does nothing while it is off', () => {
    const { mcu, run } = chip();
    mcu.bus.writeWord(CTL0, ENC | SC);
    run(10_000);
    expect(mcu.bus.readWord(CTL0) & IFG).toBe(0);
  });
});

describe('sequences, repetition and the DTC', () => {
  function inputs(mcu: Mcu): void {
    for (let channel = 0; channel < 8; channel++) mcu.setAnalogInput(channel, () => (3.3 * channel * 10) / 1023);
  }

  it('a sequence goes down to channel 0 into memory and sets the flag once', () => {
    const { mcu, run } = chip();
    inputs(mcu);
    mcu.bus.writeWord(CTL1, 0x3002);
    mcu.bus.writeByte(DTC1, 4);
    mcu.bus.writeWord(SA, 0x0200);
    mcu.bus.writeWord(CTL0, MSC | ON | ENC | SC);
    run(1000);
    expect([0, 2, 4, 6].map((offset) => mcu.peekWord(0x200 + offset))).toEqual([30, 20, 10, 0]);
    expect(mcu.bus.readWord(CTL0) & IFG).toBe(IFG);
    expect(mcu.bus.readWord(CTL1) & BUSY).toBe(0);
  });

  it('a repeated channel with the continuous DTC goes round until ENC is cleared', () => {
    const { mcu, run } = chip();
    let count = 0;
    mcu.setAnalogInput(2, () => (3.3 * count++) / 1023);
    mcu.bus.writeWord(CTL1, 0x2004);
    mcu.bus.writeByte(DTC0, 4);
    mcu.bus.writeByte(DTC1, 2);
    mcu.bus.writeWord(SA, 0x0200);
    mcu.bus.writeWord(CTL0, MSC | ON | ENC | SC);
    run(1000);
    expect(count).toBeGreaterThan(10);
    expect(mcu.peekWord(0x200) + mcu.peekWord(0x202)).toBeGreaterThan(10);
    expect(mcu.peekWord(0x204)).toBe(0);
    mcu.bus.writeWord(CTL0, MSC | ON);
    run(100);
    const after = count;
    run(1000);
    expect(count).toBe(after);
  });

  it('after its last block the DTC is silent until ADC10SA is written', () => {
    const { mcu, run } = chip();
    const { bus } = mcu;
    mcu.setAnalogInput(1, () => 1);
    bus.writeWord(CTL1, 0x1004);
    bus.writeByte(DTC1, 4);
    bus.writeWord(SA, 0x200);
    bus.writeWord(CTL0, MSC | ON | ENC | SC);
    mcu.runFor(1e-3);
    expect(bus.readWord(CTL0) & IFG).toBe(IFG);
    bus.writeWord(CTL0, bus.readWord(CTL0) & ~IFG);
    mcu.runFor(1e-3);
    // It converts on, because MSC and CONSEQ = 2 say so, but tells nobody.
    expect(bus.readWord(CTL1) & BUSY).toBe(BUSY);
    expect(bus.readWord(CTL0) & IFG).toBe(0);
    bus.writeWord(SA, 0x200);
    run(2000);
    expect(bus.readWord(CTL0) & IFG).toBe(IFG);
  });

  it('without MSC every conversion needs its trigger', () => {
    const { mcu, run } = chip();
    inputs(mcu);
    mcu.bus.writeWord(CTL1, 0x2002);
    mcu.bus.writeWord(CTL0, ON | ENC);
    const results = [0, 1, 2].map(() => {
      mcu.bus.writeWord(CTL0, ON | ENC | SC);
      run(200);
      return mcu.bus.readWord(MEM);
    });
    expect(results).toEqual([20, 10, 0]);
  });

  it('Timer0_A output 1 triggers a repeated conversion with its rising edge', () => {
    const { mcu, run } = chip();
    let count = 0;
    mcu.setAnalogInput(1, () => count++);
    mcu.bus.writeWord(CTL1, 0x1404);
    mcu.bus.writeWord(CTL0, ON | ENC);
    mcu.bus.writeWord(0x172, 999);
    mcu.bus.writeWord(0x174, 500);
    mcu.bus.writeWord(0x164, 0xe0);
    mcu.bus.writeWord(0x160, 0x214);
    run(10_500);
    expect(count).toBe(10);
  });
});
