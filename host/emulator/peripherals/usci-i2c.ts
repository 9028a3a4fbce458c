/**
 * USCI_B0: registers and flags of both modes, lines of the I2C mode on P1.6 (SCL) and P1.7 (SDA) (SLAU144, "Universal
 * Serial Communication Interface, I2C Mode"). What a master does on the bus is usci-i2c-master.ts, a slave
 * usci-i2c-slave.ts, SPI usci-spi.ts.
 *
 * TXIFG is set with START and whenever TXBUF moved on; UCTXSTT and UCTXSTP clear themselves; an unloaded TXBUF or an
 * unread RXBUF holds SCL low. Of the errata (SLAZ440) USCI25 is followed: after a refused byte with a restart pending
 * TXIFG stays. Left out: the other errata, USCI30 (a late read of RXBUF) and those that need two masters among them.
 */

import type { Level, Pin } from './pin.ts';
import { baudClock, ClockRequest, type UsciChip } from './usci-clock.ts';
import { OpenDrain } from './usci-i2c-line.ts';
import { type MasterPort, masterTransfer } from './usci-i2c-master.ts';
import { ctl0, ctl1, stat, tenBitHeader, ucb0 } from './usci-i2c-registers.ts';
import { SequenceRunner } from './usci-i2c-sequence.ts';
import { type SlavePort, type SlaveRole, slaveTransfer } from './usci-i2c-slave.ts';
import { UsciFlags, type UsciInterrupts } from './usci-interrupts.ts';
import { type SpiPort, UsciSpi } from './usci-spi.ts';

const UCB0RXIFG = 0x04;
const UCB0TXIFG = 0x08;
/** UCB0STAT in SPI mode. */
const spiStatus = { UCLISTEN: 0x80, UCFE: 0x40, UCOE: 0x20, UCBUSY: 0x01 } as const;
/** UCB0I2COA: answer to the general call. */
const UCGCEN = 0x8000;

export class UsciI2c implements MasterPort, SlavePort, SpiPort {
  private readonly chip: UsciChip;
  private readonly interrupts: UsciInterrupts;
  private readonly unsupported: (what: string) => void;
  private readonly flags: UsciFlags;
  private readonly master: SequenceRunner;
  private readonly slave: SequenceRunner;
  private readonly clockRequest = new ClockRequest();
  private readonly spi: UsciSpi;
  private readonly sclLine: OpenDrain;
  private readonly sdaLine: OpenDrain;
  private readonly registers = { control0: 0, control1: 0, divider: 0, enables: 0, status: 0, own: 0, slave: 0 };
  private rxBuffer = 0;
  private txBuffer = 0;
  private txLoaded = false;
  /** SPI: UCB0RXBUF was not read. */
  private rxUnread = false;

  /** The slave is the one that the master of the bus speaks to. */
  private addressed = false;
  /** The master has put its START on the bus, and not lost. */
  private mastering = false;
  /** The 10-bit address was ours since the last STOP: a repeated START with its first byte alone may read. */
  private tenBitSelected = false;

  /** @param unsupported told, once each, what a program asked for that is left out here */
  constructor(chip: UsciChip, interrupts: UsciInterrupts, unsupported: (what: string) => void) {
    this.chip = chip;
    this.interrupts = interrupts;
    this.unsupported = unsupported;
    this.flags = new UsciFlags(chip, UCB0RXIFG, UCB0TXIFG, () => this.updateInterrupts());
    const clock = () => baudClock(chip, this.registers.control1 >> 6);
    this.master = new SequenceRunner(chip, clock, () => this.onMasterFinished());
    this.slave = new SequenceRunner(chip, clock, () => {});
    this.sclLine = new OpenDrain(chip.pin(1, 6), () => this.poke());
    this.sdaLine = new OpenDrain(chip.pin(1, 7), (level) => this.onSda(level));
    const [enable, clk, somi, simo] = [4, 5, 6, 7].map((bit) => chip.pin(1, bit)) as [Pin, Pin, Pin, Pin];
    this.spi = new UsciSpi(chip, { simo, somi, clock: clk, enable }, this);
    this.mapRegisters();
    chip.onReset(() => this.onPuc());
    this.onPuc();
  }

  // ---- registers

  private mapRegisters(): void {
    const { bus } = this.chip;
    const { registers } = this;
    bus.mapByte(ucb0.CTL0, { read: () => registers.control0, write: (value) => this.writeControl0(value) });
    bus.mapByte(ucb0.CTL1, { read: () => registers.control1, write: (value) => this.writeControl1(value) });
    bus.mapByte(ucb0.BR0, {
      read: () => registers.divider & 0xff,
      write: (value) => {
        registers.divider = (registers.divider & 0xff00) | value;
      },
    });
    bus.mapByte(ucb0.BR1, {
      read: () => registers.divider >> 8,
      write: (value) => {
        registers.divider = (registers.divider & 0x00ff) | (value << 8);
      },
    });
    bus.mapByte(ucb0.I2CIE, { read: () => registers.enables, write: (value) => this.writeEnables(value) });
    bus.mapByte(ucb0.STAT, { read: () => this.readStatus(), write: (value) => this.writeStatus(value) });
    bus.mapByte(ucb0.RXBUF, { read: () => this.readBuffer(), peek: () => this.rxBuffer });
    bus.mapByte(ucb0.TXBUF, { read: () => this.txBuffer, write: (value) => this.writeBuffer(value) });
    bus.mapWord(ucb0.I2COA, {
      read: () => registers.own,
      write: (value) => {
        registers.own = value;
      },
    });
    bus.mapWord(ucb0.I2CSA, {
      read: () => registers.slave,
      write: (value) => {
        registers.slave = value & 0x3ff;
      },
    });
  }

  private onPuc(): void {
    Object.assign(this.registers, {
      control0: ctl0.UCSYNC,
      control1: ctl1.UCSWRST,
      divider: 0,
      enables: 0,
      status: 0,
      own: 0,
      slave: 0,
    });
    this.rxBuffer = 0;
    this.txBuffer = 0;
    this.abandon();
    this.flags.assign(UCB0TXIFG, 0);
  }

  private get isI2c(): boolean {
    const mode = ctl0.UCMODE | ctl0.UCSYNC;
    return (this.registers.control0 & mode) === (ctl0.UCMODE_I2C | ctl0.UCSYNC);
  }

  private get running(): boolean {
    return this.isI2c && (this.registers.control1 & ctl1.UCSWRST) === 0;
  }

  private writeControl0(value: number): void {
    this.registers.control0 = value | ctl0.UCSYNC;
    // UCSWRST holds the flags at what the mode starts with: UCTXIFG is set for SPI, clear for I2C.
    if (this.has(ctl1.UCSWRST)) this.flags.assign(this.isI2c ? 0 : UCB0TXIFG, this.flags.enables);
  }

  private writeControl1(value: number): void {
    const wasHeld = (this.registers.control1 & ctl1.UCSWRST) !== 0;
    this.registers.control1 = value;
    if (value & ctl1.UCSWRST) this.enterReset();
    else if (wasHeld && !this.isI2c) this.spi.start();
    if (value & ctl1.UCSWRST) return;
    if (baudClock(this.chip, value >> 6) === undefined && this.registers.control0 & ctl0.UCMST) {
      this.unsupported('USCI_B0 clocked from the UC0CLK pin');
    }
    this.poke();
    this.startWhenAsked();
  }

  /** UCSWRST: lines are let go, status, data flags and their enables are cleared (SLAU144, "I2C ... Reset"). */
  private enterReset(): void {
    this.abandon();
    this.flags.assign(this.isI2c ? 0 : UCB0TXIFG, 0);
    this.registers.status = 0;
    this.registers.control1 &= ~(ctl1.UCTXSTT | ctl1.UCTXSTP | ctl1.UCTXNACK);
    this.updateInterrupts();
  }

  private abandon(): void {
    this.spi.stop();
    this.master.abandon();
    this.slave.abandon();
    this.addressed = false;
    this.mastering = false;
    this.tenBitSelected = false;
    this.txLoaded = false;
    this.clockRequest.set(undefined);
    this.sdaLine.output(1);
    this.sclLine.output(1);
  }

  private writeEnables(value: number): void {
    this.registers.enables = value & stat.STATE_FLAGS;
    this.updateInterrupts();
  }

  private readStatus(): number {
    if (!this.isI2c) return this.registers.status | (this.spi.busy ? spiStatus.UCBUSY : 0);
    const held = this.running && this.sclLine.level === 0 && (this.master.waiting || this.sclLine.pulledLow);
    return this.registers.status | (held ? stat.UCSCLLOW : 0);
  }

  /** Only the four state flags belong to software. */
  private writeStatus(value: number): void {
    if (!this.isI2c) {
      this.registers.status = value & ~spiStatus.UCBUSY;
      return;
    }
    const kept = this.registers.status & ~stat.STATE_FLAGS;
    this.registers.status = kept | (value & stat.STATE_FLAGS);
    this.updateInterrupts();
  }

  private readBuffer(): number {
    this.flags.clear(UCB0RXIFG);
    if (!this.isI2c) {
      this.rxUnread = false;
      this.registers.status &= ~(spiStatus.UCOE | spiStatus.UCFE);
    }
    this.poke();
    return this.rxBuffer;
  }

  private writeBuffer(value: number): void {
    this.txBuffer = value;
    if ((this.registers.control1 & ctl1.UCSWRST) !== 0) return;
    this.txLoaded = true;
    this.flags.clear(UCB0TXIFG);
    if (this.isI2c) this.poke();
    else this.spi.bufferWritten();
  }

  private updateInterrupts(): void {
    const state = (this.registers.status & this.registers.enables & stat.STATE_FLAGS) !== 0;
    const { pending } = this.flags;
    if (this.isI2c) this.interrupts.request('B', state, pending !== 0);
    else this.interrupts.request('B', (pending & UCB0RXIFG) !== 0, (pending & UCB0TXIFG) !== 0);
  }

  private setStatus(set: number, cleared = 0): void {
    this.registers.status = (this.registers.status & ~cleared) | set;
    this.updateInterrupts();
  }

  // ---- sequences

  private poke(): void {
    this.master.poke();
    this.slave.poke();
  }

  private startWhenAsked(): void {
    const asked = this.running && this.has(ctl1.UCTXSTT) && (this.registers.control0 & ctl0.UCMST) !== 0;
    if (!asked || this.master.active) return;
    this.clockRequest.set(baudClock(this.chip, this.registers.control1 >> 6));
    this.master.begin(masterTransfer(this));
  }

  private onMasterFinished(): void {
    this.mastering = false;
    this.txLoaded = false;
    this.clockRequest.set(undefined);
    this.startWhenAsked();
  }

  private onSda(level: Level): void {
    if (this.running && this.sclLine.level === 1) {
      if (level === 0) this.onBusStart();
      else this.onBusStop();
    }
    this.poke();
  }

  private onBusStart(): void {
    this.setStatus(stat.UCBBUSY, stat.UCGC | stat.UCNACKIFG | stat.UCSTPIFG);
    this.endSlaveTransfer(0);
    if (this.listens) this.slave.begin(slaveTransfer(this));
  }

  private onBusStop(): void {
    this.setStatus(0, stat.UCBBUSY | stat.UCSTTIFG);
    this.tenBitSelected = false;
    this.endSlaveTransfer(stat.UCSTPIFG);
  }

  /** The address compare unit works: in slave mode, and with other masters about in master mode, too. */
  private get listens(): boolean {
    const { control0, own } = this.registers;
    return own !== 0 && (control0 & (ctl0.UCMST | ctl0.UCMM)) !== ctl0.UCMST;
  }

  private endSlaveTransfer(flag: number): void {
    this.slave.abandon();
    if (!this.addressed) return;
    this.addressed = false;
    this.setStatus(flag);
  }

  // ---- what both sequences do to lines and registers

  sda(level: Level): void {
    this.sdaLine.output(level);
  }

  scl(level: Level): void {
    this.sclLine.output(level);
  }

  get sdaLevel(): Level {
    return this.sdaLine.level;
  }

  get sclLevel(): Level {
    return this.sclLine.level;
  }

  get transmitReady(): boolean {
    return this.txLoaded;
  }

  get nextTransmitBit(): Level {
    return (this.txBuffer >> 7) as Level;
  }

  takeTransmitByte(): number {
    this.txLoaded = false;
    this.flags.raise(UCB0TXIFG);
    return this.txBuffer;
  }

  get receiveFull(): boolean {
    return (this.flags.flags & UCB0RXIFG) !== 0;
  }

  putReceivedByte(byte: number): void {
    if (!this.isI2c) {
      if (this.rxUnread) this.registers.status |= spiStatus.UCOE;
      this.rxUnread = true;
    }
    this.rxBuffer = byte;
    this.flags.raise(UCB0RXIFG);
  }

  // ---- SPI

  get control0(): number {
    return this.registers.control0;
  }

  get control1(): number {
    return this.registers.control1;
  }

  get divider(): number {
    return this.registers.divider;
  }

  get listening(): boolean {
    return (this.registers.status & spiStatus.UCLISTEN) !== 0;
  }

  onBusConflict(): void {
    this.registers.status |= spiStatus.UCFE;
  }

  get transmitFull(): boolean {
    return this.txLoaded;
  }

  // ---- master

  get highTicks(): number {
    return Math.max(1, this.registers.divider >> 1);
  }

  get lowTicks(): number {
    return Math.max(1, this.registers.divider - this.highTicks);
  }

  get busIdle(): boolean {
    const linesHigh = this.sclLine.level === 1 && this.sdaLine.level === 1;
    return linesHigh && (this.registers.status & stat.UCBBUSY) === 0;
  }

  has(bit: number): boolean {
    return (this.registers.control1 & bit) !== 0;
  }

  clear(bit: number): void {
    this.registers.control1 &= ~bit;
  }

  get slaveAddress(): number {
    return this.registers.slave & (this.tenBitSlave ? 0x3ff : 0x7f);
  }

  get tenBitSlave(): boolean {
    return (this.registers.control0 & ctl0.UCSLA10) !== 0;
  }

  onStart(transmitter: boolean): void {
    this.mastering = true;
    this.setStatus(0, stat.UCNACKIFG | stat.UCSTPIFG);
    if (!transmitter) {
      this.txLoaded = false;
      this.flags.clear(UCB0TXIFG);
    } else if (!this.txLoaded) this.flags.raise(UCB0TXIFG);
  }

  onAddressSent(acknowledged: boolean): void {
    if (!acknowledged) this.refuse();
  }

  /** USCI25: TXIFG survives when a restart is pending; the restart itself is forgotten (SLAU144). */
  onDataRefused(): void {
    const restartPending = this.has(ctl1.UCTXSTT) && !this.has(ctl1.UCTXSTP);
    this.clear(ctl1.UCTXSTT);
    if (restartPending) this.setStatus(stat.UCNACKIFG);
    else this.refuse();
  }

  private refuse(): void {
    this.txLoaded = false;
    this.flags.clear(UCB0TXIFG);
    this.setStatus(stat.UCNACKIFG);
  }

  /** The lines go first: the winner's clock is not to be touched. */
  onArbitrationLost(): void {
    this.mastering = false;
    this.sclLine.output(1);
    this.sdaLine.output(1);
    this.registers.control0 &= ~ctl0.UCMST;
    this.clear(ctl1.UCTXSTT | ctl1.UCTXSTP);
    this.txLoaded = false;
    this.flags.clear(UCB0TXIFG);
    this.setStatus(stat.UCALIFG);
  }

  // ---- slave

  onHeader(header: number): SlaveRole | 'second' {
    if (this.mastering) return 'ignore';
    const { own, control0 } = this.registers;
    const selected = this.tenBitSelected;
    this.tenBitSelected = false;
    if (header === 0 && (own & UCGCEN) !== 0) {
      this.setStatus(stat.UCGC);
      return 'receive';
    }
    const role = (header & 1) === 1 ? 'transmit' : 'receive';
    if ((control0 & ctl0.UCA10) === 0) return header >> 1 === (own & 0x7f) ? role : 'ignore';
    if ((header & 0xfe) !== tenBitHeader(own)) return 'ignore';
    if (role === 'receive') return 'second';
    this.tenBitSelected = selected;
    return selected ? role : 'ignore';
  }

  onSecondByte(byte: number): SlaveRole {
    this.tenBitSelected = byte === (this.registers.own & 0xff);
    return this.tenBitSelected ? 'receive' : 'ignore';
  }

  onAddressed(transmitter: boolean): void {
    this.addressed = true;
    // A master that is addressed has lost the bus, even if it did not begin yet.
    if ((this.registers.control0 & ctl0.UCMST) !== 0) {
      this.master.abandon();
      this.onArbitrationLost();
      this.onMasterFinished();
    }
    this.registers.control1 = (this.registers.control1 & ~ctl1.UCTR) | (transmitter ? ctl1.UCTR : 0);
    this.setStatus(stat.UCSTTIFG, stat.UCSTPIFG);
    if (!transmitter) return;
    // SLAU144, figure "I2C Slave Transmitter Mode": what is left in UCB0TXBUF is discarded.
    this.txLoaded = false;
    this.flags.raise(UCB0TXIFG);
  }

  /** SLAU144 "I2C Transmit Interrupt Operation": a NACK resets UCTXIFG, of a slave too. */
  onTransmitRefused(): void {
    this.flags.clear(UCB0TXIFG);
  }

  get refusing(): boolean {
    return this.has(ctl1.UCTXNACK);
  }

  takeRefusal(): boolean {
    const refused = this.has(ctl1.UCTXNACK);
    this.clear(ctl1.UCTXNACK);
    return refused;
  }
}
