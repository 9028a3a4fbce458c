/** Flash memory controller (SLAU144 "Flash Memory Controller"). */

import { describe, expect, it } from 'vitest';
import { imageFromWords } from '../image/words.ts';
import { Mcu } from '../mcu.ts';
import type { ResetKind } from '../mcu-options.ts';

const FCTL1 = 0x128;
const FCTL2 = 0x12a;
const FCTL3 = 0x12c;
const ERASE = 0xa502;
const WRITE = 0xa540;

/** A chip whose flash timing generator runs at MCLK/3 and whose flash is unlocked. */
function chip(words: readonly number[] = [0x3fff]): { mcu: Mcu; resets: ResetKind[] } {
  const mcu = new Mcu({ image: imageFromWords(words) });
  mcu.bus.writeWord(0x120, 0x5a80);
  mcu.bus.writeWord(FCTL2, 0xa542);
  mcu.bus.writeWord(FCTL3, 0xa500);
  const resets: ResetKind[] = [];
  mcu.onReset((kind) => resets.push(kind));
  return { mcu, resets };
}

describe('from flash', () => {
  // MOV #key,&FCTL1; CLR &0xE000 (or MOV #0x1234,&0xE000); JMP $
  it('erases a segment of 512 bytes and holds the CPU 4819 cycles of the timing generator', () => {
    const { mcu } = chip([0x40b2, ERASE, FCTL1, 0x4382, 0xe010, 0x3fff]);
    mcu.poke(0xdffe, new Uint8Array(520).fill(0x55));
    mcu.step();
    mcu.step();
    const start = mcu.scheduler.now;
    mcu.step();
    mcu.step();
    const word = (address: number) => mcu.peekWord(address);
    expect([word(0xdffe), word(0xe000), word(0xe1fe), word(0xe200)]).toEqual([0x5555, 0xffff, 0xffff, 0x5555]);
    expect(mcu.scheduler.now - start).toBeGreaterThanOrEqual(4819 * 3);
    expect(mcu.scheduler.now - start).toBeLessThan(4819 * 3 + 10);
    expect(mcu.bus.readWord(FCTL3) & 1).toBe(0);
  });

  it('programs a word in 30 cycles of the timing generator and only clears bits', () => {
    const { mcu } = chip([0x40b2, WRITE, FCTL1, 0x40b2, 0x1234, 0xe000, 0x3fff]);
    mcu.poke(0xe000, Uint8Array.of(0xf0, 0xff));
    mcu.step();
    mcu.step();
    const start = mcu.scheduler.now;
    mcu.step();
    mcu.step();
    expect(mcu.peekWord(0xe000)).toBe(0x1230);
    expect(mcu.scheduler.now - start).toBeGreaterThanOrEqual(90);
    expect(mcu.scheduler.now - start).toBeLessThan(100);
  });

  it('executes what it has just programmed', () => {
    // MOV #WRITE,&FCTL1; CALL 0xC100 (INC R5; RET); MOV #0x4303,&0xC100 over INC; CALL 0xC100; JMP $
    const { mcu } = chip([0x40b2, WRITE, FCTL1, 0x12b0, 0xc100, 0x40b2, 0x0303, 0xc100, 0x12b0, 0xc100, 0x3fff]);
    mcu.registers[1] = 0x400;
    mcu.poke(0xc100, Uint8Array.of(0x17, 0x53, 0x30, 0x41)); // INC R7; RET
    mcu.runUntil(1000);
    expect(mcu.registers[7]).toBe(1);
    expect(mcu.peekWord(0xc100)).toBe(0x5317 & 0x0303);
  });

  it('does not change the contents that other boards share', () => {
    const image = imageFromWords([0x40b2, WRITE, FCTL1, 0x4382, 0xe000, 0x3fff]);
    const first = new Mcu({ image });
    first.bus.writeWord(FCTL3, 0xa500);
    const second = new Mcu({ image });
    first.runUntil(500);
    expect(first.peekWord(0xe000)).toBe(0);
    expect(second.peekWord(0xe000)).toBe(0xffff);
  });
});

describe('from RAM', () => {
  it('the CPU goes on and finds BUSY set, until it is done', () => {
    const { mcu } = chip();
    // CLR &0xE000; loop: INC R5; BIT #BUSY,&FCTL3; JNZ loop; JMP $
    const code = [0x4382, 0xe000, 0x5315, 0xb392, FCTL3, 0x23fc, 0x3fff];
    mcu.poke(0x200, Uint8Array.from(code.flatMap((word) => [word & 0xff, word >> 8])));
    mcu.poke(0xe000, Uint8Array.of(0x12, 0x34));
    mcu.bus.writeWord(FCTL1, ERASE);
    mcu.registers[0] = 0x200;
    const start = mcu.scheduler.now;
    mcu.runUntil(start + 20_000);
    expect(mcu.registers[0]).toBe(0x20c);
    // A round takes seven cycles: INC 1, BIT 4, JNZ 2.
    expect(mcu.registers[5]).toBeCloseTo((4819 * 3) / 7, -1);
    expect(mcu.peekWord(0xe000)).toBe(0xffff);
  });

  it('flash reads as vacant meanwhile', () => {
    const { mcu } = chip();
    const code = [0x4382, 0xe000, 0x4215, 0xc000, 0x3fff]; // CLR &0xE000; MOV &0xC000,R5; JMP $
    mcu.poke(0x200, Uint8Array.from(code.flatMap((word) => [word & 0xff, word >> 8])));
    mcu.bus.writeWord(FCTL1, WRITE);
    mcu.registers[0] = 0x200;
    mcu.runUntil(mcu.scheduler.now + 20);
    expect(mcu.registers[5]).toBe(0x3fff);
  });
});

describe('block writes and the emergency exit, from RAM', () => {
  const BLOCK = 0xa5c0;
  /** MOV #0x5A5A, &address of three words, each when WAIT is set; BLKWRT is cleared; waits for BUSY; JMP $ */
  const wait = [0xb0b2, 0x0008, FCTL3, 0x27fc];
  const put = (address: number) => [0x40b2, 0x5a5a, address, ...wait];
  const code = [...put(0xe000), ...put(0xe002), ...put(0xe004), 0x40b2, WRITE, FCTL1, 0xb392, FCTL3, 0x23fd, 0x3fff];

  function inRam(words: readonly number[], mode: number) {
    const { mcu } = chip();
    mcu.poke(0x200, Uint8Array.from(words.flatMap((word) => [word & 0xff, word >> 8])));
    mcu.bus.writeWord(FCTL1, mode);
    mcu.registers[0] = 0x200;
    return { mcu, flags: () => mcu.bus.readWord(FCTL3) & 0x0d, start: mcu.scheduler.now };
  }

  it('take 25 and 18 cycles a word, are busy until BLKWRT is cleared, and 6 cycles more', () => {
    const { mcu, flags, start } = inRam(code, BLOCK);
    mcu.runUntil(start + 10);
    // BUSY, and no WAIT: a word that came now would be an access violation.
    expect(flags()).toBe(0x01);
    mcu.runUntil(start + 25 * 3 + 6);
    expect(flags() & 0x01).toBe(0x01);
    const end = 0x200 + 2 * (code.length - 1);
    while (mcu.registers[0] !== end) mcu.step();
    const cycles = mcu.scheduler.now - start;
    expect(cycles).toBeGreaterThanOrEqual((25 + 18 + 18 + 6) * 3);
    // Each of five waits sees its flag within a round of nine cycles.
    expect(cycles).toBeLessThan((25 + 18 + 18 + 6) * 3 + 5 * 14);
    expect(flags()).toBe(0x08);
    expect([0xe000, 0xe002, 0xe004, 0xe006].map((at) => mcu.peekWord(at))).toEqual([0x5a5a, 0x5a5a, 0x5a5a, 0xffff]);
  });

  it('EMEX stops an erase at once and clears FCTL1', () => {
    const { mcu, flags, start } = inRam([0x4382, 0xe000, 0x3fff], ERASE);
    mcu.runUntil(start + 100);
    expect(flags() & 0x01).toBe(0x01);
    mcu.bus.writeWord(FCTL3, 0xa520);
    expect(flags() & 0x01).toBe(0);
    expect(mcu.bus.readWord(FCTL1)).toBe(0x9600);
    expect(mcu.bus.readWord(FCTL3) & 0x20).toBe(0);
  });
});

describe('locks and keys', () => {
  function write(mcu: Mcu, address: number, value: number): void {
    const code = [0x40b2, value, address, 0x3fff];
    mcu.poke(0x200, Uint8Array.from(code.flatMap((word) => [word & 0xff, word >> 8])));
    mcu.registers[0] = 0x200;
    mcu.runUntil(mcu.scheduler.now + 40_000);
  }

  it('LOCK ignores writes', () => {
    const { mcu } = chip();
    mcu.bus.writeWord(FCTL3, 0xa510);
    mcu.bus.writeWord(FCTL1, WRITE);
    write(mcu, 0xe000, 0);
    expect(mcu.peekWord(0xe000)).toBe(0xffff);
  });

  it('LOCKA protects info A and toggles when 1 is written', () => {
    const { mcu } = chip();
    const before = mcu.peekWord(0x10fe);
    mcu.bus.writeWord(FCTL1, ERASE);
    write(mcu, 0x10fe, 0);
    expect(mcu.peekWord(0x10fe)).toBe(before);
    mcu.bus.writeWord(FCTL3, 0xa540);
    expect(mcu.bus.readWord(FCTL3) & 0x40).toBe(0);
    write(mcu, 0x10fe, 0);
    expect(mcu.peekWord(0x10fe)).toBe(0xffff);
    expect(mcu.peekWord(0x1080)).toBe(0xffff);
  });

  it('info segments have 64 bytes', () => {
    const { mcu } = chip();
    mcu.poke(0x1000, new Uint8Array(192).fill(0));
    mcu.bus.writeWord(FCTL1, ERASE);
    write(mcu, 0x1040, 0);
    expect([0x103e, 0x1040, 0x107e, 0x1080].map((address) => mcu.peekWord(address))).toEqual([0, 0xffff, 0xffff, 0]);
  });

  it('mass erase takes main memory, and info memory too when LOCKA is clear', () => {
    const { mcu } = chip();
    mcu.poke(0x1000, new Uint8Array(64).fill(0));
    mcu.bus.writeWord(FCTL1, 0xa506);
    write(mcu, 0xe000, 0);
    expect([mcu.peekWord(0xc000), mcu.peekWord(0xfffe), mcu.peekWord(0x1000)]).toEqual([0xffff, 0xffff, 0]);
    mcu.bus.writeWord(FCTL3, 0xa540);
    write(mcu, 0xe000, 0);
    expect([mcu.peekWord(0x1000), mcu.peekWord(0x10fe)]).toEqual([0xffff, 0xffff]);
  });

  it('a write without WRT or ERASE is an access violation, and an NMI when enabled', () => {
    const { mcu } = chip();
    write(mcu, 0xe000, 0);
    expect(mcu.bus.readWord(FCTL3) & 4).toBe(4);
    expect(mcu.peekWord(0xe000)).toBe(0xffff);
    mcu.poke(0xfffc, Uint8Array.of(0x00, 0xc1));
    mcu.registers[1] = 0x400;
    mcu.bus.writeByte(0x00, 0x20);
    mcu.step();
    expect(mcu.registers[0]).toBe(0xc100);
  });

  it('a wrong key resets and leaves KEYV', () => {
    const { mcu, resets } = chip();
    mcu.bus.writeWord(FCTL1, 0x1202);
    mcu.step();
    expect(resets).toEqual(['flash_key']);
    expect(mcu.bus.readWord(FCTL3)).toBe(0x965a);
  });

  it('reads 0x96 in the high byte', () => {
    const mcu = new Mcu();
    expect([FCTL1, FCTL2, FCTL3].map((address) => mcu.bus.readWord(address))).toEqual([0x9600, 0x9642, 0x9658]);
  });
});
