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

  it('REFBURST drives P1.4 during conversions alone', () => {
    const { mcu } = chip();
    const { adc } = mcu.peripherals;
    mcu.bus.writeWord(CTL0, 0x0320);
    expect(adc.referenceOutput).toBeUndefined();
    mcu.bus.writeWord(CTL0, 0x0320 | ON | ENC | SC);
    expect(adc.referenceOutput).toBe(1.5);
    mcu.runFor(1e-4);
    expect(adc.referenceOutput).toBeUndefined();
  });

  it('ADC10AE0 takes the input buffer off its pin, beside CAPD', () => {
    const { mcu } = chip();
    for (let bit = 0; bit < 8; bit++) mcu.pin(1, bit).drive(1);
    mcu.bus.writeByte(0x4a, 0x21);
    expect(mcu.bus.readByte(0x20)).toBe(0xde);
    mcu.bus.writeByte(0x5b, 0x03);
    expect(mcu.bus.readByte(0x20)).toBe(0xdc);
    mcu.bus.writeByte(0x4a, 0);
    expect(mcu.bus.readByte(0x20)).toBe(0xfc);
    mcu.reset('pin');
    expect(mcu.bus.readByte(0x20)).toBe(0xff);
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

  it('waits for a clock that stands still, and follows one that changes', () => {
    const { mcu } = chip();
    const { bus } = mcu;
    const busy = () => bus.readWord(CTL1) & BUSY;
    const sleep = (status: number) => mcu.peripherals.clock.setStatus(status);
    bus.writeWord(CTL1, 0x0018);
    bus.writeWord(CTL0, 0x1800 | ON | ENC | SC); // 77 clocks of SMCLK
    mcu.runFor(30 / mcu.scheduler.frequencyHz);
    sleep(0xd0);
    mcu.runFor(0.01);
    expect([busy(), bus.readWord(CTL0) & IFG]).toEqual([BUSY, 0]);
    sleep(0x10);
    mcu.runFor(46 / mcu.scheduler.frequencyHz);
    expect(busy()).toBe(BUSY);
    mcu.runFor(2 / mcu.scheduler.frequencyHz);
    expect([busy(), bus.readWord(CTL0) & IFG]).toEqual([0, IFG]);
    bus.writeWord(CTL0, 0x1800 | ON | ENC | SC);
    mcu.runFor(40 / mcu.scheduler.frequencyHz);
    bus.writeByte(0x58, 0x06); // SMCLK = DCO / 8: the 37 clocks that are left take eight times as long
    mcu.runFor((36 * 8) / mcu.scheduler.frequencyHz);
    expect(busy()).toBe(BUSY);
    mcu.runFor(16 / mcu.scheduler.frequencyHz);
    expect(busy()).toBe(0);
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

describe('warnings of results that silicon gets wrong', () => {
  function codes(mcu: Mcu): string[] {
    const list: string[] = [];
    mcu.onWarning(({ code }) => list.push(code));
    return list;
  }

  it('a reference needs 30 us after it was switched on or to another voltage', () => {
    const { mcu } = chip();
    const list = codes(mcu);
    mcu.bus.writeWord(CTL0, 0x2000 | 0x20 | ON);
    mcu.runFor(35e-6);
    mcu.bus.writeWord(CTL0, 0x2000 | 0x20 | ON | ENC | SC);
    mcu.runFor(1e-3);
    expect(list).toEqual([]);
    mcu.bus.writeWord(CTL0, 0x2000 | 0x60 | ON);
    mcu.runFor(20e-6);
    mcu.bus.writeWord(CTL0, 0x2000 | 0x60 | ON | ENC | SC);
    mcu.runFor(1e-3);
    expect(list).toEqual(['REFERENCE_SETTLING']);
  });

  it('who converts against the supply does not care', () => {
    const { mcu } = chip();
    const list = codes(mcu);
    mcu.bus.writeWord(CTL0, 0x20 | ON | ENC | SC);
    mcu.runFor(1e-3);
    expect(list).toEqual([]);
  });

  it('the temperature sensor needs 30 us of sampling', () => {
    const { mcu } = chip();
    const list = codes(mcu);
    // 64 clocks of ADC10OSC / 4 are 51 us, of ADC10OSC / 2 less than 30.
    for (const [divider, wanted] of [
      [3, []],
      [1, ['SHORT_SAMPLE']],
    ] as const) {
      mcu.bus.writeWord(CTL0, 0);
      mcu.bus.writeWord(CTL1, 0xa000 | (divider << 5));
      mcu.bus.writeWord(CTL0, 0x1800 | ON | ENC | SC);
      mcu.runFor(1e-3);
      expect(list).toEqual(wanted);
    }
  });
});

describe('stopping conversions', () => {
  it('CONSEQ = 0 and ENC = 0 stop a sequence at once', () => {
    const { mcu, run } = chip();
    mcu.bus.writeWord(CTL1, 0x7006);
    mcu.bus.writeWord(CTL0, MSC | ON | ENC | SC);
    run(50);
    mcu.bus.writeWord(CTL0, MSC | ON);
    expect(mcu.bus.readWord(CTL1) & BUSY).toBe(BUSY);
    mcu.bus.writeWord(CTL1, 0x7000);
    expect(mcu.bus.readWord(CTL1) & BUSY).toBe(0);
    mcu.bus.writeWord(CTL0, ON);
    run(1000);
    expect(mcu.bus.readWord(CTL0) & IFG).toBe(0);
  });

  it('ENC = 0 lets a repeated sequence finish its channels', () => {
    const { mcu, run } = chip();
    let channels = '';
    for (let channel = 0; channel < 4; channel++) {
      mcu.setAnalogInput(channel, () => {
        channels += channel;
        return 0;
      });
    }
    mcu.bus.writeWord(CTL1, 0x3006 | 0x18);
    mcu.bus.writeWord(CTL0, MSC | ON | ENC | SC);
    run(17 * 5 + 5);
    mcu.bus.writeWord(CTL0, MSC | ON);
    run(1000);
    expect(channels).toBe('32103210');
  });

  it('fields of ADC10CTL1 are locked while ENC is set', () => {
    const { mcu } = chip();
    mcu.bus.writeWord(CTL0, ON | ENC);
    mcu.bus.writeWord(CTL1, 0x5218);
    expect(mcu.bus.readWord(CTL1)).toBe(0);
  });
});

describe('what a DTC transfer costs (SLAU144 "DTC Transfer Cycle Time")', () => {
  /** Instructions that the CPU executes in a millisecond while so many results are moved to memory. */
  function work(blocks: number): { instructions: number; moved: number } {
    // loop: INC R5; JMP loop, three cycles
    const mcu = new Mcu({ image: imageFromWords([0x5315, 0x3ffe]) });
    mcu.bus.writeWord(0x120, 0x5a80);
    let moved = 0;
    mcu.setAnalogInput(1, () => {
      moved++;
      return 1;
    });
    mcu.bus.writeWord(CTL1, 0x1004 | 0x18);
    mcu.bus.writeByte(DTC0, 4);
    mcu.bus.writeByte(DTC1, blocks);
    if (blocks > 0) mcu.bus.writeWord(SA, 0x200);
    mcu.bus.writeWord(CTL0, MSC | ON | ENC | SC);
    const start = mcu.scheduler.now;
    const before = mcu.instructions;
    mcu.runUntil(start + 1700 * 3);
    return { instructions: mcu.instructions - before, moved };
  }

  it('halts a CPU that is awake for a cycle', () => {
    const free = work(0);
    const busy = work(8);
    expect([free.moved, busy.moved]).toEqual([300, 300]);
    // 300 cycles are 200 instructions of 1.5 cycles.
    expect(free.instructions - busy.instructions).toBeGreaterThanOrEqual(198);
    expect(free.instructions - busy.instructions).toBeLessThanOrEqual(202);
  });

  it('leaves a CPU that sleeps asleep, and is there three cycles after the result', () => {
    const { mcu, run } = chip();
    mcu.peripherals.clock.setStatus(0x10);
    mcu.setAnalogInput(1, () => 3.3);
    mcu.bus.writeWord(CTL1, 0x1018);
    mcu.bus.writeByte(DTC1, 1);
    mcu.bus.writeWord(SA, 0x200);
    mcu.bus.writeWord(CTL0, ON | ENC | SC);
    const active = mcu.activeCycles;
    run(17);
    expect([mcu.bus.readWord(MEM), mcu.peekWord(0x200)]).toEqual([1023, 0]);
    run(2);
    expect([mcu.peekWord(0x200), mcu.bus.readWord(CTL0) & IFG]).toEqual([0, 0]);
    run(1);
    expect([mcu.peekWord(0x200), mcu.bus.readWord(CTL0) & IFG]).toEqual([1023, IFG]);
    expect(mcu.activeCycles).toBe(active);
  });

  it('in LPM3 and LPM4 the DCO takes 2 us to start', () => {
    const { mcu } = chip();
    mcu.registers[2] = 0xd0;
    mcu.peripherals.clock.setStatus(0xd0);
    mcu.setAnalogInput(1, () => 3.3);
    mcu.bus.writeWord(CTL1, 0x1000);
    mcu.bus.writeByte(DTC1, 1);
    mcu.bus.writeWord(SA, 0x200);
    mcu.bus.writeWord(CTL0, ON | ENC | SC);
    // 17 clocks of ADC10OSC, 2 us, three cycles.
    mcu.runFor(17 / 5e6 + 2e-6);
    expect(mcu.peekWord(0x200)).toBe(0);
    mcu.runFor(5 / mcu.scheduler.frequencyHz);
    expect(mcu.peekWord(0x200)).toBe(1023);
  });

  it('an MCLK that is slower than the ADC10 loses results', () => {
    const { mcu } = chip();
    let count = 0;
    mcu.setAnalogInput(1, () => (3.3 * ++count) / 1023);
    mcu.registers[2] = 0;
    mcu.peripherals.clock.setStatus(0);
    mcu.bus.writeByte(0x53, 0x20); // MCLK from the VLO
    mcu.bus.writeByte(0x02, 0);
    mcu.bus.writeByte(0x58, 0xc0);
    mcu.bus.writeWord(CTL1, 0x1004 | 0x18);
    mcu.bus.writeByte(DTC1, 4);
    mcu.bus.writeWord(SA, 0x200);
    mcu.bus.writeWord(CTL0, MSC | ON | ENC | SC);
    mcu.runFor(1e-3);
    const results = [0, 2, 4, 6].map((offset) => mcu.peekWord(0x200 + offset));
    expect(results[3]! - results[0]!).toBeGreaterThan(20);
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
