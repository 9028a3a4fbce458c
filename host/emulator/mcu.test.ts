/** The chip as a whole: loading, running, resets, sharing, debugging. */

import { describe, expect, it } from 'vitest';
import { FlashContents } from './flash-contents.ts';
import { imageFromWords } from './image/words.ts';
import { Mcu } from './mcu.ts';

/** MOV #0x5A80,&WDTCTL; loop: INC R5; JMP loop */
const counter = imageFromWords([0x40b2, 0x5a80, 0x0120, 0x5315, 0x3ffe]);

describe('running', () => {
  it('stops at the first instruction that ends at or after the given cycle', () => {
    const mcu = new Mcu({ image: counter });
    mcu.runUntil(1000);
    expect(mcu.scheduler.now).toBeGreaterThanOrEqual(1000);
    expect(mcu.scheduler.now).toBeLessThan(1002);
    // 4 for the reset, 5 for MOV, 3 a round.
    expect(mcu.registers[5]).toBe(Math.ceil((1000 - 9) / 3));
  });

  it('gives the same result in one run and in many', () => {
    const one = new Mcu({ image: counter });
    const many = new Mcu({ image: counter });
    one.runUntil(10_000);
    for (let cycle = 0; cycle <= 10_000; cycle += 7) many.runUntil(cycle);
    many.runUntil(10_000);
    expect([...many.registers]).toEqual([...one.registers]);
    expect(many.scheduler.now).toBe(one.scheduler.now);
    expect(many.instructions).toBe(one.instructions);
    expect(many.activeCycles).toBe(one.activeCycles);
  });

  it('counts active cycles as time while it is awake', () => {
    const mcu = new Mcu({ image: counter });
    mcu.runUntil(5000);
    expect(mcu.activeCycles).toBe(mcu.scheduler.now);
  });

  it('stop() from an event ends a run after the instruction', () => {
    const mcu = new Mcu({ image: counter });
    mcu.scheduler.schedule(500, () => mcu.stop());
    mcu.runUntil(1_000_000);
    expect(mcu.scheduler.now).toBeGreaterThanOrEqual(500);
    expect(mcu.scheduler.now).toBeLessThan(510);
  });

  it('a sleeping chip without events returns from an endless run', () => {
    const mcu = new Mcu({ image: imageFromWords([0x40b2, 0x5a80, 0x0120, 0xd032, 0x00f0]) });
    mcu.runUntil(Number.POSITIVE_INFINITY);
    expect(mcu.sleeping).toBe(true);
  });

  it('a chip without a program sleeps and says why', () => {
    const codes: string[] = [];
    const mcu = new Mcu();
    mcu.onWarning(({ code }) => codes.push(code));
    mcu.reset('power_on');
    mcu.runFor(1);
    expect(codes).toEqual(['NO_RESET_VECTOR']);
    expect(mcu.instructions).toBe(0);
  });
});

describe('resets', () => {
  it('asked for by an event it waits for the end of the instruction', () => {
    const mcu = new Mcu({ image: counter });
    mcu.scheduler.schedule(500, () => mcu.reset('pin'));
    mcu.runUntil(520);
    expect(mcu.registers[5]).toBeLessThan(10);
    expect(mcu.bus.readByte(2) & 8).toBe(8);
  });

  it('tells its listeners the kind and whether it is a POR', () => {
    const mcu = new Mcu({ image: counter });
    const seen: [string, boolean][] = [];
    mcu.onReset((kind, por) => seen.push([kind, por]));
    mcu.reset('pin');
    mcu.reset('watchdog');
    mcu.load(counter);
    expect(seen).toEqual([
      ['pin', true],
      ['watchdog', false],
      ['power_on', true],
    ]);
  });

  it('stops timers and gives pins back', () => {
    const mcu = new Mcu({ image: counter });
    mcu.bus.writeByte(0x22, 1);
    mcu.bus.writeByte(0x21, 1);
    mcu.bus.writeWord(0x160, 0x224);
    mcu.reset('pin');
    expect(mcu.bus.readWord(0x160)).toBe(0);
    expect(mcu.pin(1, 0).driven).toBeUndefined();
  });
});

describe('memory', () => {
  it('boards that are given the same flash contents share them until one writes', () => {
    const flash = FlashContents.of(counter);
    const [first, second] = [new Mcu({ image: counter, flash }), new Mcu({ image: counter, flash })];
    first.runUntil(100);
    second.runUntil(100);
    expect(second.registers[5]).toBe(first.registers[5]);
    first.poke(0xc006, Uint8Array.of(0x16, 0x53)); // INC R6
    const [before, other] = [first.registers[5]!, second.registers[5]!];
    first.runUntil(200);
    second.runUntil(200);
    expect(first.registers[5]).toBe(before);
    expect(first.registers[6]).toBeGreaterThan(10);
    expect(second.registers[5]).toBeGreaterThan(other);
  });

  it('code in RAM may change itself', () => {
    const mcu = new Mcu({ image: counter });
    mcu.runUntil(20);
    // INC R6; MOV #0x5317,&0x0200 (INC R7); JMP 0x0200
    const code = [0x5316, 0x40b2, 0x5317, 0x0200, 0x3ffb];
    mcu.poke(0x0200, Uint8Array.from(code.flatMap((word) => [word & 0xff, word >> 8])));
    mcu.registers[0] = 0x0200;
    mcu.runUntil(200);
    expect(mcu.registers[6]).toBe(1);
    expect(mcu.registers[7]).toBeGreaterThan(5);
  });

  it('a byte write to a 16-bit register clears its other half, word access to an 8-bit one reads 0 there', () => {
    const mcu = new Mcu({ image: counter });
    mcu.bus.writeWord(0x172, 0x1234);
    mcu.bus.writeByte(0x172, 0x56);
    expect(mcu.bus.readWord(0x172)).toBe(0x0056);
    mcu.bus.writeByte(0x173, 0x78);
    expect(mcu.bus.readWord(0x172)).toBe(0x7800);
    expect([mcu.bus.readByte(0x172), mcu.bus.readByte(0x173)]).toEqual([0, 0x78]);
    expect(mcu.bus.readWord(0x56)).toBe(0x60);
  });

  it('refuses a second owner for a register, and pokes where there is no memory', () => {
    const mcu = new Mcu();
    expect(() => mcu.bus.mapByte(0x21, {})).toThrowError(expect.objectContaining({ code: 'REGISTER_TAKEN' }));
    expect(() => mcu.bus.mapWord(0x101, {})).toThrowError(expect.objectContaining({ code: 'REGISTER_RANGE' }));
    expect(() => mcu.poke(0x8000, Uint8Array.of(1))).toThrow('no memory');
    expect(() => mcu.pin(4, 0)).toThrow('no pin');
  });

  it('peek has no side effects, not even on TAIV', () => {
    const mcu = new Mcu({ image: counter });
    mcu.bus.writeWord(0x160, 0x223);
    expect([mcu.peek(0x12e), mcu.peek(0x12e)]).toEqual([0x0a, 0x0a]);
    expect([mcu.bus.readWord(0x12e), mcu.bus.readWord(0x12e)]).toEqual([0x0a, 0]);
  });

  it('a seed fills RAM the same way each time', () => {
    const ram = (seed: number) => {
      const mcu = new Mcu({ seed });
      return Array.from({ length: 512 }, (_, index) => mcu.peek(0x200 + index));
    };
    expect(ram(1)).toEqual(ram(1));
    expect(ram(1)).not.toEqual(ram(2));
    expect(new Set(ram(1)).size).toBeGreaterThan(150);
  });
});
