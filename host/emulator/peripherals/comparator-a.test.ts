/** Comparator_A+ (SLAU144 "Comparator_A+"), by register. */

import { describe, expect, it } from 'vitest';
import { imageFromWords } from '../image/words.ts';
import { vectors } from '../interrupts.ts';
import { Mcu } from '../mcu.ts';

const CACTL1 = 0x59;
const CACTL2 = 0x5a;
const CAPD = 0x5b;
const CAON = 0x08;
const CAIE = 0x02;
const CAIES = 0x04;
const CARSEL = 0x40;
const CAEX = 0x80;
const QUARTER = 0x10;
const HALF = 0x20;
const DIODE = 0x30;
const P2CA4 = 0x40;
const SUPPLY = 3.2;

/** A sleeping chip with a voltage at CA1. */
function chip() {
  const volts = { ca1: 0 };
  const mcu = new Mcu({ image: imageFromWords([0x3fff]), supplyVolts: SUPPLY });
  mcu.bus.writeWord(0x120, 0x5a80);
  mcu.registers[2] = 0x10;
  mcu.setAnalogInput(1, () => volts.ca1);
  const output = () => mcu.bus.readByte(CACTL2) & 1;
  return { mcu, volts, output, registers: mcu.bus };
}

describe('Comparator_A+', () => {
  it('is off after a reset', () => {
    const { registers } = chip();
    expect([CACTL1, CACTL2, CAPD].map((address) => registers.readByte(address))).toEqual([0, 0, 0]);
  });

  it.each([
    ['a quarter of Vcc', QUARTER, SUPPLY / 4],
    ['half of Vcc', HALF, SUPPLY / 2],
    ['the diode', DIODE, 0.55],
  ])('compares CA1 with %s', (_, select, threshold) => {
    const { registers, volts, output } = chip();
    registers.writeByte(CACTL2, P2CA4);
    registers.writeByte(CACTL1, CARSEL | select | CAON);
    volts.ca1 = threshold + 0.01;
    expect(output()).toBe(1);
    volts.ca1 = threshold - 0.01;
    expect(output()).toBe(0);
  });

  it('is low while it is off', () => {
    const { registers, volts, output } = chip();
    volts.ca1 = SUPPLY;
    registers.writeByte(CACTL2, P2CA4);
    registers.writeByte(CACTL1, CARSEL | QUARTER);
    expect(output()).toBe(0);
  });

  it('takes - terminal inputs CA1 to CA7 by P2CA1 to P2CA3, and answers alike with CAEX', () => {
    const { mcu, registers, output } = chip();
    for (let channel = 1; channel < 8; channel++) mcu.setAnalogInput(channel, () => channel / 10);
    mcu.setAnalogInput(0, () => 0.45);
    for (const exchange of [0, CAEX]) {
      registers.writeByte(CACTL1, exchange | CAON);
      const outputs = [1, 2, 3, 4, 5, 6, 7].map((channel) => {
        registers.writeByte(CACTL2, 0x04 | (channel << 3));
        return output();
      });
      expect(outputs).toEqual([1, 1, 1, 1, 0, 0, 0]);
    }
  });

  it('puts its reference on the pin that is connected to the same terminal', () => {
    const { mcu, registers } = chip();
    registers.writeByte(CACTL2, P2CA4);
    registers.writeByte(CACTL1, HALF | CAON);
    expect(mcu.peripherals.comparator.referenceOnPin(1)).toBeCloseTo(SUPPLY / 2);
    expect(mcu.peripherals.comparator.referenceOnPin(2)).toBeUndefined();
    registers.writeByte(CACTL1, CARSEL | HALF | CAON);
    expect(mcu.peripherals.comparator.referenceOnPin(1)).toBeUndefined();
  });

  it.each([
    ['rising', 0, 0, SUPPLY],
    ['falling', CAIES, SUPPLY, 0],
  ])('requests an interrupt at the %s edge, which resets its flag when accepted', (_, edge, before, after) => {
    const volts = { ca1: before };
    const mcu = new Mcu({
      // MOV #0x5A80,&WDTCTL; EINT; JMP $. Handler: BIS.B #1,&P1OUT; RETI
      image: imageFromWords([0x4031, 0x0400, 0x40b2, 0x5a80, 0x0120, 0xd232, 0x3fff, 0x4303, 0xd3d2, 0x0021, 0x1300], {
        vectors: { [vectors.COMPARATORA]: 0xc010 },
      }),
      supplyVolts: SUPPLY,
    });
    mcu.setAnalogInput(1, () => volts.ca1);
    mcu.runFor(100e-6);
    mcu.bus.writeByte(CACTL2, P2CA4);
    mcu.bus.writeByte(CACTL1, CARSEL | QUARTER | CAON | CAIE | edge);
    mcu.bus.writeByte(CACTL1, CARSEL | QUARTER | CAON | CAIE | edge);
    mcu.runFor(100e-6);
    expect(mcu.peek(0x21) & 1).toBe(0);
    volts.ca1 = after;
    mcu.runFor(100e-6);
    expect(mcu.peek(0x21) & 1).toBe(1);
    expect(mcu.peek(CACTL1) & 1).toBe(0);
  });

  it('shows its output on P1.7 and is captured by CCI1B of Timer0_A', () => {
    const { mcu, registers, volts } = chip();
    registers.writeByte(0x22, 0x80);
    registers.writeByte(0x26, 0x80);
    registers.writeWord(0x160, 0x0220);
    registers.writeWord(0x164, 0x5100);
    registers.writeByte(CACTL2, P2CA4);
    registers.writeByte(CACTL1, CARSEL | QUARTER | CAON);
    mcu.runFor(1e-3);
    expect(mcu.pin(1, 7).level).toBe(0);
    expect(registers.readWord(0x164) & 1).toBe(0);
    volts.ca1 = SUPPLY;
    mcu.runFor(1e-3);
    expect(mcu.pin(1, 7).level).toBe(1);
    expect(registers.readWord(0x164) & 9).toBe(9);
    expect(registers.readWord(0x174)).toBeGreaterThan(0);
  });

  it('CAPD takes input buffers off their pins', () => {
    const { mcu, registers } = chip();
    mcu.pin(1, 2).drive(1);
    mcu.pin(1, 3).drive(1);
    registers.writeByte(CAPD, 0x04);
    expect(registers.readByte(0x20) & 0x0c).toBe(0x08);
  });
});
