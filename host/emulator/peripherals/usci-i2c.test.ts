/** USCI_B0 driven through its registers on a board without a program. */
import { describe, expect, it } from 'vitest';
import { Board } from '../board.ts';
import type { I2cTransaction } from '../devices/i2c-bus.ts';
import type { InterruptController } from '../interrupt-controller.ts';
import { vectors } from '../interrupts.ts';
import { Mcu } from '../mcu.ts';
import type { RegisterFile } from '../register-file.ts';
import type { Level } from './pin.ts';
import { UsciI2c } from './usci-i2c.ts';
import { ctl1, stat, ucb0 } from './usci-i2c-registers.ts';
import { UsciInterrupts } from './usci-interrupts.ts';

const IE2 = 0x01;
const IFG2 = 0x03;
const RXIFG = 0x04;
const TXIFG = 0x08;
const { UCTR, UCTXSTT, UCTXSTP, UCTXNACK } = ctl1;

function prepare(mcu: Mcu): RegisterFile {
  const registers = mcu.bus as RegisterFile;
  registers.writeByte(0x57, mcu.peek(0x10ff));
  registers.writeByte(0x56, mcu.peek(0x10fe));
  registers.writeByte(0x26, 0xc0);
  registers.writeByte(0x41, 0xc0);
  return registers;
}

function bench(address = 0x45) {
  const board = new Board({ alive: false });
  const registers = prepare(board.mcu);
  registers.writeByte(ucb0.CTL1, 0x81);
  registers.writeByte(ucb0.CTL0, 0x0f);
  registers.writeByte(ucb0.BR0, 10);
  registers.writeWord(ucb0.I2CSA, address);
  registers.writeByte(ucb0.CTL1, 0x80);
  const transactions: I2cTransaction[] = [];
  board.tracer.add(
    (event) => {
      if (event.kind === 'i2c') transactions.push(event);
    },
    ['i2c'],
  );
  const control = () => registers.readByte(ucb0.CTL1);
  const flags = () => registers.readByte(IFG2) & (RXIFG | TXIFG);
  const status = () => registers.readByte(ucb0.STAT);
  const until = (what: () => boolean) => {
    for (let step = 0; !what(); step++) {
      expect(step).toBeLessThan(2000);
      board.runFor(1e-6);
    }
  };
  return {
    board,
    registers,
    transactions,
    control,
    flags,
    status,
    until,
    ask: (bits: number) => registers.writeByte(ucb0.CTL1, control() | bits),
    /** Writes bytes from the TXIFG of one to that of the next, as an interrupt handler does. */
    write: (bytes: number[]) => {
      for (const byte of bytes) {
        until(() => (flags() & TXIFG) !== 0);
        registers.writeByte(ucb0.TXBUF, byte);
      }
      until(() => (flags() & TXIFG) !== 0);
    },
    ended: () => until(() => (control() & UCTXSTP) === 0 && (status() & stat.UCBBUSY) === 0),
    vector: () => (board.mcu.interrupts as InterruptController).next(true),
  };
}

describe('master transmitter (SLAU144 "I2C Master Transmitter Mode")', () => {
  it('writes bytes at 100 kHz and clears UCTXSTT and UCTXSTP itself', () => {
    const { board, ask, write, ended, transactions, control } = bench();
    const rises: number[] = [];
    board.mcu.pin(1, 6).onChange((level) => level === 1 && rises.push(board.mcu.scheduler.now));
    ask(UCTR | UCTXSTT);
    write([0x12, 0x7f]);
    expect(control() & UCTXSTT).toBe(0);
    ask(UCTXSTP);
    ended();
    expect(transactions).toEqual([expect.objectContaining({ addr: 0x45, write: [0x12, 0x7f], read: [], ack: true })]);
    expect(board.lights().lower).toEqual([1, 1, 1]);
    const periods = rises.slice(1, 27).map((time, index) => time - rises[index]!);
    expect(periods).toEqual(new Array(26).fill(10));
  });

  it('sets TXIFG with START, before the address is out', () => {
    const { board, ask, flags, control } = bench();
    ask(UCTR | UCTXSTT);
    board.runFor(15e-6);
    expect(flags()).toBe(TXIFG);
    expect(control() & UCTXSTT).toBe(UCTXSTT);
  });

  it('keeps a byte that was written right behind UCTXSTT', () => {
    const { registers, ask, until, flags, ended, transactions } = bench();
    ask(UCTR | UCTXSTT);
    registers.writeByte(ucb0.TXBUF, 0x10);
    until(() => (flags() & TXIFG) !== 0);
    ask(UCTXSTP);
    ended();
    expect(transactions[0]).toMatchObject({ write: [0x10], ack: true });
  });

  it('holds SCL low in the acknowledge cycle until a byte is loaded', () => {
    const { board, ask, status, control, registers, ended, transactions } = bench();
    ask(UCTR | UCTXSTT);
    board.runFor(2e-3);
    expect(board.mcu.pin(1, 6).level).toBe(0);
    expect(status() & stat.UCSCLLOW).toBe(stat.UCSCLLOW);
    expect(control() & UCTXSTT).toBe(0);
    registers.writeByte(ucb0.TXBUF, 0x08);
    board.runFor(50e-6);
    ask(UCTXSTP);
    ended();
    expect(transactions[0]).toMatchObject({ write: [0x08] });
  });

  it('checks the presence of a slave with START and STOP alone', () => {
    for (const [address, present] of [
      [0x45, true],
      [0x20, false],
    ] as const) {
      const { ask, ended, status, transactions, flags } = bench(address);
      ask(UCTR | UCTXSTT | UCTXSTP);
      ended();
      expect((status() & stat.UCNACKIFG) === 0).toBe(present);
      expect(transactions).toEqual([expect.objectContaining({ addr: address, write: [], read: [], ack: present })]);
      expect(flags() & TXIFG).toBe(present ? TXIFG : 0);
    }
  });

  it('reports a refused byte and waits for software', () => {
    const { board, ask, write, until, status, ended, flags, transactions, registers } = bench();
    board.i2c.refuse({ index: 2 });
    ask(UCTR | UCTXSTT);
    write([0x10, 0x01]);
    registers.writeByte(ucb0.TXBUF, 0x02);
    until(() => (status() & stat.UCNACKIFG) !== 0);
    expect(flags()).toBe(0);
    board.runFor(1e-3);
    expect(status() & stat.UCBBUSY).toBe(stat.UCBBUSY);
    ask(UCTXSTP);
    ended();
    expect(transactions).toEqual([expect.objectContaining({ write: [0x10, 0x01], ack: false })]);
    ask(UCTR | UCTXSTT | UCTXSTP);
    ended();
    expect(status() & stat.UCNACKIFG).toBe(0);
  });
});

describe('master receiver (SLAU144 "I2C Master Receiver Mode")', () => {
  it('reads after a repeated START, and refuses the byte during which UCTXSTP was set', () => {
    const { registers, ask, write, until, flags, ended, transactions, control } = bench();
    ask(UCTR | UCTXSTT);
    write([0x18]);
    registers.writeByte(ucb0.CTL1, control() & ~UCTR);
    ask(UCTXSTT);
    until(() => (flags() & RXIFG) !== 0);
    ask(UCTXSTP);
    expect(registers.readByte(ucb0.RXBUF)).toBe(0xff);
    ended();
    expect(registers.readByte(ucb0.RXBUF)).toBe(0x0f);
    expect(transactions).toEqual([expect.objectContaining({ write: [0x18], read: [0xff, 0x0f], ack: true })]);
  });

  it('reads a single byte when UCTXSTP is set as soon as UCTXSTT is clear', () => {
    const { registers, ask, until, ended, transactions, control, flags } = bench(0x53);
    ask(UCTXSTT);
    until(() => (control() & UCTXSTT) === 0);
    ask(UCTXSTP);
    ended();
    expect(flags() & RXIFG).toBe(RXIFG);
    expect(registers.readByte(ucb0.RXBUF)).toBe(0xe5);
    expect(flags() & RXIFG).toBe(0);
    expect(transactions).toEqual([expect.objectContaining({ addr: 0x53, read: [0xe5] })]);
  });

  it('holds SCL low while RXBUF is not read', () => {
    const { board, registers, ask, until, flags, ended, status, transactions } = bench(0x53);
    ask(UCTXSTT);
    until(() => (flags() & RXIFG) !== 0);
    board.runFor(2e-3);
    expect(status() & stat.UCSCLLOW).toBe(stat.UCSCLLOW);
    registers.readByte(ucb0.RXBUF);
    ask(UCTXSTP);
    ended();
    expect(transactions[0]!.read).toHaveLength(2);
  });
});

describe('interrupts (SLAU144 "USCI Interrupts in I2C Mode")', () => {
  it('puts data flags on the TX vector and state flags on the RX vector', () => {
    const { registers, ask, until, flags, vector, ended, status } = bench(0x53);
    registers.writeByte(IE2, RXIFG | TXIFG);
    registers.writeByte(ucb0.I2CIE, stat.UCNACKIFG);
    ask(UCTXSTT);
    until(() => (flags() & RXIFG) !== 0);
    expect(vector()).toBe(vectors.USCIAB0TX);
    ask(UCTXSTP);
    registers.readByte(ucb0.RXBUF);
    expect(vector()).toBe(-1);
    ended();
    registers.readByte(ucb0.RXBUF);
    registers.writeWord(ucb0.I2CSA, 0x11);
    ask(UCTR | UCTXSTT | UCTXSTP);
    ended();
    expect(vector()).toBe(vectors.USCIAB0RX);
    registers.writeByte(ucb0.STAT, status() & ~stat.UCNACKIFG);
    expect(vector()).toBe(-1);
  });
});

describe('trouble on the bus', () => {
  it('loses the arbitration: UCALIFG, no longer a master, lines let go', () => {
    const { board, ask, until, status, registers, control } = bench();
    board.i2c.loseArbitration(0);
    ask(UCTR | UCTXSTT);
    until(() => (status() & stat.UCALIFG) !== 0);
    expect(registers.readByte(ucb0.CTL0) & 0x08).toBe(0);
    expect(control() & UCTXSTT).toBe(0);
    expect(board.mcu.pin(1, 6).level).toBe(1);
    until(() => (status() & stat.UCBBUSY) === 0);
  });

  it('waits for a bus that is held, and starts when it is free', () => {
    const { board, ask, control, ended, transactions } = bench();
    board.i2c.holdSda(true);
    ask(UCTR | UCTXSTT | UCTXSTP);
    board.runFor(5e-3);
    expect(control() & UCTXSTT).toBe(UCTXSTT);
    board.i2c.holdSda(false);
    ended();
    expect(transactions).toHaveLength(1);
  });

  it('waits while SCL is stretched', () => {
    const { board, ask, write, ended, transactions, control } = bench();
    ask(UCTR | UCTXSTT);
    write([0x10]);
    board.i2c.holdScl(true);
    ask(UCTXSTP);
    board.runFor(5e-3);
    expect(control() & UCTXSTP).toBe(UCTXSTP);
    board.i2c.holdScl(false);
    ended();
    expect(transactions[0]).toMatchObject({ write: [0x10], ack: true });
  });

  it('lets go of the lines in UCSWRST', () => {
    const { board, ask, registers, status, flags } = bench();
    ask(UCTR | UCTXSTT);
    board.runFor(40e-6);
    registers.writeByte(ucb0.CTL1, 0x81);
    expect([board.mcu.pin(1, 6).driven, board.mcu.pin(1, 7).driven]).toEqual([undefined, undefined]);
    expect(status()).toBe(0);
    expect(flags()).toBe(0);
  });
});

describe('slave (SLAU144 "I2C Slave Mode")', () => {
  /** A chip at address 0x48, and a master outside that pulls its pins. */
  function slaveBench() {
    const mcu = new Mcu();
    new UsciI2c(mcu, new UsciInterrupts(mcu), () => {});
    const registers = prepare(mcu);
    const sda = mcu.pin(1, 7);
    const scl = mcu.pin(1, 6);
    sda.pull(1);
    scl.pull(1);
    registers.writeByte(ucb0.CTL1, 0x81);
    registers.writeByte(ucb0.CTL0, 0x07);
    registers.writeWord(ucb0.I2COA, 0x48);
    registers.writeByte(ucb0.CTL1, 0x80);
    const set = (pin: typeof sda, level: Level) => {
      pin.drive(level === 0 ? 0 : undefined);
      mcu.runFor(5e-6);
    };
    const bit = (level: Level): Level => {
      set(sda, level);
      set(scl, 1);
      const seen = sda.level;
      set(scl, 0);
      return seen;
    };
    return {
      registers,
      sda,
      scl,
      flags: () => registers.readByte(IFG2) & (RXIFG | TXIFG),
      status: () => registers.readByte(ucb0.STAT),
      start: () => {
        set(sda, 1);
        set(scl, 1);
        set(sda, 0);
        set(scl, 0);
      },
      stop: () => {
        set(sda, 0);
        set(scl, 1);
        set(sda, 1);
      },
      write: (byte: number) => {
        for (let index = 7; index >= 0; index--) bit(((byte >> index) & 1) as Level);
        return bit(1) === 0;
      },
      read: (acknowledge: boolean) => {
        let byte = 0;
        for (let index = 0; index < 8; index++) byte = (byte << 1) | bit(1);
        bit(acknowledge ? 0 : 1);
        return byte;
      },
    };
  }

  it('receives', () => {
    const { registers, start, stop, write, flags, status } = slaveBench();
    start();
    expect(write(0x90)).toBe(true);
    expect(status() & stat.UCSTTIFG).toBe(stat.UCSTTIFG);
    expect(write(0x37)).toBe(true);
    expect(flags() & RXIFG).toBe(RXIFG);
    expect(registers.readByte(ucb0.RXBUF)).toBe(0x37);
    registers.writeByte(ucb0.CTL1, 0x80 | UCTXNACK);
    expect(write(0x38)).toBe(false);
    stop();
    expect(status() & (stat.UCSTPIFG | stat.UCSTTIFG)).toBe(stat.UCSTPIFG);
  });

  it('transmits, and holds SCL low until TXBUF is loaded', () => {
    const { registers, start, stop, write, read, flags, scl } = slaveBench();
    start();
    expect(write(0x91)).toBe(true);
    expect(flags() & TXIFG).toBe(TXIFG);
    scl.drive(undefined);
    expect(scl.level).toBe(0);
    scl.drive(0);
    registers.writeByte(ucb0.TXBUF, 0xc3);
    expect(read(true)).toBe(0xc3);
    registers.writeByte(ucb0.TXBUF, 0x5a);
    expect(read(false)).toBe(0x5a);
    stop();
  });

  it('discards what is left in TXBUF when it is addressed again', () => {
    const { registers, start, stop, write, read, flags } = slaveBench();
    start();
    write(0x91);
    registers.writeByte(ucb0.TXBUF, 0x11);
    expect(read(false)).toBe(0x11);
    registers.writeByte(ucb0.TXBUF, 0x22);
    stop();
    expect(flags() & TXIFG).toBe(0);
    start();
    expect(write(0x91)).toBe(true);
    expect(flags() & TXIFG).toBe(TXIFG);
    registers.writeByte(ucb0.TXBUF, 0x33);
    expect(read(false)).toBe(0x33);
    stop();
  });

  it('asks for no more bytes once the master refused one', () => {
    const { registers, start, stop, write, read, flags } = slaveBench();
    start();
    write(0x91);
    registers.writeByte(ucb0.TXBUF, 0x11);
    expect(flags() & TXIFG).toBe(TXIFG);
    read(true);
    registers.writeByte(ucb0.TXBUF, 0x12);
    expect(read(false)).toBe(0x12);
    expect(flags() & TXIFG).toBe(0);
    stop();
    start();
    // A program that enables the interrupt while it is written to must not answer before it is asked.
    expect(write(0x90)).toBe(true);
    expect(flags() & TXIFG).toBe(0);
  });

  it('puts the first bit on SDA before it lets a held SCL rise', () => {
    const { registers, sda, scl, start, write } = slaveBench();
    start();
    write(0x91);
    sda.drive(undefined);
    scl.drive(undefined);
    const levels: Level[] = [];
    scl.onChange((level) => {
      if (level === 1) levels.push(sda.level);
    });
    registers.writeByte(ucb0.TXBUF, 0x7f);
    expect(levels).toEqual([0]);
  });

  it('leaves other addresses alone', () => {
    const { start, stop, write, status } = slaveBench();
    start();
    expect(write(0x92)).toBe(false);
    stop();
    expect(status() & (stat.UCSTPIFG | stat.UCSTTIFG)).toBe(0);
  });
});
