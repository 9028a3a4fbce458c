/** Ports and pins (SLAU144 "Digital I/O"). */

import { describe, expect, it } from 'vitest';
import { Mcu } from '../mcu.ts';

const P1 = {
  IN: 0x20,
  OUT: 0x21,
  DIR: 0x22,
  IFG: 0x23,
  IES: 0x24,
  IE: 0x25,
  SEL: 0x26,
  REN: 0x27,
  SEL2: 0x41,
} as const;

function port(): {
  mcu: Mcu;
  write: (name: keyof typeof P1, value: number) => void;
  read: (name: keyof typeof P1) => number;
} {
  const mcu = new Mcu();
  return {
    mcu,
    write: (name, value) => mcu.bus.writeByte(P1[name], value),
    read: (name) => mcu.bus.readByte(P1[name]),
  };
}

describe('levels', () => {
  it('an output shows its latch, an input what drives it from outside', () => {
    const { mcu, write, read } = port();
    const levels: number[] = [];
    mcu.pin(1, 0).onChange((level) => levels.push(level));
    write('OUT', 1);
    expect(read('IN')).toBe(0);
    write('DIR', 1);
    write('OUT', 0);
    mcu.pin(1, 3).drive(1);
    expect(read('IN')).toBe(8);
    expect(levels).toEqual([1, 0]);
  });

  it('REN pulls an input to its latch, a board resistor wins, a driver wins over both', () => {
    const { mcu, write, read } = port();
    write('REN', 8);
    write('OUT', 8);
    expect(read('IN')).toBe(8);
    mcu.pin(1, 3).pull(0);
    expect(read('IN')).toBe(0);
    mcu.pin(1, 3).drive(1);
    expect(read('IN')).toBe(8);
  });

  it('low wins on a shared line', () => {
    const { mcu, write } = port();
    write('OUT', 1);
    write('DIR', 1);
    mcu.pin(1, 0).drive(0);
    expect(mcu.pin(1, 0).level).toBe(0);
    mcu.pin(1, 0).drive(undefined);
    expect(mcu.pin(1, 0).level).toBe(1);
  });

  it('an input that nothing drives keeps its level', () => {
    const { mcu } = port();
    mcu.pin(1, 4).drive(1);
    mcu.pin(1, 4).drive(undefined);
    expect(mcu.pin(1, 4).level).toBe(1);
  });

  it('a listener can be taken off', () => {
    const { mcu } = port();
    let calls = 0;
    const off = mcu.pin(1, 4).onChange(() => calls++);
    mcu.pin(1, 4).drive(1);
    off();
    mcu.pin(1, 4).drive(0);
    expect(calls).toBe(1);
  });
});

describe('peripheral functions', () => {
  it('a module drives while PxSEL and PxSEL2 give it the pin, whatever PxDIR says', () => {
    const { mcu, write } = port();
    const line = mcu.pin(1, 6).attach(3, 'module');
    const selections: boolean[] = [];
    line.onSelect((selected) => selections.push(selected));
    mcu.pin(1, 6).pull(1);
    line.output(0);
    expect(mcu.pin(1, 6).level).toBe(1);
    write('SEL', 0x40);
    write('SEL2', 0x40);
    expect(mcu.pin(1, 6).level).toBe(0);
    line.output(undefined);
    expect(mcu.pin(1, 6).level).toBe(1);
    write('SEL', 0);
    expect(selections).toEqual([true, false]);
  });

  it('a port-directed function needs PxDIR', () => {
    const { mcu, write } = port();
    const line = mcu.pin(1, 7).attach(1, 'port');
    line.output(1);
    write('SEL', 0x80);
    expect(mcu.pin(1, 7).level).toBe(0);
    write('DIR', 0x80);
    expect(mcu.pin(1, 7).level).toBe(1);
  });

  it('P2.6 and P2.7 start as crystal pins', () => {
    expect(port().mcu.bus.readByte(0x2e)).toBe(0xc0);
  });
});

describe('interrupts', () => {
  it('PxIES selects the edge, the flag stays until software clears it', () => {
    const { mcu, write, read } = port();
    mcu.pin(1, 3).drive(1);
    write('IES', 8);
    write('IFG', 0);
    mcu.pin(1, 3).drive(0);
    expect(read('IFG')).toBe(8);
    write('IFG', 0);
    mcu.pin(1, 3).drive(1);
    expect(read('IFG')).toBe(0);
    write('IES', 0);
    write('IFG', 0);
    mcu.pin(1, 3).drive(0);
    mcu.pin(1, 3).drive(1);
    expect(read('IFG')).toBe(8);
  });

  it('changing PxIES sets the flag when the level lies beyond the edge (SLAU144 "Writing to PxIES")', () => {
    const { mcu, write, read } = port();
    write('IES', 1); // 0 to 1 while low
    expect(read('IFG')).toBe(1);
    mcu.pin(1, 0).drive(1);
    write('IFG', 0);
    write('IES', 0); // 1 to 0 while high
    expect(read('IFG')).toBe(1);
    write('IFG', 0);
    write('IES', 1); // 0 to 1 while high
    expect(read('IFG')).toBe(0);
  });

  it('asks for its vector while a flag and its enable are set', () => {
    const { mcu, write } = port();
    const requests: [number, boolean][] = [];
    const set = mcu.interrupts.set.bind(mcu.interrupts);
    mcu.interrupts.set = (vector, requested) => {
      requests.push([vector, requested]);
      set(vector, requested);
    };
    write('IE', 0x10);
    mcu.pin(1, 4).drive(1);
    write('IFG', 0);
    expect(requests).toEqual([
      [2, false],
      [2, true],
      [2, false],
    ]);
  });

  it('a pin that belongs to a module sets no flag', () => {
    const { mcu, write, read } = port();
    write('SEL', 1);
    mcu.pin(1, 0).drive(1);
    expect(read('IFG')).toBe(0);
  });

  it('port 2 has its own vector and registers, port 3 has no interrupts', () => {
    const { mcu } = port();
    mcu.pin(2, 0).drive(1);
    expect(mcu.bus.readByte(0x2b)).toBe(1);
    mcu.pin(3, 0).drive(1);
    expect(mcu.bus.readByte(0x18)).toBe(1);
  });
});
