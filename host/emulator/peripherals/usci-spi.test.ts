/** SPI by register: USCI_A0 and USCI_B0 of one chip wired to each other, one the master and one the slave. */

import { describe, expect, it } from 'vitest';
import { Board } from '../board.ts';
import { makeImage } from '../image/load.ts';
import type { InterruptController } from '../interrupt-controller.ts';
import { vectors } from '../interrupts.ts';
import { Mcu } from '../mcu.ts';
import { UsciI2c } from './usci-i2c.ts';
import { UsciInterrupts } from './usci-interrupts.ts';
import { spiControl } from './usci-spi.ts';
import { UsciUart } from './usci-uart.ts';

const { UCCKPH, UCCKPL, UCMSB, UC7BIT, UCMST, UCSYNC } = spiControl;
const IE2 = 0x01;
const IFG2 = 0x03;
const A = { CTL0: 0x60, CTL1: 0x61, BR0: 0x62, STAT: 0x65, RXBUF: 0x66, TXBUF: 0x67, RXIFG: 1, TXIFG: 2 };
const B = { CTL0: 0x68, CTL1: 0x69, BR0: 0x6a, STAT: 0x6d, RXBUF: 0x6e, TXBUF: 0x6f, RXIFG: 4, TXIFG: 8 };
const UCSWRST = 0x01;
const SMCLK = 0x80;
/** MOV #0x5A80, &WDTCTL; BIS #0x00D0, SR: stops the watchdog and enters LPM3. */
const sleeper = makeImage('intel-hex', [
  { address: 0xc000, data: Uint8Array.of(0xb2, 0x40, 0x80, 0x5a, 0x20, 0x01, 0x32, 0xd0, 0xd0, 0x00) },
  { address: 0xfffe, data: Uint8Array.of(0x00, 0xc0) },
]);

interface Setup {
  readonly mode?: number;
  readonly divider?: number;
  readonly slaveMode?: number;
  readonly master?: typeof A;
}

function bench(setup: Setup = {}) {
  const mcu = new Mcu({ image: sleeper });
  const warnings: string[] = [];
  const interrupts = new UsciInterrupts(mcu);
  new UsciUart(mcu, interrupts, (what) => warnings.push(what));
  new UsciI2c(mcu, interrupts, (what) => warnings.push(what));
  mcu.runFor(1e-3);
  const master = setup.master ?? A;
  const slave = master === A ? B : A;
  // A0: SOMI P1.1, SIMO P1.2, CLK P1.4. B0: CLK P1.5, SOMI P1.6, SIMO P1.7.
  const [somi, simo, clock] = [
    [6, 1],
    [2, 7],
    [4, 5],
  ].map(([a, b]) => (master === A ? [a!, b!] : [b!, a!]));
  const wire = ([from, to]: number[]) => {
    const target = mcu.pin(1, to!);
    target.drive(mcu.pin(1, from!).level);
    mcu.pin(1, from!).onChange((level) => target.drive(level));
  };
  const wires =
    master === A
      ? [somi!, simo!, clock!]
      : [
          [1, 6],
          [7, 2],
          [5, 4],
        ];
  wires.forEach(wire);
  const registers = mcu.bus;
  registers.writeByte(0x26, 0xf6);
  registers.writeByte(0x41, 0xf6);
  const mode = setup.mode ?? 0;
  const divider = setup.divider ?? 8;
  registers.writeByte(slave.CTL1, UCSWRST);
  registers.writeByte(slave.CTL0, UCSYNC | mode | (setup.slaveMode ?? 0));
  registers.writeByte(master.CTL0, UCSYNC | UCMST | mode);
  registers.writeByte(master.CTL1, SMCLK | UCSWRST);
  registers.writeByte(master.BR0, divider);
  registers.writeByte(master.CTL1, SMCLK);
  registers.writeByte(slave.CTL1, 0);
  const run = (bits: number) => mcu.runUntil(mcu.scheduler.now + bits * divider);
  return { mcu, registers, master, slave, run, warnings };
}

/** One USCI with all four pins, driven by hand. */
function fourPins(control: number, unit: typeof A = A) {
  const mcu = new Mcu({ image: sleeper });
  const interrupts = new UsciInterrupts(mcu);
  new UsciUart(mcu, interrupts, () => {});
  new UsciI2c(mcu, interrupts, () => {});
  mcu.runFor(1e-3);
  const registers = mcu.bus;
  const pins = unit === A ? 0x36 : 0xf0;
  registers.writeByte(0x26, pins);
  registers.writeByte(0x41, pins);
  registers.writeByte(unit.CTL1, SMCLK | UCSWRST);
  registers.writeByte(unit.CTL0, UCSYNC | control);
  registers.writeByte(unit.BR0, 8);
  registers.writeByte(unit.CTL1, SMCLK);
  /** Clocks a slave of A0; what it sends. */
  const byClock = (bits: number) =>
    Array.from({ length: bits }, () => {
      const sent = mcu.pin(1, 1).level;
      mcu.pin(1, 4).drive(1);
      mcu.pin(1, 4).drive(0);
      return sent;
    });
  if ((control & UCMST) === 0) mcu.pin(1, 4).drive(0);
  return { mcu, registers, byClock };
}

describe('SPI', () => {
  const modes = [0, UCCKPH, UCCKPL, UCCKPH | UCCKPL].flatMap((phase) => [phase, phase | UCMSB]);
  it.each([A, B].flatMap((master) => modes.map((mode) => [master === A ? 'A0' : 'B0', mode, master] as const)))(
    'exchanges bytes with %s as the master, UCxCTL0 mode bits %i',
    (_, mode, master) => {
      const { registers, slave, run, warnings } = bench({ mode, master });
      for (const [out, back] of [
        [0x35, 0xca],
        [0x80, 0x01],
        [0xff, 0x00],
      ]) {
        registers.writeByte(slave.TXBUF, back!);
        registers.writeByte(master.TXBUF, out!);
        run(10);
        expect(registers.readByte(IFG2) & (slave.RXIFG | master.RXIFG)).toBe(slave.RXIFG | master.RXIFG);
        expect([registers.readByte(slave.RXBUF), registers.readByte(master.RXBUF)]).toEqual([out, back]);
        expect(registers.readByte(IFG2) & 0x0f).toBe(slave.TXIFG | master.TXIFG);
      }
      expect(warnings).toEqual([]);
    },
  );

  it('sends 7 bits when asked', () => {
    const { registers, slave, master, run } = bench({ mode: UC7BIT | UCMSB });
    registers.writeByte(slave.TXBUF, 0x2a);
    registers.writeByte(master.TXBUF, 0x55);
    run(9);
    expect([registers.readByte(slave.RXBUF), registers.readByte(master.RXBUF)]).toEqual([0x55, 0x2a]);
  });

  it.each([1, 2, 3, 104])('has a clock of BRCLK / %i without a gap between buffered bytes', (divider) => {
    const { mcu, registers, master, run } = bench({ divider });
    const rising: number[] = [];
    mcu.pin(1, 4).onChange((level) => {
      if (level === 1) rising.push(mcu.scheduler.now);
    });
    registers.writeByte(master.TXBUF, 0xa5);
    run(2);
    registers.writeByte(master.TXBUF, 0x5a);
    expect(registers.readByte(master.STAT) & 1).toBe(1);
    run(20);
    expect(rising).toHaveLength(16);
    expect(rising.slice(1).map((at, index) => at - rising[index]!)).toEqual(new Array(15).fill(divider));
    expect(registers.readByte(master.STAT) & 1).toBe(0);
  });

  it('changes data on the first edge, or captures on it with UCCKPH', () => {
    for (const mode of [0, UCCKPH]) {
      const { mcu, registers, master, run } = bench({ mode: mode | UCMSB });
      registers.writeByte(master.TXBUF, 0x00);
      run(10);
      const at = { data: -1, clock: -1 };
      mcu.pin(1, 2).onChange(() => {
        if (at.data < 0) at.data = mcu.scheduler.now;
      });
      mcu.pin(1, 4).onChange(() => {
        if (at.clock < 0) at.clock = mcu.scheduler.now;
      });
      registers.writeByte(master.TXBUF, 0x80);
      run(2);
      // Half a bit of 8 cycles, and the edge of BRCLK with which the bit clock starts.
      expect(at.clock - at.data).toBe(mode === 0 ? 0 : 5);
    }
  });

  it('counts a byte that nobody read', () => {
    const { registers, slave, master, run } = bench();
    for (const byte of [1, 2]) {
      registers.writeByte(master.TXBUF, byte);
      run(10);
    }
    expect(registers.readByte(slave.STAT) & 0x20).toBe(0x20);
    expect(registers.readByte(slave.RXBUF)).toBe(2);
    expect(registers.readByte(slave.STAT) & 0x20).toBe(0);
  });

  it('a slave with STE ignores the clock and lets go of SOMI while it is not enabled', () => {
    // UCMODE 2: enabled while STE is low. A0 is the slave, its STE is P1.5.
    const mcu = new Mcu({ image: sleeper });
    const interrupts = new UsciInterrupts(mcu);
    new UsciUart(mcu, interrupts, () => {});
    mcu.runFor(1e-3);
    const registers = mcu.bus;
    registers.writeByte(0x26, 0x36);
    registers.writeByte(0x41, 0x36);
    registers.writeByte(A.CTL0, UCSYNC | 0x04 | UCCKPH | UCMSB);
    registers.writeByte(A.CTL1, 0);
    registers.writeByte(A.TXBUF, 0x80);
    const clockByte = () => {
      for (let bit = 0; bit < 8; bit++) {
        mcu.pin(1, 4).drive(1);
        mcu.pin(1, 4).drive(0);
      }
    };
    mcu.pin(1, 4).drive(0);
    mcu.pin(1, 2).drive(1);
    mcu.pin(1, 5).drive(1);
    clockByte();
    expect(registers.readByte(IFG2) & A.RXIFG).toBe(0);
    expect(mcu.pin(1, 1).driven).toBeUndefined();
    mcu.pin(1, 5).drive(0);
    expect(mcu.pin(1, 1).driven).toBe(1);
    clockByte();
    expect(registers.readByte(IFG2) & A.RXIFG).toBe(A.RXIFG);
    expect(registers.readByte(A.RXBUF)).toBe(0xff);
  });

  it('a slave halts where STE left it, and goes on when it is enabled again', () => {
    const { mcu, registers, byClock } = fourPins(UCCKPH | UCMSB | 0x04);
    registers.writeByte(A.TXBUF, 0xb4);
    mcu.pin(1, 5).drive(0);
    mcu.pin(1, 2).drive(1);
    expect(byClock(3)).toEqual([1, 0, 1]);
    mcu.pin(1, 5).drive(1);
    expect(mcu.pin(1, 1).driven).toBeUndefined();
    mcu.pin(1, 2).drive(0);
    byClock(7);
    expect(registers.readByte(A.STAT) & 1).toBe(1);
    mcu.pin(1, 5).drive(0);
    expect(byClock(5)).toEqual([1, 0, 1, 0, 0]);
    expect(registers.readByte(A.RXBUF)).toBe(0xe0);
  });

  it.each([
    ['A0, UCMODE 1: active while STE is low', A, 0x02, 0],
    ['A0, UCMODE 2: active while STE is high', A, 0x04, 1],
    ['B0, UCMODE 1: active while STE is low', B, 0x02, 0],
    ['B0, UCMODE 2: active while STE is high', B, 0x04, 1],
  ] as const)('a master keeps off the bus while STE says so, %s', (_, master, mode, active) => {
    const { mcu, registers } = fourPins(UCMST | mode, master);
    // STE of A0 is P1.5, of B0 P1.4; the clock the other of them, SIMO P1.2 and P1.7.
    const [ste, clock, simo] = (master === A ? [5, 4, 2] : [4, 5, 7]).map((bit) => mcu.pin(1, bit));
    const conflict = () => registers.readByte(master.STAT) & 0x40;
    const inactive = active === 1 ? 0 : 1;
    ste!.drive(active);
    registers.writeByte(master.STAT, 0);
    registers.writeByte(master.TXBUF, 0x5a);
    mcu.runFor(10e-6);
    expect([clock!.driven === undefined, conflict()]).toEqual([false, 0]);
    ste!.drive(inactive);
    expect([clock!.driven, simo!.driven, conflict()]).toEqual([undefined, undefined, 0x40]);
    mcu.runFor(1e-3);
    // The character is lost, and what is written now waits.
    expect(registers.readByte(IFG2) & master.RXIFG).toBe(0);
    registers.writeByte(master.TXBUF, 0xa5);
    mcu.runFor(1e-3);
    expect(registers.readByte(IFG2) & (master.RXIFG | master.TXIFG)).toBe(0);
    ste!.drive(active);
    let edges = 0;
    clock!.onChange(() => edges++);
    mcu.runFor(1e-3);
    expect(edges).toBe(16);
    expect(registers.readByte(IFG2) & (master.RXIFG | master.TXIFG)).toBe(master.RXIFG | master.TXIFG);
    registers.readByte(master.RXBUF);
    expect(conflict()).toBe(0);
  });

  it('requests USCIAB0RX and USCIAB0TX, from B0 too', () => {
    const { mcu, registers, run } = bench({ master: B });
    const next = () => (mcu.interrupts as InterruptController).next(true);
    registers.writeByte(IE2, B.TXIFG);
    expect(next()).toBe(vectors.USCIAB0TX);
    registers.writeByte(IE2, B.RXIFG);
    expect(next()).toBe(-1);
    registers.writeByte(B.TXBUF, 0x11);
    run(10);
    expect(next()).toBe(vectors.USCIAB0RX);
  });

  it('loops back with UCLISTEN', () => {
    const { registers, master, run } = bench();
    registers.writeByte(master.STAT, 0x80);
    registers.writeByte(master.TXBUF, 0x3c);
    run(10);
    expect(registers.readByte(master.RXBUF)).toBe(0x3c);
  });
});

describe('IrDA', () => {
  /** 9600 baud from 1 MHz with oversampling; TXD is wired to RXD. */
  function loop(receivePolarity = 0) {
    const board = new Board({ alive: false, image: sleeper });
    const { mcu } = board;
    board.runFor(1e-3);
    const registers = mcu.bus;
    registers.writeByte(0x57, mcu.peek(0x10ff));
    registers.writeByte(0x56, mcu.peek(0x10fe));
    registers.writeByte(A.CTL1, SMCLK | UCSWRST);
    registers.writeByte(A.BR0, 6);
    registers.writeByte(0x64, 0x81);
    registers.writeByte(0x5e, (5 << 2) | 0x03);
    registers.writeByte(0x5f, receivePolarity);
    const [rxd, txd] = [mcu.pin(1, 1), mcu.pin(1, 2)];
    const wire = () => rxd.drive(receivePolarity === 0 ? txd.level : txd.level === 1 ? 0 : 1);
    txd.onChange(wire);
    registers.writeByte(0x26, 0x06);
    registers.writeByte(0x41, 0x06);
    wire();
    registers.writeByte(A.CTL1, SMCLK);
    return { board, mcu, registers, txd };
  }

  it('sends pulses of 3/16 bit for low bits', () => {
    const { board, mcu, registers, txd } = loop();
    expect(txd.level).toBe(0);
    const pulses: number[] = [];
    let begin = 0;
    txd.onChange((level) => {
      if (level === 1) begin = mcu.scheduler.now;
      else pulses.push(mcu.scheduler.now - begin);
    });
    registers.writeByte(A.TXBUF, 0x0f);
    board.runFor(2e-3);
    // Start bit and four low bits; 3 periods of BITCLK16, which is 6 cycles of BRCLK long.
    expect(pulses).toEqual(new Array(5).fill(18));
  });

  it.each([0, 0x02])('receives what it sends, UCIRRXPL bits %i', (polarity) => {
    const { board, registers } = loop(polarity);
    for (const byte of [0x00, 0x55, 0xaa, 0xff, 0x81]) {
      registers.writeByte(A.TXBUF, byte);
      board.runFor(2e-3);
      expect(registers.readByte(IFG2) & A.RXIFG).toBe(A.RXIFG);
      expect(registers.readByte(A.RXBUF)).toBe(byte);
    }
  });
});
