/** WDT+ and the causes of reset in IFG1 (SLAU144 "Watchdog Timer+", "System Reset and Initialization"). */

import { describe, expect, it } from 'vitest';
import { imageFromWords } from '../image/words.ts';
import { Mcu } from '../mcu.ts';
import type { ResetKind } from '../mcu-options.ts';

const WDTCTL = 0x120;
const IFG1 = 0x02;
const IE1 = 0x00;
const PORIFG = 4;
const RSTIFG = 8;

function chip(words: readonly number[] = [0x3fff], vectors = {}): { mcu: Mcu; resets: ResetKind[] } {
  const mcu = new Mcu({ image: imageFromWords(words, { vectors }) });
  const resets: ResetKind[] = [];
  mcu.onReset((kind) => resets.push(kind));
  mcu.registers[1] = 0x400;
  return { mcu, resets };
}

describe('watchdog mode', () => {
  it('resets after 32768 SMCLK cycles unless it is held', () => {
    const { mcu, resets } = chip();
    mcu.runUntil(32_760);
    expect(resets).toEqual([]);
    mcu.runUntil(32_800);
    expect(resets).toEqual(['watchdog']);
    expect(mcu.bus.readByte(IFG1) & 1).toBe(1);
    mcu.bus.writeWord(WDTCTL, 0x5a80);
    mcu.runUntil(1_000_000);
    expect(resets).toHaveLength(1);
  });

  it('is content when it is cleared in time', () => {
    // MOV #0x5A08,&WDTCTL (WDTCNTCL); JMP back
    const { mcu, resets } = chip([0x40b2, 0x5a08, 0x0120, 0x3ffc]);
    mcu.runUntil(500_000);
    expect(resets).toEqual([]);
  });

  it('a wrong password resets at once and sets WDTIFG', () => {
    const { mcu, resets } = chip([0x40b2, 0x1280, 0x0120, 0x3fff]);
    mcu.runUntil(12);
    expect(resets[0]).toBe('password');
    expect(mcu.bus.readByte(IFG1) & 1).toBe(1);
  });

  it('reads 0x69 in the high byte', () => {
    const { mcu } = chip();
    mcu.bus.writeWord(WDTCTL, 0x5a80);
    expect(mcu.bus.readWord(WDTCTL)).toBe(0x6980);
  });

  it('counts MCLK when its clock does not swing, in watchdog mode (fail-safe clocking)', () => {
    const { mcu, resets } = chip();
    // WDT_ARST_1000: ACLK, and no crystal.
    mcu.bus.writeWord(WDTCTL, 0x5a0c);
    const start = mcu.scheduler.now;
    mcu.runUntil(start + 32_760);
    expect(resets).toEqual([]);
    mcu.runUntil(start + 32_800);
    expect(resets).toEqual(['watchdog']);
  });

  it('does so for SMCLK from a dead LFXT1 too, and in a low-power mode', () => {
    const { mcu, resets } = chip([0x40b2, 0x5a08, 0x0120, 0xd032, 0x00f0, 0x3fff]);
    mcu.bus.writeByte(0x58, 0x08);
    mcu.runUntil(32_700);
    expect(resets).toEqual([]);
    mcu.runUntil(33_000);
    expect(resets).toEqual(['watchdog']);
  });

  it('in interval mode a dead clock stops it', () => {
    const { mcu, resets } = chip();
    mcu.bus.writeWord(WDTCTL, 0x5a1c);
    mcu.runUntil(1_000_000);
    expect([resets, mcu.bus.readByte(IFG1) & 1]).toEqual([[], 0]);
  });

  it('goes on from its count when the crystal stops, and with the crystal when that swings again', () => {
    const mcu = new Mcu({ image: imageFromWords([0x3fff]), crystalHz: 32_768 });
    const resets: ResetKind[] = [];
    mcu.onReset((kind) => resets.push(kind));
    mcu.bus.writeWord(WDTCTL, 0x5a0c);
    mcu.runFor(0.5);
    mcu.bus.writeByte(0x2e, 0);
    mcu.runUntil(mcu.scheduler.now + 8000);
    mcu.bus.writeByte(0x2e, 0xc0);
    // 16384 and 8000 of 32768 are over: a quarter of a second is left.
    mcu.runFor(0.25);
    expect(resets).toEqual([]);
    mcu.runFor(0.01);
    expect(resets).toEqual(['watchdog']);
  });

  it('keeps the crystal alive in LPM4', () => {
    // WDT_ARST_1000, then LPM4.
    const mcu = new Mcu({ image: imageFromWords([0x40b2, 0x5a0c, 0x0120, 0xd032, 0x00f0]), crystalHz: 32_768 });
    const resets: ResetKind[] = [];
    mcu.onReset((kind) => resets.push(kind));
    mcu.runFor(0.99);
    expect([mcu.sleeping, resets]).toEqual([true, []]);
    mcu.runFor(0.02);
    expect(resets).toEqual(['watchdog']);
  });

  it('keeps SMCLK alive in LPM3 (fail-safe clocking)', () => {
    const { mcu, resets } = chip([0xd032, 0x00d0, 0x3fff]);
    mcu.runUntil(32_800);
    expect(resets).toEqual(['watchdog']);
  });
});

describe('interval mode', () => {
  it.each([
    [0, 32_768],
    [1, 8192],
    [2, 512],
    [3, 64],
  ])('WDTIS %i interrupts every %i cycles and clears its flag when accepted', (select, interval) => {
    // EINT; JMP $; ISR: INC R5; RETI
    const { mcu, resets } = chip([0xd232, 0x3fff, 0x5315, 0x1300], { 10: 0xc004 });
    mcu.bus.writeWord(WDTCTL, 0x5a18 | select);
    mcu.bus.writeByte(IE1, 1);
    mcu.runUntil(mcu.scheduler.now + 10 * interval + 30);
    expect(mcu.registers[5]).toBe(10);
    expect(mcu.bus.readByte(IFG1) & 1).toBe(0);
    expect(resets).toEqual([]);
  });

  it('sets its flag without the interrupt', () => {
    const { mcu } = chip();
    mcu.bus.writeWord(WDTCTL, 0x5a1b);
    mcu.runUntil(mcu.scheduler.now + 70);
    expect(mcu.bus.readByte(IFG1) & 1).toBe(1);
  });
});

describe('causes of reset', () => {
  it('power-on sets PORIFG, the pin adds RSTIFG, power-on clears it', () => {
    const { mcu } = chip();
    expect(mcu.bus.readByte(IFG1) & (PORIFG | RSTIFG)).toBe(PORIFG);
    mcu.reset('pin');
    expect(mcu.bus.readByte(IFG1) & (PORIFG | RSTIFG)).toBe(PORIFG | RSTIFG);
    mcu.bus.writeByte(IFG1, 0);
    expect(mcu.bus.readByte(IFG1) & (PORIFG | RSTIFG)).toBe(0);
    mcu.reset('pin');
    mcu.reset('power_on');
    expect(mcu.bus.readByte(IFG1) & (PORIFG | RSTIFG)).toBe(PORIFG);
  });

  it('RAM survives a reset, registers of the CPU do not', () => {
    const { mcu } = chip();
    mcu.poke(0x0200, Uint8Array.of(0x42));
    mcu.registers[5] = 0x1234;
    mcu.reset('watchdog');
    expect(mcu.peek(0x0200)).toBe(0x42);
    expect(mcu.registers[5]).toBe(0);
  });

  it('the RST pin can be an NMI', () => {
    const { mcu, resets } = chip([0x3fff], { 14: 0xc100 });
    mcu.bus.writeWord(WDTCTL, 0x5aa0); // WDTNMI, WDTHOLD
    mcu.bus.writeByte(IE1, 0x10);
    mcu.reset('pin');
    mcu.step();
    expect(resets).toEqual([]);
    expect(mcu.registers[0]).toBe(0xc100);
    expect(mcu.bus.readByte(IFG1) & 0x10).toBe(0x10);
    expect(mcu.bus.readByte(IE1) & 0x10).toBe(0);
  });
});
