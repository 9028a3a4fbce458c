/** Basic Clock Module+ (SLAU144 "Basic Clock Module+", SLAS735 "DCO Frequency"). */

import { describe, expect, it } from 'vitest';
import { imageFromWords } from '../image/words.ts';
import { Mcu } from '../mcu.ts';
import type { McuOptions } from '../mcu-options.ts';

const DCOCTL = 0x56;
const BCSCTL1 = 0x57;
const BCSCTL2 = 0x58;
const BCSCTL3 = 0x53;
const IFG1 = 0x02;
const IE1 = 0x00;
const LPM0 = 0x10;
const LPM3 = 0xd0;
const LPM4 = 0xf0;

function chip(options: McuOptions = {}, words: readonly number[] = [0x3fff]): Mcu {
  const mcu = new Mcu({ image: imageFromWords(words), ...options });
  mcu.bus.writeWord(0x120, 0x5a80);
  return mcu;
}

/** Sleeps in a low-power mode: time passes by `runUntil` alone. */
function sleep(mcu: Mcu, status: number): void {
  mcu.registers[2] = status;
  mcu.peripherals.clock.setStatus(status);
}

describe('DCO', () => {
  it.each([
    [16_000_000, 0x10f8],
    [12_000_000, 0x10fa],
    [8_000_000, 0x10fc],
    [1_000_000, 0x10fe],
  ])('info A calibrates exactly %i Hz', (frequencyHz, address) => {
    const mcu = chip();
    mcu.bus.writeByte(DCOCTL, mcu.peek(address));
    mcu.bus.writeByte(BCSCTL1, mcu.peek(address + 1));
    expect(mcu.scheduler.frequencyHz).toBe(frequencyHz);
    expect(mcu.clocks.smclk.frequencyHz).toBe(frequencyHz);
  });

  it('starts at about 1.1 MHz', () => {
    expect(chip().scheduler.frequencyHz).toBeGreaterThan(800_000);
    expect(chip().scheduler.frequencyHz).toBeLessThan(1_500_000);
  });

  it('rises with every MOD and DCO step of a range', () => {
    const mcu = chip();
    let before = 0;
    // DCO = 7 does not modulate.
    for (let dcoctl = 0; dcoctl <= 0xe0; dcoctl++) {
      mcu.bus.writeByte(DCOCTL, dcoctl);
      expect(mcu.scheduler.frequencyHz).toBeGreaterThan(before);
      before = mcu.scheduler.frequencyHz;
    }
  });

  it('keeps what is due in milliseconds when the program changes it', () => {
    // MOV.B &0x10FD,&BCSCTL1; MOV.B &0x10FC,&DCOCTL; JMP $
    const mcu = chip({}, [0x42d2, 0x10fd, 0x0057, 0x42d2, 0x10fc, 0x0056, 0x3fff]);
    mcu.runFor(0.25);
    expect(mcu.scheduler.frequencyHz).toBe(8_000_000);
    expect(mcu.scheduler.seconds()).toBeCloseTo(0.25, 5);
    expect(mcu.instructions / 2).toBeCloseTo(500_000, -2);
  });

  it('warns when it is set from an erased info A', () => {
    const mcu = chip({ info: { A: new Uint8Array(64).fill(0xff) } });
    const codes: string[] = [];
    mcu.onWarning(({ code }) => codes.push(code));
    mcu.bus.writeByte(DCOCTL, mcu.peek(0x10fe));
    mcu.bus.writeByte(BCSCTL1, mcu.peek(0x10ff));
    expect(codes).toEqual(['NO_CALIBRATION']);
  });
});

describe('MCLK', () => {
  it('DIVM makes instructions longer', () => {
    const mcu = chip({}, [0x4303, 0x4303, 0x4303, 0x3fff]);
    mcu.bus.writeByte(BCSCTL2, 0x30);
    const start = mcu.scheduler.now;
    mcu.step();
    expect(mcu.scheduler.now - start).toBe(8);
  });

  it('can come from the VLO', () => {
    const mcu = chip({ vloHz: 10_000 }, new Array(50).fill(0x4303));
    mcu.bus.writeByte(BCSCTL3, 0x20);
    mcu.bus.writeByte(IFG1, 0);
    mcu.bus.writeByte(BCSCTL2, 0xc0);
    const [start, instructions] = [mcu.scheduler.seconds(), mcu.instructions];
    mcu.runFor(0.002);
    expect(mcu.instructions - instructions).toBeGreaterThanOrEqual(20);
    expect(mcu.instructions - instructions).toBeLessThanOrEqual(21);
    expect(mcu.scheduler.seconds() - start).toBeCloseTo(0.002, 3);
  });

  it('comes from the DCO as long as OFIFG is set, whatever SELM says', () => {
    const mcu = chip({ vloHz: 10_000 });
    mcu.bus.writeByte(BCSCTL3, 0x20);
    mcu.bus.writeByte(BCSCTL2, 0xc0);
    expect(mcu.clocks.mclk.frequencyHz).toBe(mcu.scheduler.frequencyHz);
    mcu.bus.writeByte(IFG1, 0);
    expect(mcu.clocks.mclk.frequencyHz).toBe(10_000);
    mcu.bus.writeByte(IFG1, 2);
    expect(mcu.clocks.mclk.frequencyHz).toBe(mcu.scheduler.frequencyHz);
    expect(mcu.bus.readByte(BCSCTL2)).toBe(0xc0);
  });

  it('falls back to the DCO when there is no crystal', () => {
    const mcu = chip();
    mcu.bus.writeByte(BCSCTL2, 0xc0);
    expect(mcu.clocks.mclk.frequencyHz).toBe(mcu.scheduler.frequencyHz);
  });
});

describe('ACLK and the oscillator fault', () => {
  it('without a crystal LFXT1OF and OFIFG stay and ACLK is dead', () => {
    const mcu = chip();
    expect(mcu.bus.readByte(BCSCTL3) & 1).toBe(1);
    mcu.bus.writeByte(IFG1, 0);
    expect(mcu.bus.readByte(IFG1) & 2).toBe(2);
    expect(mcu.clocks.aclk.running).toBe(false);
  });

  it('the VLO ends the fault; the flag then clears', () => {
    const mcu = chip({ vloHz: 11_111 });
    mcu.bus.writeByte(BCSCTL3, 0x20);
    expect(mcu.bus.readByte(BCSCTL3) & 1).toBe(0);
    expect(mcu.bus.readByte(IFG1) & 2).toBe(2);
    mcu.bus.writeByte(IFG1, 0);
    expect(mcu.bus.readByte(IFG1) & 2).toBe(0);
    expect(mcu.clocks.aclk.frequencyHz).toBe(11_111);
    mcu.bus.writeByte(BCSCTL1, 0xb7); // DIVA_3
    expect(mcu.clocks.aclk.frequencyHz).toBeCloseTo(11_111 / 8);
  });

  it('a crystal runs when the board has one', () => {
    const mcu = chip({ crystalHz: 32_768 });
    expect(mcu.clocks.aclk.frequencyHz).toBe(32_768);
    const ticks = mcu.clocks.aclk.ticks();
    sleep(mcu, LPM3);
    mcu.runFor(10);
    expect(Math.abs(mcu.clocks.aclk.ticks() - ticks - 327_680)).toBeLessThanOrEqual(1);
  });

  it('OFIE turns the fault into an NMI, once', () => {
    const mcu = new Mcu({ image: imageFromWords([0x3fff], { vectors: { 14: 0xc100 } }) });
    mcu.registers[1] = 0x400;
    mcu.bus.writeByte(IE1, 2);
    mcu.step();
    expect(mcu.registers[0]).toBe(0xc100);
    expect(mcu.bus.readByte(IE1) & 2).toBe(0);
  });
});

describe('the pins of the crystal (SLAS735 port P2)', () => {
  const P2SEL = 0x2e;
  const P2SEL2 = 0x42;

  it.each([
    ['P2SEL.6 = 0', P2SEL, 0x80],
    ['P2SEL.7 = 0', P2SEL, 0x40],
    ['P2SEL2.6 = 1', P2SEL2, 0x40],
  ])('%s stops it, with a fault that outlasts it', (_name, register, value) => {
    const mcu = chip({ crystalHz: 32_768 });
    mcu.bus.writeByte(IFG1, 0);
    expect(mcu.bus.readByte(IFG1) & 2).toBe(0);
    const before = mcu.bus.readByte(register);
    mcu.bus.writeByte(register, value);
    expect([mcu.clocks.aclk.running, mcu.bus.readByte(BCSCTL3) & 1, mcu.bus.readByte(IFG1) & 2]).toEqual([false, 1, 2]);
    mcu.bus.writeByte(register, before);
    expect([mcu.clocks.aclk.frequencyHz, mcu.bus.readByte(BCSCTL3) & 1]).toEqual([32_768, 0]);
    expect(mcu.bus.readByte(IFG1) & 2).toBe(2);
  });

  it('a digital clock needs XIN alone', () => {
    const mcu = chip({ xinHz: 50_000 });
    mcu.bus.writeByte(BCSCTL3, 0x30);
    mcu.bus.writeByte(P2SEL, 0x40);
    expect(mcu.clocks.aclk.frequencyHz).toBe(50_000);
    mcu.bus.writeByte(P2SEL, 0x80);
    expect(mcu.clocks.aclk.running).toBe(false);
  });
});

describe('a crystal that takes its time', () => {
  it('LFXT1OF goes when it swings, and ACLK begins', () => {
    const mcu = chip({ crystalHz: 32_768, crystalStartSeconds: 0.3 });
    mcu.runFor(0.29);
    expect([mcu.clocks.aclk.running, mcu.bus.readByte(BCSCTL3) & 1]).toEqual([false, 1]);
    mcu.bus.writeByte(IFG1, 0);
    expect(mcu.bus.readByte(IFG1) & 2).toBe(2);
    mcu.runFor(0.02);
    expect([mcu.clocks.aclk.frequencyHz, mcu.bus.readByte(BCSCTL3) & 1]).toEqual([32_768, 0]);
    mcu.bus.writeByte(IFG1, 0);
    expect(mcu.bus.readByte(IFG1) & 2).toBe(0);
  });

  it('OSCOFF stops it, and it takes its time again; XTS and the VLO do the same', () => {
    const mcu = chip({ crystalHz: 32_768, crystalStartSeconds: 0.3 });
    mcu.runFor(0.31);
    mcu.bus.writeByte(IFG1, 0);
    sleep(mcu, LPM4);
    sleep(mcu, 0);
    expect([mcu.clocks.aclk.running, mcu.bus.readByte(IFG1) & 2]).toEqual([false, 2]);
    mcu.runFor(0.31);
    expect(mcu.clocks.aclk.running).toBe(true);
    mcu.bus.writeByte(BCSCTL1, 0xc7);
    expect(mcu.clocks.aclk.running).toBe(false);
    mcu.bus.writeByte(BCSCTL1, 0x87);
    mcu.runFor(0.31);
    expect(mcu.clocks.aclk.running).toBe(true);
  });

  it('no fault without a crystal that was switched off: OSCOFF lets OFIFG be cleared', () => {
    const mcu = chip();
    sleep(mcu, 0x20);
    mcu.bus.writeByte(IFG1, 0);
    expect([mcu.bus.readByte(IFG1) & 2, mcu.bus.readByte(BCSCTL3) & 1]).toEqual([0, 0]);
    mcu.bus.writeByte(BCSCTL2, 0x08);
    expect([mcu.bus.readByte(IFG1) & 2, mcu.bus.readByte(BCSCTL3) & 1]).toEqual([2, 1]);
  });
});

it('warns of steps of RSELx that may stop the DCO (erratum BCL12)', () => {
  /** Warnings when DCOCTL is set and RSELx goes through these ranges. */
  const codesOf = (dcoctl: number, ranges: readonly number[]) => {
    const mcu = chip();
    const codes: string[] = [];
    mcu.onWarning(({ code }) => codes.push(code));
    mcu.bus.writeByte(DCOCTL, dcoctl);
    for (const range of ranges) mcu.bus.writeByte(BCSCTL1, 0x80 | range);
    return codes;
  };
  // TI's way to 16 MHz, and one that leaves DCOx as it is.
  expect(codesOf(0, [15])).toEqual([]);
  expect(codesOf(0x60, [15])).toEqual(['RANGE_JUMP']);
  expect(codesOf(0, [15, 12])).toEqual(['RANGE_JUMP']);
  expect(codesOf(0, [15, 13, 12])).toEqual([]);
  expect(codesOf(0x60, [12, 7, 0])).toEqual([]);
});

describe('low-power modes (SLAU144 "Operating Modes")', () => {
  it.each([
    ['LPM0', LPM0, true, true],
    ['LPM3', LPM3, false, true],
    ['LPM4', LPM4, false, false],
  ])('%s: SMCLK %s %s', (_name, status, smclk, aclk) => {
    const mcu = chip();
    mcu.bus.writeByte(BCSCTL3, 0x20);
    sleep(mcu, status);
    expect(mcu.clocks.mclk.running).toBe(false);
    expect(mcu.clocks.smclk.running).toBe(smclk);
    expect(mcu.clocks.aclk.running).toBe(aclk);
  });

  it('a request keeps SMCLK alive in LPM3 and tells its listeners', () => {
    const mcu = chip();
    sleep(mcu, LPM3);
    let changes = 0;
    mcu.clocks.smclk.onChange(() => changes++);
    mcu.clocks.smclk.request(true);
    expect([mcu.clocks.smclk.running, changes]).toEqual([true, 1]);
    const [now, ticks] = [mcu.scheduler.now, mcu.clocks.smclk.ticks()];
    mcu.runUntil(now + 100);
    expect(mcu.clocks.smclk.ticks() - ticks).toBe(100);
    mcu.clocks.smclk.request(false);
    expect(mcu.clocks.smclk.running).toBe(false);
  });

  it('waking from LPM3 waits for the DCO to start', () => {
    const mcu = new Mcu({ image: imageFromWords([0x3fff], { vectors: { 2: 0xc000 } }) });
    mcu.bus.writeWord(0x120, 0x5a80);
    mcu.registers[1] = 0x400;
    sleep(mcu, LPM3 | 8);
    const start = mcu.scheduler.seconds();
    mcu.interrupts.set(2, true);
    mcu.step();
    const cycle = 1 / mcu.scheduler.frequencyHz;
    expect(mcu.scheduler.seconds() - start).toBeGreaterThan(6 * cycle + 1e-6);
    expect(mcu.scheduler.seconds() - start).toBeLessThan(6 * cycle + 3e-6);
  });
});
