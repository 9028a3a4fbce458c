/** Clocks on pins and from pins: ACLK, SMCLK and ADC10CLK outputs, a digital clock on XIN, the pin oscillator. */

import { describe, expect, it } from 'vitest';
import { imageFromWords } from '../image/words.ts';
import { Mcu, type McuOptions } from '../mcu.ts';

const P1DIR = 0x22;
const P1SEL = 0x26;
const P1SEL2 = 0x41;
const BCSCTL1 = 0x57;
const BCSCTL2 = 0x58;
const BCSCTL3 = 0x53;

function chip(options: McuOptions = {}) {
  const mcu = new Mcu({ image: imageFromWords([0x3fff]), ...options });
  mcu.bus.writeWord(0x120, 0x5a80);
  mcu.registers[2] = 0x10;
  const edges = (port: number, bit: number, seconds: number) => {
    let rising = 0;
    const off = mcu.pin(port, bit).onChange((level) => {
      rising += level;
    });
    mcu.runFor(seconds);
    off();
    return rising;
  };
  return { mcu, registers: mcu.bus, edges };
}

describe('clock outputs', () => {
  it('ACLK on P1.0 with a crystal, divided by DIVA', () => {
    const { registers, edges } = chip({ crystalHz: 32768 });
    registers.writeByte(P1DIR, 0x01);
    registers.writeByte(P1SEL, 0x01);
    expect(edges(1, 0, 1)).toBe(32768);
    registers.writeByte(BCSCTL1, 0xb7);
    expect(Math.abs(edges(1, 0, 1) - 4096)).toBeLessThanOrEqual(1);
  });

  it('SMCLK on P1.4, as fast as the DCO or divided by DIVS', () => {
    const { mcu, registers, edges } = chip();
    registers.writeByte(P1DIR, 0x10);
    registers.writeByte(P1SEL, 0x10);
    const { frequencyHz } = mcu.scheduler;
    expect(Math.abs(edges(1, 4, 0.01) - frequencyHz / 100)).toBeLessThanOrEqual(1);
    registers.writeByte(BCSCTL2, 0x06);
    expect(Math.abs(edges(1, 4, 0.01) - frequencyHz / 800)).toBeLessThanOrEqual(1);
  });

  it('ADC10CLK on P1.3 while it converts: ADC10OSC, divided by ADC10DIV', () => {
    const { registers, edges } = chip();
    registers.writeByte(P1DIR, 0x08);
    registers.writeByte(P1SEL, 0x08);
    for (const divider of [1, 8]) {
      registers.writeWord(0x1b0, 0);
      expect(edges(1, 3, 0.001)).toBeLessThanOrEqual(64);
      expect(edges(1, 3, 0.001)).toBe(0);
      // Repeat single channel, MSC: it converts without a break.
      registers.writeWord(0x1b2, 0x0004 | ((divider - 1) << 5));
      registers.writeWord(0x1b0, 0x0093);
      expect(Math.abs(edges(1, 3, 0.01) - 50_000 / divider)).toBeLessThanOrEqual(8);
    }
  });

  it('needs PxDIR', () => {
    const { registers, edges } = chip({ crystalHz: 32768 });
    registers.writeByte(P1SEL, 0x01);
    expect(edges(1, 0, 0.1)).toBe(0);
  });
});

describe('a digital clock on XIN', () => {
  it('is ACLK with LFXT1S = 3, and its absence is a fault', () => {
    const { mcu, registers } = chip({ xinHz: 10_000 });
    registers.writeByte(BCSCTL3, 0x30);
    expect(registers.readByte(BCSCTL3) & 1).toBe(0);
    expect(mcu.clocks.aclk.frequencyHz).toBe(10_000);
    const silent = chip();
    silent.registers.writeByte(BCSCTL3, 0x30);
    expect(silent.registers.readByte(BCSCTL3) & 1).toBe(1);
  });
});

describe('the pin oscillator', () => {
  it('is INCLK of Timer0_A and slows down under a finger', () => {
    const { mcu, registers } = chip();
    const count = () => {
      registers.writeWord(0x160, 0x0324);
      mcu.runFor(1e-3);
      return registers.readWord(0x170);
    };
    expect(count()).toBe(0);
    registers.writeByte(P1SEL2, 0x02);
    expect(Math.abs(count() - 1400)).toBeLessThanOrEqual(1);
    mcu.peripherals.pinOscillator.setCapacitance(mcu.pin(1, 1), 20);
    expect(Math.abs(count() - 900)).toBeLessThanOrEqual(1);
    registers.writeByte(P1SEL2, 0);
    expect(count()).toBe(0);
  });

  it('keeps its frequency when the DCO changes', () => {
    const { mcu, registers } = chip();
    registers.writeByte(P1SEL2, 0x02);
    registers.writeByte(BCSCTL1, 0x8f);
    registers.writeWord(0x160, 0x0324);
    mcu.runFor(1e-3);
    expect(Math.abs(registers.readWord(0x170) - 1400)).toBeLessThanOrEqual(1);
  });

  it('exists on P1 and P2 only', () => {
    const { mcu } = chip();
    expect(() => mcu.peripherals.pinOscillator.setCapacitance(mcu.pin(3, 0), 10)).toThrow('P3.0');
  });
});
