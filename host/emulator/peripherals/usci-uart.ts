/**
 * USCI_A0: the registers of its UART mode (SLAU144, "Universal Serial Communication Interface, UART Mode") on P1.1 and
 * P1.2, and of its SPI mode, which usci-spi.ts shifts. usci-uart-transmitter.ts and usci-uart-receiver.ts move the bits.
 *
 * Fractional baud rates from ACLK, SMCLK or UC0CLK, 7 or 8 bits, parity, one or two stop bits, MSB or LSB first,
 * double-buffered transmission, multiprocessor formats, automatic baud rate detection, errors, loop-back, IrDA, and the
 * clock that it requests in low-power modes. A program that meets erratum USCI23 is warned.
 */

import type { RegisterOwner } from '../bus.ts';
import type { ClockDomain } from '../clock-domain.ts';
import type { ScheduledEvent } from '../scheduler.ts';
import type { LateDriver, LateFrame, Level, Pin, PinFunction, PinUser } from './pin.ts';
import { UCOS16 } from './usci-baud.ts';
import { baudClock, type UsciChip } from './usci-clock.ts';
import { UsciFlags, type UsciInterrupts } from './usci-interrupts.ts';
import { PinClock } from './usci-pin-clock.ts';
import { type SpiPort, UsciSpi } from './usci-spi.ts';
import { type ReceiverHost, UartReceiver } from './usci-uart-receiver.ts';
import { abctl, ctl0, ctl1, irrctl, irtctl, stat, type UartRegisters, uartMode, uca0 } from './usci-uart-registers.ts';
import { type TransmitterHost, UartTransmitter } from './usci-uart-transmitter.ts';

const UCA0RXIFG = 0x01;
const UCA0TXIFG = 0x02;
const addresses: readonly number[] = Object.values(uca0);

export class UsciUart implements RegisterOwner, PinUser, SpiPort, TransmitterHost, ReceiverHost {
  private readonly chip: UsciChip;
  private readonly interrupts: UsciInterrupts;
  private readonly unsupported: (what: string) => void;
  private readonly flags: UsciFlags;
  private readonly rxPin: Pin;
  private readonly rxFunction: PinFunction;
  private readonly txFunction: PinFunction;
  readonly registers: UartRegisters = {
    control0: 0,
    control1: 0,
    divider: 0,
    modulation: 0,
    status: 0,
    irTransmit: 0,
    irReceive: 0,
    autoBaud: 0,
  };
  private readonly spi: UsciSpi;
  private readonly transmitter: UartTransmitter;
  private readonly receiver: UartReceiver;
  private pinClock: PinClock | undefined = undefined;

  txBuffer = 0;
  private txLoaded = false;
  private txLevel: Level = 1;

  private rxBuffer = 0;
  private rxUnread = false;
  /** UCA0STAT was read while a character waited in UCA0RXBUF. */
  private statusSeen = false;
  /** That character was overwritten since: reading UCA0RXBUF leaves UCOE. */
  private lateOverrun = false;
  /** IrDA: a pulse of light that is not as long yet as the receive filter wants. */
  private pulse: ScheduledEvent | undefined = undefined;

  /** @param unsupported told, once each, what a program asked for that is left out here */
  constructor(chip: UsciChip, interrupts: UsciInterrupts, unsupported: (what: string) => void) {
    this.chip = chip;
    this.interrupts = interrupts;
    this.unsupported = unsupported;
    this.flags = new UsciFlags(chip, UCA0RXIFG, UCA0TXIFG, () => this.updateInterrupts());
    this.transmitter = new UartTransmitter(chip, this);
    this.receiver = new UartReceiver(chip, this);
    const [somi, simo, clock, enable] = [1, 2, 4, 5].map((bit) => chip.pin(1, bit)) as [Pin, Pin, Pin, Pin];
    this.spi = new UsciSpi(chip, { somi, simo, clock, enable }, this);
    this.rxPin = chip.pin(1, 1);
    this.rxFunction = this.rxPin.attach(3, 'module');
    this.txFunction = chip.pin(1, 2).attach(3, 'module');
    this.rxPin.follow(this);
    chip.bus.own(addresses, this);
    chip.onReset(() => this.onPuc());
    this.onPuc();
  }

  readRegister(address: number): number {
    switch (address) {
      case uca0.STAT:
        return this.readStatus();
      case uca0.RXBUF:
        return this.readBuffer();
      default:
        return this.peekRegister(address);
    }
  }

  peekRegister(address: number): number {
    const { registers } = this;
    switch (address) {
      case uca0.ABCTL:
        return registers.autoBaud;
      case uca0.IRTCTL:
        return registers.irTransmit;
      case uca0.IRRCTL:
        return registers.irReceive;
      case uca0.CTL0:
        return registers.control0;
      case uca0.CTL1:
        return registers.control1;
      case uca0.BR0:
        return registers.divider & 0xff;
      case uca0.BR1:
        return registers.divider >> 8;
      case uca0.MCTL:
        return registers.modulation;
      case uca0.STAT:
        return this.currentStatus;
      case uca0.RXBUF:
        return this.rxBuffer;
      default:
        return this.txBuffer;
    }
  }

  writeRegister(address: number, value: number): void {
    const { registers } = this;
    switch (address) {
      case uca0.ABCTL:
        registers.autoBaud = value & (abctl.UCDELIM | abctl.UCSTOE | abctl.UCBTOE | abctl.UCABDEN);
        break;
      case uca0.IRTCTL:
        this.transmitter.keepUp();
        registers.irTransmit = value;
        this.drive(1);
        break;
      case uca0.IRRCTL:
        registers.irReceive = value;
        break;
      case uca0.CTL0:
        this.transmitter.catchUp();
        registers.control0 = value;
        break;
      case uca0.CTL1:
        this.writeControl1(value);
        break;
      case uca0.BR0:
        registers.divider = (registers.divider & 0xff00) | value;
        break;
      case uca0.BR1:
        registers.divider = (registers.divider & 0x00ff) | (value << 8);
        break;
      case uca0.MCTL:
        registers.modulation = value;
        break;
      case uca0.STAT:
        if ((value & stat.UCLISTEN) !== 0) this.transmitter.keepUp();
        registers.status = value & ~stat.UCBUSY;
        break;
      case uca0.TXBUF:
        this.writeBuffer(value);
        break;
    }
  }

  private onPuc(): void {
    this.transmitter.catchUp();
    Object.assign(this.registers, { control0: 0, control1: ctl1.UCSWRST, divider: 0, modulation: 0, status: 0 });
    Object.assign(this.registers, { irTransmit: 0, irReceive: 0, autoBaud: 0 });
    this.txBuffer = 0;
    this.rxBuffer = 0;
    this.enterReset();
  }

  /** UCSWRST: everything stops, errors and enables are cleared, TXIFG is set (SLAU144, "USCI Initialization and Reset"). */
  private enterReset(): void {
    this.transmitter.stop();
    this.receiver.stop();
    this.spi.stop();
    this.chip.scheduler.cancel(this.pulse);
    this.txLoaded = false;
    this.rxUnread = false;
    this.statusSeen = false;
    this.lateOverrun = false;
    this.registers.status &= stat.UCLISTEN;
    this.registers.autoBaud &= ~(abctl.UCSTOE | abctl.UCBTOE);
    this.drive(1);
    this.flags.assign(UCA0TXIFG, 0);
  }

  private get synchronous(): boolean {
    return (this.registers.control0 & ctl0.UCSYNC) !== 0;
  }

  /** True while the UART does nothing. */
  private get held(): boolean {
    return (this.registers.control1 & ctl1.UCSWRST) !== 0 || this.synchronous;
  }

  private writeControl1(value: number): void {
    const { registers } = this;
    const before = registers.control1;
    registers.control1 = value;
    if (value & ctl1.UCSWRST) {
      this.enterReset();
      return;
    }
    if (before & ctl1.UCSWRST) this.leaveReset();
    const autoBaud = (registers.control0 & ctl0.UCMODE) === uartMode.autoBaud && !this.synchronous;
    if (autoBaud && (value & ~before & ctl1.UCTXBRK) !== 0 && this.transmitter.busy)
      this.unsupported('erratum USCI23 (UCTXBRK set while USCI_A0 sends in automatic baud rate mode)');
  }

  private leaveReset(): void {
    const { control0, control1 } = this.registers;
    if (!this.synchronous) this.receiver.start();
    else {
      this.spi.start();
      const master = (control0 & ctl0.UCMST) !== 0;
      if (master && (control1 & ctl1.UCSSEL) === 0) this.unsupported('USCI_A0 as SPI master with UCSSELx = 0');
    }
  }

  private get currentStatus(): number {
    const busy = this.transmitter.busy || this.receiver.busy || this.spi.busy;
    return this.registers.status | (busy ? stat.UCBUSY : 0);
  }

  private readStatus(): number {
    this.statusSeen = this.rxUnread;
    this.lateOverrun = false;
    return this.currentStatus;
  }

  // ---- both halves of the UART

  /** BRCLK. */
  clock(): ClockDomain {
    const clock = baudClock(this.chip, this.registers.control1 >> 6);
    if (clock !== undefined) return clock;
    this.pinClock ??= new PinClock(this.chip.pin(1, 4));
    return this.pinClock;
  }

  private get infrared(): boolean {
    return (this.registers.irTransmit & irtctl.UCIREN) !== 0;
  }

  // ---- transmitter

  private writeBuffer(value: number): void {
    this.txBuffer = value;
    if ((this.registers.control1 & ctl1.UCSWRST) !== 0) return;
    this.flags.clear(UCA0TXIFG);
    if (this.synchronous) {
      this.txLoaded = true;
      this.spi.bufferWritten();
    } else this.transmitter.bufferWritten();
  }

  get transmitPending(): boolean {
    return (this.flags.flags & UCA0TXIFG) === 0;
  }

  bufferTaken(): void {
    this.flags.raise(UCA0TXIFG);
  }

  /** With IrDA a low bit is a pulse of light, and darkness is low. */
  drive(level: Level): void {
    if (this.synchronous) return;
    const changed = level !== this.txLevel;
    this.txLevel = level;
    this.txFunction.output(this.infrared ? (level === 0 ? 1 : 0) : level);
    if (changed && this.registers.status & stat.UCLISTEN && !this.held) this.receiver.line(level);
  }

  mayDriveLate(): boolean {
    const immediate = this.synchronous || this.infrared || (this.registers.status & stat.UCLISTEN) !== 0;
    return !immediate && !this.txFunction.watched;
  }

  lag(driver: LateDriver | undefined): void {
    this.txFunction.lag(driver);
  }

  driveFrame(frame: LateFrame): boolean {
    return !this.synchronous && this.txLevel === 1 && this.txFunction.outputFrame(frame);
  }

  driveLate(level: Level, seconds: number): void {
    if (this.synchronous) return;
    this.txLevel = level;
    this.txFunction.outputLate(level, seconds);
  }

  // ---- receiver

  lineLevel(): Level {
    if (this.registers.status & stat.UCLISTEN) return this.txLevel;
    if (!this.rxFunction.selected) return 1;
    if (!this.infrared) return this.rxPin.level;
    const light = (this.registers.irReceive & irrctl.UCIRRXPL) !== 0 ? 0 : 1;
    return this.rxPin.level === light ? 0 : 1;
  }

  pinChanged(): void {
    if (this.held || !this.rxFunction.selected || (this.registers.status & stat.UCLISTEN) !== 0) return;
    const level = this.lineLevel();
    if (this.infrared && (this.registers.irReceive & irrctl.UCIRRXFE) !== 0) this.filterPulse(level);
    else this.receiver.line(level);
  }

  /** Light counts when it lasted (UCIRRXFLx + 4) half periods of BRCLK or BITCLK16 (SLAU144, "IrDA Decoding"). */
  private filterPulse(level: Level): void {
    const { scheduler } = this.chip;
    scheduler.cancel(this.pulse);
    if (level === 1) return;
    const { irTransmit, irReceive, divider, modulation } = this.registers;
    const bitClock16 = (irTransmit & irtctl.UCIRTXCLK) !== 0 && (modulation & UCOS16) !== 0;
    const ticks = (((irReceive >> 2) + 4) * (bitClock16 ? Math.max(1, divider) : 1)) / 2;
    const { frequencyHz } = this.clock();
    const cycles = frequencyHz === 0 ? 0 : Math.ceil((ticks * scheduler.frequencyHz) / frequencyHz);
    this.pulse = scheduler.after(cycles, () => this.receiver.line(0));
  }

  /** A character for UCA0RXBUF (SLAU144, "Receive Error Conditions"). */
  received(value: number, errors: number): void {
    let status = errors;
    if (this.rxUnread) {
      status |= stat.UCOE;
      this.lateOverrun = this.statusSeen;
    }
    if (status & (stat.UCFE | stat.UCPE | stat.UCOE)) status |= stat.UCRXERR;
    this.registers.status |= status;
    this.rxBuffer = value;
    this.rxUnread = true;
    this.flags.raise(UCA0RXIFG);
  }

  /** Clears what is wrong, but not an overrun that came after UCA0STAT was read: only UCA0STAT can still tell of it. */
  private readBuffer(): number {
    const kept = this.lateOverrun ? stat.UCOE : 0;
    this.registers.status &= ~((stat.UCFE | stat.UCPE | stat.UCBRK | stat.UCOE | stat.UCRXERR) & ~kept);
    this.rxUnread = false;
    this.statusSeen = false;
    this.lateOverrun = false;
    this.flags.clear(UCA0RXIFG);
    return this.rxBuffer;
  }

  // ---- SPI: what usci-spi.ts asks of the registers

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
    return (this.registers.status & stat.UCLISTEN) !== 0;
  }

  get transmitFull(): boolean {
    return this.txLoaded;
  }

  takeTransmitByte(): number {
    this.txLoaded = false;
    this.flags.raise(UCA0TXIFG);
    return this.txBuffer;
  }

  onBusConflict(): void {
    this.registers.status |= stat.UCFE;
  }

  putReceivedByte(value: number): void {
    if (this.rxUnread) this.registers.status |= stat.UCOE;
    this.rxBuffer = value;
    this.rxUnread = true;
    this.flags.raise(UCA0RXIFG);
  }

  private updateInterrupts(): void {
    const { pending } = this.flags;
    this.interrupts.request('A', (pending & UCA0RXIFG) !== 0, (pending & UCA0TXIFG) !== 0);
  }
}
