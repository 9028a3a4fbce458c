/** Several chips on one I2C bus, driven through their registers: 10-bit addresses, general call, several masters. */
import { describe, expect, it } from 'vitest';
import { Mcu } from '../mcu.ts';
import type { RegisterFile } from '../register-file.ts';
import type { Level } from './pin.ts';
import { UsciI2c } from './usci-i2c.ts';
import { ctl0, ctl1, stat, ucb0 } from './usci-i2c-registers.ts';
import { UsciInterrupts } from './usci-interrupts.ts';

const IFG2 = 0x03;
const RXIFG = 0x04;
const TXIFG = 0x08;
const { UCTR, UCTXSTT, UCTXSTP } = ctl1;
const { UCA10, UCSLA10, UCMM, UCMST } = ctl0;
const UCGCEN = 0x8000;
const I2C = 0x07;

interface Setup {
  /** UCB0CTL0 besides mode and UCSYNC. */
  readonly control?: number;
  readonly own?: number;
  readonly target?: number;
  readonly divider?: number;
}

/** A chip with 1 MHz; what its program would do is in the tests. */
class Chip {
  readonly mcu = new Mcu();
  readonly registers: RegisterFile;
  readonly warnings: string[] = [];
  /** Written as UCB0TXBUF takes them, and read. */
  outgoing: number[] = [];
  readonly received: number[] = [];

  constructor({ control = 0, own = 0, target = 0, divider = 10 }: Setup) {
    const { mcu } = this;
    new UsciI2c(mcu, new UsciInterrupts(mcu), (what) => this.warnings.push(what));
    const registers = mcu.bus as RegisterFile;
    this.registers = registers;
    registers.writeByte(0x57, mcu.peek(0x10ff));
    registers.writeByte(0x56, mcu.peek(0x10fe));
    registers.writeByte(0x26, 0xc0);
    registers.writeByte(0x41, 0xc0);
    for (const bit of [6, 7]) mcu.pin(1, bit).pull(1);
    registers.writeByte(ucb0.CTL1, 0x81);
    registers.writeByte(ucb0.CTL0, I2C | control);
    registers.writeByte(ucb0.BR0, divider);
    registers.writeWord(ucb0.I2COA, own);
    registers.writeWord(ucb0.I2CSA, target);
    registers.writeByte(ucb0.CTL1, 0x80);
  }

  get status(): number {
    return this.registers.readByte(ucb0.STAT);
  }

  get control(): number {
    return this.registers.readByte(ucb0.CTL1);
  }

  get isMaster(): boolean {
    return (this.registers.readByte(ucb0.CTL0) & UCMST) !== 0;
  }

  ask(bits: number): void {
    this.registers.writeByte(ucb0.CTL1, this.control | bits);
  }

  /** What an interrupt handler of both directions does; a master without more to send makes its STOP. */
  serve(): void {
    const flags = this.registers.readByte(IFG2);
    if (flags & RXIFG) this.received.push(this.registers.readByte(ucb0.RXBUF));
    if ((flags & TXIFG) === 0 || (this.control & UCTR) === 0) return;
    const byte = this.outgoing.shift();
    if (byte !== undefined) this.registers.writeByte(ucb0.TXBUF, byte);
    else if (this.isMaster && (this.control & (UCTXSTT | UCTXSTP)) === 0) {
      this.ask(UCTXSTP);
      this.registers.writeByte(IFG2, flags & ~TXIFG);
    }
  }
}

/** Chips by their pins: a line is low while one of them pulls. */
class Wires {
  readonly chips: readonly Chip[];
  /** What a logic analyser sees: S, P and bits. */
  readonly seen: string[] = [];
  private readonly levels: { scl: Level; sda: Level } = { scl: 1, sda: 1 };

  constructor(...chips: Chip[]) {
    this.chips = chips;
  }

  /** One microsecond. */
  private step(serve: boolean): void {
    for (const { mcu } of this.chips) mcu.runFor(1e-6);
    // Within a microsecond SDA changes behind a falling SCL and before a rising one.
    const order = this.pulling(6).length > 0 ? [6, 7] : [7, 6];
    for (const bit of order) {
      const pulling = this.pulling(bit);
      for (const chip of this.chips) {
        chip.mcu.pin(1, bit).drive(pulling.some((other) => other !== chip) ? 0 : undefined);
      }
    }
    this.watch();
    if (serve) for (const chip of this.chips) chip.serve();
  }

  private pulling(bit: number): Chip[] {
    return this.chips.filter(({ mcu }) => mcu.pin(1, bit).driven === 0);
  }

  private watch(): void {
    const { mcu } = this.chips[0]!;
    const [scl, sda] = [mcu.pin(1, 6).level, mcu.pin(1, 7).level];
    const before = this.levels;
    if (scl === 1 && before.scl === 1 && sda !== before.sda) this.seen.push(sda === 0 ? 'S' : 'P');
    if (scl === 1 && before.scl === 0) this.seen.push(String(sda));
    Object.assign(this.levels, { scl, sda });
  }

  /** Bytes in hexadecimal with `-` behind those that were not acknowledged. */
  get bytes(): string {
    return this.seen
      .join('')
      .replace(/[01]S/g, 'S')
      .replace(/[01]P/g, 'P')
      .replace(/[01]{9}/g, (bits) => {
        const byte = Number.parseInt(bits.slice(0, 8), 2).toString(16).padStart(2, '0');
        return ` ${byte}${bits[8] === '0' ? '' : '-'}`;
      });
  }

  run(microseconds: number, serve = true): void {
    for (let count = 0; count < microseconds; count++) this.step(serve);
  }

  until(what: () => boolean, serve = true): void {
    for (let count = 0; !what(); count++) {
      expect(count, this.bytes).toBeLessThan(5000);
      this.step(serve);
    }
  }

  /** All masters have done what they were asked for. */
  ended(): void {
    this.until(() =>
      this.chips.every(({ control, status }) => (control & (UCTXSTT | UCTXSTP)) === 0 && (status & stat.UCBBUSY) === 0),
    );
  }
}

describe('10-bit addresses (SLAU144 "I2C Addressing Modes", "I2C Slave 10-Bit Addressing Mode")', () => {
  const master = (target = 0x2a5) => new Chip({ control: UCMST | UCSLA10, target });
  const slave = (own = 0x2a5) => new Chip({ control: UCA10, own });

  it('a master writes with two address bytes; the slave that both bytes mean receives', () => {
    const [writer, reader, half, seven] = [master(), slave(), slave(0x2a4), new Chip({ own: 0x25 })];
    const wires = new Wires(writer, reader, half, seven);
    writer.outgoing = [0x11, 0x22, 0x33];
    writer.ask(UCTR | UCTXSTT);
    wires.until(() => (reader.status & stat.UCSTTIFG) !== 0);
    expect(reader.control & UCTR).toBe(0);
    wires.ended();
    expect(wires.bytes).toBe('S f4 a5 11 22 33P');
    expect([reader.received, half.received, seven.received]).toEqual([[0x11, 0x22, 0x33], [], []]);
    expect([reader, half, seven].map(({ status }) => status & stat.STATE_FLAGS)).toEqual([stat.UCSTPIFG, 0, 0]);
    expect(wires.chips.flatMap(({ warnings }) => warnings)).toEqual([]);
  });

  it('a master reads: address, repeated START and first byte again; the slave turns to transmitting', () => {
    const [reader, writer] = [master(), slave()];
    const wires = new Wires(reader, writer);
    writer.outgoing = [0x44, 0x55, 0x66];
    reader.ask(UCTXSTT);
    wires.until(() => (writer.control & UCTR) !== 0);
    expect(reader.control & UCTXSTT).toBe(UCTXSTT);
    wires.until(() => reader.received.length === 1);
    expect(reader.control & UCTXSTT).toBe(0);
    reader.ask(UCTXSTP);
    wires.ended();
    expect(wires.bytes).toBe('S f4 a5S f5 44 55-P');
    expect(reader.received).toEqual([0x44, 0x55]);
  });

  it('reads behind a write with a repeated START', () => {
    const [both, slaveChip] = [master(), slave()];
    const wires = new Wires(both, slaveChip);
    both.ask(UCTR | UCTXSTT);
    wires.until(() => (both.registers.readByte(IFG2) & TXIFG) !== 0, false);
    both.registers.writeByte(ucb0.TXBUF, 0x07);
    wires.until(() => (both.registers.readByte(IFG2) & TXIFG) !== 0, false);
    slaveChip.outgoing = [0x99, 0x98];
    both.registers.writeByte(ucb0.CTL1, both.control & ~UCTR);
    both.ask(UCTXSTT);
    wires.until(() => both.received.length === 1);
    both.ask(UCTXSTP);
    wires.ended();
    expect(wires.bytes).toBe('S f4 a5 07S f4 a5S f5 99 98-P');
    expect(slaveChip.received).toEqual([0x07]);
  });

  it('a first byte with R/W = 1 alone selects nobody', () => {
    const [reader, writer] = [new Chip({ control: UCMST, target: 0xf5 >> 1 }), slave()];
    const wires = new Wires(reader, writer);
    reader.ask(UCTXSTT | UCTXSTP);
    wires.ended();
    expect(wires.bytes).toBe('S f5-P');
    expect(reader.status & stat.UCNACKIFG).toBe(stat.UCNACKIFG);
  });

  it.each([
    ['first', 0x1a5, 'S f2-P'],
    ['second', 0x2a4, 'S f4 a4-P'],
  ])('reports that nobody acknowledged the %s byte', (_, target, bytes) => {
    const writer = master(target);
    const wires = new Wires(writer, slave());
    writer.ask(UCTR | UCTXSTT | UCTXSTP);
    wires.ended();
    expect(wires.bytes).toBe(bytes);
    expect(writer.status & stat.UCNACKIFG).toBe(stat.UCNACKIFG);
  });
});

describe('general call (SLAU144 "UCGCEN", "UCGC")', () => {
  it('reaches those that listen to it; UCGC goes with the next START', () => {
    const writer = new Chip({ control: UCMST, target: 0 });
    const [seven, ten, deaf] = [
      new Chip({ own: 0x31 | UCGCEN }),
      new Chip({ control: UCA10, own: 0x131 | UCGCEN }),
      new Chip({ own: 0x32 }),
    ];
    const wires = new Wires(writer, seven, ten, deaf);
    writer.outgoing = [0x06];
    writer.ask(UCTR | UCTXSTT);
    wires.ended();
    expect(wires.bytes).toBe('S 00 06P');
    expect([seven.received, ten.received, deaf.received]).toEqual([[0x06], [0x06], []]);
    expect([seven, ten, deaf].map(({ status }) => status & stat.UCGC)).toEqual([stat.UCGC, stat.UCGC, 0]);

    writer.registers.writeWord(ucb0.I2CSA, 0x32);
    writer.outgoing = [0x01];
    writer.ask(UCTR | UCTXSTT);
    wires.ended();
    expect(seven.status & (stat.UCGC | stat.UCSTPIFG)).toBe(0);
    expect(deaf.received).toEqual([0x01]);
  });

  it('is no call with R/W = 1, which is the START byte', () => {
    const reader = new Chip({ control: UCMST, target: 0 });
    const wires = new Wires(reader, new Chip({ own: 0x31 | UCGCEN }));
    reader.ask(UCTXSTT | UCTXSTP);
    wires.ended();
    expect(wires.bytes).toBe('S 01-P');
  });
});

describe('several masters (SLAU144 "Arbitration Procedure", "I2C Clock Generation and Synchronization")', () => {
  const master = (own: number, target: number, divider = 10) =>
    new Chip({ control: UCMST | UCMM, own, target, divider });

  it('the lower address wins untouched; the loser is a slave and may try again', () => {
    const [winner, loser] = [master(0x10, 0x30), master(0x11, 0x38)];
    const [low, high] = [new Chip({ own: 0x30 }), new Chip({ own: 0x38 })];
    const wires = new Wires(winner, loser, low, high);
    for (const chip of [winner, loser]) {
      chip.outgoing = [0xa0, 0xa1];
      chip.ask(UCTR | UCTXSTT);
    }
    wires.until(() => (loser.status & stat.UCALIFG) !== 0);
    expect(loser.isMaster).toBe(false);
    expect(loser.control & (UCTXSTT | UCTXSTP)).toBe(0);
    expect([loser.mcu.pin(1, 6).driven, loser.mcu.pin(1, 7).driven]).toEqual([undefined, undefined]);
    wires.ended();
    expect([wires.bytes, low.received, high.received]).toEqual(['S 60 a0 a1P', [0xa0, 0xa1], []]);
    expect(winner.status & stat.STATE_FLAGS).toBe(0);

    loser.registers.writeByte(ucb0.CTL0, I2C | UCMST | UCMM);
    loser.outgoing = [0xb0];
    loser.ask(UCTR | UCTXSTT);
    wires.ended();
    expect(high.received).toEqual([0xb0]);
  });

  it('the loser that the winner means goes on as its slave', () => {
    const [winner, loser] = [master(0x10, 0x30), master(0x30, 0x38)];
    const wires = new Wires(winner, loser);
    for (const chip of [winner, loser]) chip.ask(UCTR | UCTXSTT);
    winner.outgoing = [0x5a, 0xa5];
    wires.until(() => (loser.status & stat.UCSTTIFG) !== 0);
    expect(loser.status & stat.STATE_FLAGS).toBe(stat.UCALIFG | stat.UCSTTIFG);
    expect(loser.control & UCTR).toBe(0);
    wires.ended();
    expect(wires.bytes).toBe('S 60 5a a5P');
    expect(loser.received).toEqual([0x5a, 0xa5]);
    expect(loser.status & stat.STATE_FLAGS).toBe(stat.UCALIFG | stat.UCSTPIFG);
  });

  it('arbitration goes on over the data', () => {
    const [winner, loser, slave] = [master(0x10, 0x30), master(0x11, 0x30), new Chip({ own: 0x30 })];
    const wires = new Wires(loser, winner, slave);
    winner.outgoing = [0x55, 0x0f];
    loser.outgoing = [0x55, 0x1f];
    for (const chip of [winner, loser]) chip.ask(UCTR | UCTXSTT);
    wires.ended();
    expect(wires.bytes).toBe('S 60 55 0fP');
    expect([winner.status & stat.UCALIFG, loser.status & stat.UCALIFG]).toEqual([0, stat.UCALIFG]);
    expect(slave.received).toEqual([0x55, 0x0f]);
  });

  it('masters of different speed keep in step, and none loses while they say the same', () => {
    const [fast, slow, slave] = [master(0x10, 0x30, 8), master(0x11, 0x30, 40), new Chip({ own: 0x30 })];
    const wires = new Wires(fast, slow, slave);
    fast.outgoing = [0x12, 0x34];
    slow.outgoing = [0x12, 0x34];
    // Each waits for half a bit before its START: so they come at one time.
    slow.ask(UCTR | UCTXSTT);
    wires.run(16);
    fast.ask(UCTR | UCTXSTT);
    wires.ended();
    expect(wires.bytes).toBe('S 60 12 34P');
    expect([fast, slow].map((chip) => [chip.status & stat.UCALIFG, chip.isMaster])).toEqual([
      [0, true],
      [0, true],
    ]);
  });

  it('a master that waits for the bus and is addressed meanwhile becomes a slave, with UCALIFG', () => {
    const [first, second] = [master(0x10, 0x30), master(0x30, 0x10)];
    const wires = new Wires(first, second);
    first.outgoing = [0x77];
    first.ask(UCTR | UCTXSTT);
    wires.run(30);
    second.ask(UCTR | UCTXSTT);
    wires.ended();
    expect(wires.bytes).toBe('S 60 77P');
    expect([second.received, second.isMaster]).toEqual([[0x77], false]);
    expect(second.status & stat.UCALIFG).toBe(stat.UCALIFG);
  });

  it('waits for the end of a transfer that is not its own', () => {
    const [first, second, slave] = [master(0x10, 0x30), master(0x11, 0x30), new Chip({ own: 0x30 })];
    const wires = new Wires(first, second, slave);
    first.outgoing = [0x01];
    second.outgoing = [0x02];
    first.ask(UCTR | UCTXSTT);
    wires.run(30);
    expect(second.status & stat.UCBBUSY).toBe(stat.UCBBUSY);
    second.ask(UCTR | UCTXSTT);
    wires.ended();
    expect(wires.bytes).toBe('S 60 01PS 60 02P');
    expect(slave.received).toEqual([0x01, 0x02]);
  });

  it('without UCMM a master does not compare addresses', () => {
    const [writer, other] = [master(0x10, 0x30), new Chip({ control: UCMST, own: 0x30 })];
    const wires = new Wires(writer, other);
    writer.ask(UCTR | UCTXSTT | UCTXSTP);
    wires.ended();
    expect(wires.bytes).toBe('S 60-P');
    expect(other.isMaster).toBe(true);
  });
});

describe('a master that breaks off with UCSWRST within a byte', () => {
  /** A slave that has a byte in UCB0RXBUF which its program does not read, and a master in the byte behind that. */
  function breakOff(microsecondsIntoByte: number) {
    const [master, slave] = [new Chip({ control: UCMST, target: 0x48 }), new Chip({ own: 0x48 })];
    const wires = new Wires(master, slave);
    master.ask(UCTR | UCTXSTT);
    for (const byte of [0x55, 0x56]) {
      wires.until(() => (master.registers.readByte(IFG2) & TXIFG) !== 0, false);
      master.registers.writeByte(ucb0.TXBUF, byte);
    }
    wires.until(() => (slave.registers.readByte(IFG2) & RXIFG) !== 0, false);
    wires.run(microsecondsIntoByte, false);
    master.registers.writeByte(ucb0.CTL1, 0x81);
    wires.run(5, false);
    master.registers.writeByte(ucb0.CTL1, 0x80);
    master.ask(UCTXSTT);
    return { master, slave, wires };
  }

  it('before its eighth bit: the next START is heard, and the slave answers', () => {
    const { master, slave, wires } = breakOff(45);
    slave.outgoing = [0x11, 0x12];
    expect(slave.registers.readByte(ucb0.RXBUF)).toBe(0x55);
    wires.until(() => master.received.length === 1);
    master.ask(UCTXSTP);
    wires.ended();
    expect(master.received).toEqual([0x11, 0x12]);
    expect(wires.bytes).toMatch(/S 91 11 12-P$/);
  });

  it('behind its eighth bit: the slave holds SCL until its program reads UCB0RXBUF', () => {
    const { master, slave, wires } = breakOff(130);
    wires.run(3000, false);
    expect(slave.mcu.pin(1, 6).driven).toBe(0);
    expect(master.control & UCTXSTT).toBe(UCTXSTT);
    expect(slave.registers.readByte(ucb0.RXBUF)).toBe(0x55);
    expect(slave.mcu.pin(1, 6).driven).toBeUndefined();
  });
});
