/** Timer_A3 (SLAU144 "Timer_A"), driven through its registers with the clocks of a real chip and no program. */

import { describe, expect, it } from 'vitest';
import { imageFromWords } from '../image/words.ts';
import { Mcu } from '../mcu.ts';
import type { RegisterFile } from '../register-file.ts';

const TA0CTL = 0x160;
const TA0CCTL = [0x162, 0x164, 0x166] as const;
const TA0R = 0x170;
const TA0CCR = [0x172, 0x174, 0x176] as const;
const TA0IV = 0x12e;
const SMCLK = 0x200;
const ACLK = 0x100;
const UP = 0x10;
const CONTINUOUS = 0x20;
const UP_DOWN = 0x30;
const CLEAR = 0x04;
const TAIE = 0x02;
const CCIE = 0x10;
const CAP = 0x100;

/** A chip that sleeps in LPM0 with the watchdog held: time passes by `runUntil` alone. */
function sleeper(): { mcu: Mcu; registers: RegisterFile; run: (cycles: number) => void } {
  const mcu = new Mcu({ image: imageFromWords([0x3fff]) });
  const registers = mcu.bus;
  registers.writeWord(0x120, 0x5a80);
  mcu.registers[2] = 0x10;
  const run = (cycles: number) => mcu.runUntil(mcu.scheduler.now + cycles);
  return { mcu, registers, run };
}

describe('counting', () => {
  it('continuous mode wraps after 65536 counts and sets TAIFG', () => {
    const { registers, run } = sleeper();
    registers.writeWord(TA0CTL, SMCLK | CONTINUOUS | CLEAR);
    run(65535);
    expect(registers.readWord(TA0R)).toBe(65535);
    expect(registers.readWord(TA0CTL) & 1).toBe(0);
    run(1);
    expect(registers.readWord(TA0R)).toBe(0);
    expect(registers.readWord(TA0CTL) & 1).toBe(1);
  });

  it('up mode has a period of TACCR0 + 1', () => {
    const { registers, run } = sleeper();
    registers.writeWord(TA0CCR[0], 9);
    registers.writeWord(TA0CTL, SMCLK | UP | CLEAR);
    const counts = Array.from({ length: 12 }, () => {
      const count = registers.readWord(TA0R);
      run(1);
      return count;
    });
    expect(counts).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]);
  });

  it('up/down mode has a period of 2 TACCR0, CCIFG0 at the top and TAIFG at the bottom', () => {
    const { registers, run } = sleeper();
    registers.writeWord(TA0CCR[0], 3);
    registers.writeWord(TA0CTL, SMCLK | UP_DOWN | CLEAR);
    const seen = Array.from({ length: 8 }, () => {
      run(1);
      return [registers.readWord(TA0R), registers.readWord(TA0CCTL[0]) & 1, registers.readWord(TA0CTL) & 1];
    });
    expect(seen).toEqual([
      [1, 0, 0],
      [2, 0, 0],
      [3, 1, 0],
      [2, 1, 0],
      [1, 1, 0],
      [0, 1, 1],
      [1, 1, 1],
      [2, 1, 1],
    ]);
  });

  it.each([1, 2, 4, 8])('the input divider divides by %i', (divider) => {
    const { registers, run } = sleeper();
    registers.writeWord(TA0CTL, SMCLK | CONTINUOUS | CLEAR | (Math.log2(divider) << 6));
    // Erratum TA16: the first count does not wait for the divider.
    run(1);
    expect(registers.readWord(TA0R)).toBe(1);
    run(100 * divider - 1);
    expect(registers.readWord(TA0R)).toBe(100);
    run(1);
    expect(registers.readWord(TA0R)).toBe(101);
  });

  it('stops with MC = 0 and goes on from there', () => {
    const { registers, run } = sleeper();
    registers.writeWord(TA0CTL, SMCLK | CONTINUOUS | CLEAR);
    run(50);
    registers.writeWord(TA0CTL, SMCLK);
    run(1000);
    expect(registers.readWord(TA0R)).toBe(50);
    registers.writeWord(TA0CTL, SMCLK | CONTINUOUS);
    run(5);
    expect(registers.readWord(TA0R)).toBe(55);
  });

  it('TACCR0 = 0 holds a timer in up mode', () => {
    const { registers, run } = sleeper();
    registers.writeWord(TA0CTL, SMCLK | UP | CLEAR);
    run(1000);
    expect(registers.readWord(TA0R)).toBe(0);
  });

  it('counts edges on TACLK while P1SEL connects P1.0', () => {
    const { mcu, registers } = sleeper();
    registers.writeWord(TA0CTL, CONTINUOUS | CLEAR);
    mcu.pin(1, 0).drive(1); // not selected yet: does not count
    mcu.pin(1, 0).drive(0);
    registers.writeByte(0x26, 0x01);
    for (let edge = 0; edge < 5; edge++) {
      mcu.pin(1, 0).drive(1);
      mcu.pin(1, 0).drive(0);
    }
    expect(registers.readWord(TA0R)).toBe(5);
  });

  it('stands still while SMCLK is off and does not lose its place', () => {
    const { mcu, registers, run } = sleeper();
    registers.writeWord(TA0CTL, SMCLK | CONTINUOUS | CLEAR);
    run(10);
    mcu.peripherals.clock.setStatus(0x10 | 0x80); // SCG1
    run(500);
    expect(registers.readWord(TA0R)).toBe(10);
    mcu.peripherals.clock.setStatus(0x10);
    run(7);
    expect(registers.readWord(TA0R)).toBe(17);
  });

  it('does not drift: a million periods of ACLK from the VLO', () => {
    const { mcu, registers } = sleeper();
    registers.writeByte(0x53, 0x20); // VLO
    registers.writeWord(TA0CCR[0], 11_999);
    registers.writeWord(TA0CTL, ACLK | UP | CLEAR);
    const [start, ticks] = [mcu.scheduler.seconds(), mcu.clocks.aclk.ticks()];
    mcu.runFor(83.5);
    expect(mcu.scheduler.seconds() - start).toBeCloseTo(83.5, 5);
    expect(mcu.clocks.aclk.ticks() - ticks).toBe(83.5 * 12_000);
    expect(registers.readWord(TA0R)).toBe(6000);
  });
});

describe('interrupts', () => {
  it('TACCR0 comes at its time, has its own vector and resets its flag when accepted', () => {
    // EINT; JMP $; handler at 0xC010: INC R5; RETI
    const image = imageFromWords([0xd232, 0x3fff, ...new Array(6).fill(0x4303), 0x5315, 0x1300], {
      vectors: { 9: 0xc010 },
    });
    const mcu = new Mcu({ image });
    mcu.registers[1] = 0x400;
    const registers = mcu.bus;
    registers.writeWord(0x120, 0x5a80);
    registers.writeWord(TA0CCR[0], 999);
    registers.writeWord(TA0CCTL[0], CCIE);
    registers.writeWord(TA0CTL, SMCLK | UP | CLEAR);
    mcu.runUntil(mcu.scheduler.now + 10_500);
    expect(mcu.registers[5]).toBe(10);
    expect(registers.readWord(TA0CCTL[0]) & 1).toBe(0);
  });

  it('TAIV gives the highest of CCR1, CCR2 and TAIFG and clears it', () => {
    const { registers, run } = sleeper();
    registers.writeWord(TA0CCR[1], 10);
    registers.writeWord(TA0CCR[2], 5);
    for (const control of TA0CCTL.slice(1)) registers.writeWord(control, CCIE);
    registers.writeWord(TA0CTL, SMCLK | CONTINUOUS | CLEAR | TAIE);
    run(65_540);
    expect([1, 2, 3, 4].map(() => registers.readWord(TA0IV))).toEqual([2, 4, 0x0a, 0]);
  });

  it('asks for a vector only while flag and enable are set', () => {
    const { mcu, registers, run } = sleeper();
    registers.writeWord(TA0CCR[1], 100);
    registers.writeWord(TA0CTL, SMCLK | CONTINUOUS | CLEAR);
    run(200);
    expect(registers.readWord(TA0CCTL[1]) & 1).toBe(1);
    const requests: boolean[] = [];
    const set = mcu.interrupts.set.bind(mcu.interrupts);
    mcu.interrupts.set = (vector, requested) => {
      if (vector === 8) requests.push(requested);
      set(vector, requested);
    };
    registers.writeWord(TA0CCTL[1], CCIE | 1);
    registers.writeWord(TA0CCTL[1], CCIE);
    expect(requests).toEqual([true, false]);
  });
});

describe('output units', () => {
  /** Times (in cycles from the start) and levels of P1.2 = TA0.1 within `cycles`. */
  function wave(mode: number, control: number, period: number, compare: number, cycles: number): [number, number][] {
    const { mcu, registers, run } = sleeper();
    registers.writeByte(0x22, 0x04);
    registers.writeByte(0x26, 0x04);
    registers.writeWord(TA0CCR[0], period);
    registers.writeWord(TA0CCR[1], compare);
    registers.writeWord(TA0CCTL[1], mode << 5);
    const changes: [number, number][] = [];
    const start = mcu.scheduler.now;
    mcu.pin(1, 2).onChange((level) => changes.push([mcu.scheduler.now - start, level]));
    registers.writeWord(TA0CTL, SMCLK | control | CLEAR);
    run(cycles);
    return changes;
  }

  it('reset/set in up mode is high for TACCR1 of TACCR0 + 1 counts', () => {
    expect(wave(7, UP, 99, 30, 260)).toEqual([
      [100, 1],
      [130, 0],
      [200, 1],
      [230, 0],
    ]);
  });

  it('set/reset in up mode', () => {
    expect(wave(3, UP, 99, 30, 160)).toEqual([
      [30, 1],
      [100, 0],
      [130, 1],
    ]);
  });

  it('toggle in continuous mode', () => {
    expect(wave(4, CONTINUOUS, 0, 1000, 140_000)).toEqual([
      [1000, 1],
      [66_536, 0],
      [132_072, 1],
    ]);
  });

  it('toggle/set in up/down mode toggles on the way up and down', () => {
    expect(wave(6, UP_DOWN, 100, 30, 300)).toEqual([
      [30, 1],
      [170, 0],
      [230, 1],
    ]);
  });

  it('mode 0 shows the OUT bit', () => {
    const { mcu, registers } = sleeper();
    registers.writeByte(0x22, 0x04);
    registers.writeByte(0x26, 0x04);
    registers.writeWord(TA0CCTL[1], 0x04);
    expect(mcu.pin(1, 2).level).toBe(1);
    registers.writeWord(TA0CCTL[1], 0);
    expect(mcu.pin(1, 2).level).toBe(0);
  });
});

describe('capture', () => {
  it('measures the VLO: CCI0B is ACLK (SLAS735 "Timer0_A3 Signal Connections")', () => {
    const { mcu, registers, run } = sleeper();
    registers.writeByte(0x53, 0x20);
    mcu.vloHz = 10_000;
    registers.writeWord(TA0CTL, SMCLK | CONTINUOUS | CLEAR);
    registers.writeWord(TA0CCTL[0], 0x4000 | 0x1000 | 0x800 | CAP); // CM_1, CCIS_1, SCS
    const edges: number[] = [];
    while (edges.length < 11) {
      run(1);
      if ((registers.readWord(TA0CCTL[0]) & 1) === 0) continue;
      edges.push(registers.readWord(TA0CCR[0]));
      registers.writeWord(TA0CCTL[0], 0x4000 | 0x1000 | 0x800 | CAP);
    }
    expect(edges.at(-1)! - edges[0]!).toBe(mcu.scheduler.frequencyHz / 1000);
  });

  it('captures chosen edges of a pin and says when it was too late to read one', () => {
    const { mcu, registers, run } = sleeper();
    registers.writeWord(TA0CTL, SMCLK | CONTINUOUS | CLEAR);
    registers.writeByte(0x26, 0x04);
    registers.writeWord(TA0CCTL[1], 0x8000 | CAP); // falling, CCI1A = P1.2
    run(100);
    mcu.pin(1, 2).drive(1);
    expect(registers.readWord(TA0CCTL[1]) & 9).toBe(8); // CCI high, no flag
    run(23);
    mcu.pin(1, 2).drive(0);
    expect(registers.readWord(TA0CCTL[1]) & 3).toBe(1);
    mcu.pin(1, 2).drive(1);
    mcu.pin(1, 2).drive(0);
    expect(registers.readWord(TA0CCTL[1]) & 2).toBe(2); // COV
    expect(registers.readWord(TA0CCR[1])).toBe(123);
  });

  it('software captures by switching between GND and Vcc', () => {
    const { registers, run } = sleeper();
    registers.writeWord(TA0CTL, SMCLK | CONTINUOUS | CLEAR);
    registers.writeWord(TA0CCTL[2], 0xc000 | 0x2000 | CAP);
    run(77);
    registers.writeWord(TA0CCTL[2], 0xc000 | 0x3000 | CAP);
    expect(registers.readWord(TA0CCR[2])).toBe(77);
    expect(registers.readWord(TA0CCTL[2]) & 1).toBe(1);
  });
});

describe('capture registers and inputs', () => {
  it('TACCRx may be written in capture mode, as a software UART does before its first sample', () => {
    const { registers } = sleeper();
    registers.writeWord(TA0CCTL[0], CAP | 0x8000);
    registers.writeWord(TA0CCR[0], 1234);
    expect(registers.readWord(TA0CCR[0])).toBe(1234);
  });

  it('an input that changed while another function had its pin follows it when PxSEL selects the timer', () => {
    const { mcu, registers } = sleeper();
    mcu.pin(1, 1).drive(1);
    registers.writeByte(0x26, 0x02);
    // Falling edges of CCI0A.
    registers.writeWord(TA0CCTL[0], CAP | 0x8000);
    expect(registers.readWord(TA0CCTL[0]) & 9).toBe(8);
    mcu.pin(1, 1).drive(0);
    expect(registers.readWord(TA0CCTL[0]) & 9).toBe(1);
  });
});

describe('errata (SLAZ440)', () => {
  it('TA12: a compare value that is incremented while TAR is at it loses its interrupt, once', () => {
    const { registers, run } = sleeper();
    registers.writeWord(TA0CCR[0], 99);
    registers.writeWord(TA0CCR[1], 10);
    // SMCLK / 8 stands for a clock that is slow beside MCLK.
    registers.writeWord(TA0CTL, SMCLK | UP | CLEAR | 0xc0);
    run(1 + 8 * 9);
    expect([registers.readWord(TA0R), registers.readWord(TA0CCTL[1]) & 1]).toEqual([10, 1]);
    registers.writeWord(TA0CCTL[1], 0);
    registers.writeWord(TA0CCR[1], 11);
    run(8);
    expect([registers.readWord(TA0R), registers.readWord(TA0CCTL[1]) & 1]).toEqual([11, 0]);
    run(8 * 100);
    expect([registers.readWord(TA0R), registers.readWord(TA0CCTL[1]) & 1]).toEqual([11, 1]);
  });

  it("TA12: capture mode in between, TI's workaround, helps", () => {
    const { registers, run } = sleeper();
    registers.writeWord(TA0CCR[0], 99);
    registers.writeWord(TA0CCR[1], 10);
    registers.writeWord(TA0CTL, SMCLK | UP | CLEAR | 0xc0);
    run(1 + 8 * 9);
    registers.writeWord(TA0CCTL[1], CAP);
    registers.writeWord(TA0CCR[1], 11);
    registers.writeWord(TA0CCTL[1], 0);
    run(8);
    expect(registers.readWord(TA0CCTL[1]) & 1).toBe(1);
  });

  it('TA16: after TACLR the first count comes with the first edge of the clock, whatever IDx', () => {
    const { registers, run } = sleeper();
    registers.writeWord(TA0CTL, SMCLK | CLEAR | 0xc0);
    run(100);
    registers.writeWord(TA0CTL, SMCLK | CONTINUOUS | 0xc0);
    run(1);
    expect(registers.readWord(TA0R)).toBe(1);
    run(7);
    expect(registers.readWord(TA0R)).toBe(1);
    run(1);
    expect(registers.readWord(TA0R)).toBe(2);
  });

  it('TA21: stopped at TACCR0, cleared and restarted in up mode, TAIFG comes with the first count', () => {
    const { mcu, registers, run } = sleeper();
    registers.writeWord(TA0CCR[0], 9);
    registers.writeWord(TA0CTL, SMCLK | UP | CLEAR);
    run(9);
    registers.writeWord(TA0CTL, SMCLK);
    expect(registers.readWord(TA0R)).toBe(9);
    registers.writeWord(TA0CTL, SMCLK | CLEAR);
    registers.writeWord(TA0CTL, SMCLK | UP | TAIE);
    run(1);
    expect([registers.readWord(TA0R), registers.readWord(TA0CTL) & 1]).toEqual([1, 1]);
    expect(mcu.peekWord(TA0IV)).toBe(0x0a);
    // Stopped anywhere else it does not.
    registers.writeWord(TA0CTL, SMCLK);
    registers.writeWord(TA0CTL, SMCLK | CLEAR);
    registers.writeWord(TA0CTL, SMCLK | UP);
    run(1);
    expect(registers.readWord(TA0CTL) & 1).toBe(0);
  });

  it('TA21 is an interrupt at that moment', () => {
    // ISR: INC R5; RETI
    const mcu = new Mcu({ image: imageFromWords([0x3fff, 0x5315, 0x1300], { vectors: { 8: 0xc002 } }) });
    mcu.bus.writeWord(0x120, 0x5a80);
    mcu.registers[1] = 0x400;
    mcu.registers[2] = 0x18;
    const { bus } = mcu;
    bus.writeWord(TA0CCR[0], 5000);
    bus.writeWord(TA0R, 5000);
    bus.writeWord(TA0CTL, SMCLK | CLEAR);
    bus.writeWord(TA0CTL, SMCLK | UP | TAIE);
    mcu.runUntil(mcu.scheduler.now + 9);
    expect(mcu.registers[5]).toBe(1);
  });
});
