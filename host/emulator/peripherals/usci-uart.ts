/**
 * USCI_A0: UART mode (SLAU144, "Universal Serial Communication Interface, UART Mode") bit by bit on P1.1 and P1.2, and
 * the registers of its SPI mode, which usci-spi.ts shifts.
 *
 * Fractional baud rates, 7 or 8 bits, parity, one or two stop bits, MSB or LSB first, double-buffered transmission,
 * framing, parity, overrun and break errors, loop-back, IrDA, and the clock that it requests in low-power modes. Left
 * out: the multiprocessor formats, automatic baud rate detection, the IrDA receive filter, and the UC0CLK pin as a UART
 * clock; a program that selects one is warned about.
 */

import type { ClockDomain } from '../clock-domain.ts';
import type { Level, Pin, PinFunction } from './pin.ts';
import { bitEdges } from './usci-baud.ts';
import { baudClock, ClockRequest, TickTimer, type UsciChip } from './usci-clock.ts';
import { UsciFlags, type UsciInterrupts } from './usci-interrupts.ts';
import { type SpiPort, UsciSpi } from './usci-spi.ts';
import { ctl0, ctl1, irrctl, irtctl, stat, uca0 } from './usci-uart-registers.ts';

const UCA0RXIFG = 0x01;
const UCA0TXIFG = 0x02;
const ERROR_BITS = stat.UCFE | stat.UCOE | stat.UCPE | stat.UCBRK;

/** What one frame on the line looks like. */
interface FrameFormat {
  readonly dataBits: number;
  readonly parity: 'none' | 'odd' | 'even';
  readonly stopBits: number;
  readonly msbFirst: boolean;
}

export class UsciUart implements SpiPort {
  private readonly chip: UsciChip;
  private readonly interrupts: UsciInterrupts;
  private readonly unsupported: (what: string) => void;
  private readonly flags: UsciFlags;
  private readonly rxPin: Pin;
  private readonly rxFunction: PinFunction;
  private readonly txFunction: PinFunction;
  private readonly clockRequest = new ClockRequest();
  private readonly registers = {
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

  private readonly txTimer: TickTimer;
  private txBuffer = 0;
  private txLoaded = false;
  private readonly pulseTimer: TickTimer;
  private txLevel: Level = 1;
  private sending: { bits: Level[]; edges: number[]; origin: number; next: number; clock: ClockDomain } | undefined;

  private readonly rxTimer: TickTimer;
  private rxBuffer = 0;
  private rxUnread = false;
  /** IrDA: a light pulse began since the last bit was sampled. */
  private pulseSeen = false;
  private receiving: { bits: Level[]; edges: number[]; origin: number; clock: ClockDomain } | undefined;

  /** @param unsupported told, once each, what a program asked for that is left out here */
  constructor(chip: UsciChip, interrupts: UsciInterrupts, unsupported: (what: string) => void) {
    this.chip = chip;
    this.interrupts = interrupts;
    this.unsupported = unsupported;
    this.flags = new UsciFlags(chip, UCA0RXIFG, UCA0TXIFG, () => this.updateInterrupts());
    this.txTimer = new TickTimer(chip);
    this.rxTimer = new TickTimer(chip);
    this.pulseTimer = new TickTimer(chip);
    const [somi, simo, clock, enable] = [1, 2, 4, 5].map((bit) => chip.pin(1, bit)) as [Pin, Pin, Pin, Pin];
    this.spi = new UsciSpi(chip, { somi, simo, clock, enable }, this);
    this.rxPin = chip.pin(1, 1);
    this.rxFunction = this.rxPin.attach(3, 'module');
    this.txFunction = chip.pin(1, 2).attach(3, 'module');
    this.rxPin.onChange((level) => this.onLine(level));
    this.mapRegisters();
    chip.onReset(() => this.onPuc());
    this.onPuc();
  }

  private mapRegisters(): void {
    const { bus } = this.chip;
    const { registers } = this;
    bus.mapByte(uca0.ABCTL, {
      read: () => registers.autoBaud,
      write: (value) => {
        registers.autoBaud = value;
      },
    });
    bus.mapByte(uca0.IRTCTL, {
      read: () => registers.irTransmit,
      write: (value) => {
        registers.irTransmit = value;
        this.drive(1);
      },
    });
    bus.mapByte(uca0.IRRCTL, {
      read: () => registers.irReceive,
      write: (value) => {
        registers.irReceive = value;
        if (value & irrctl.UCIRRXFE) this.unsupported('the IrDA receive filter');
      },
    });
    bus.mapByte(uca0.CTL0, { read: () => registers.control0, write: (value) => this.writeControl0(value) });
    bus.mapByte(uca0.CTL1, { read: () => registers.control1, write: (value) => this.writeControl1(value) });
    bus.mapByte(uca0.BR0, {
      read: () => registers.divider & 0xff,
      write: (value) => {
        registers.divider = (registers.divider & 0xff00) | value;
      },
    });
    bus.mapByte(uca0.BR1, {
      read: () => registers.divider >> 8,
      write: (value) => {
        registers.divider = (registers.divider & 0x00ff) | (value << 8);
      },
    });
    bus.mapByte(uca0.MCTL, {
      read: () => registers.modulation,
      write: (value) => {
        registers.modulation = value;
      },
    });
    bus.mapByte(uca0.STAT, { read: () => this.readStatus(), write: (value) => this.writeStatus(value) });
    bus.mapByte(uca0.RXBUF, { read: () => this.readBuffer(), peek: () => this.rxBuffer });
    bus.mapByte(uca0.TXBUF, { read: () => this.txBuffer, write: (value) => this.writeBuffer(value) });
  }

  private onPuc(): void {
    Object.assign(this.registers, { control0: 0, control1: ctl1.UCSWRST, divider: 0, modulation: 0, status: 0 });
    Object.assign(this.registers, { irTransmit: 0, irReceive: 0, autoBaud: 0 });
    this.txBuffer = 0;
    this.rxBuffer = 0;
    this.enterReset();
  }

  /** UCSWRST: everything stops, errors and enables are cleared, TXIFG is set (SLAU144, "USCI Initialization and Reset"). */
  private enterReset(): void {
    this.txTimer.cancel();
    this.rxTimer.cancel();
    this.pulseTimer.cancel();
    this.spi.stop();
    this.txLoaded = false;
    this.pulseSeen = false;
    this.sending = undefined;
    this.receiving = undefined;
    this.rxUnread = false;
    this.registers.status &= stat.UCLISTEN;
    this.drive(1);
    this.flags.assign(UCA0TXIFG, 0);
    this.updateClockRequest();
  }

  private get synchronous(): boolean {
    return (this.registers.control0 & ctl0.UCSYNC) !== 0;
  }

  /** True while the UART does nothing. */
  private get held(): boolean {
    return (this.registers.control1 & ctl1.UCSWRST) !== 0 || this.synchronous;
  }

  private writeControl0(value: number): void {
    this.registers.control0 = value;
    const uartMode = (value & ctl0.UCSYNC) === 0 && (value & ctl0.UCMODE) !== 0;
    if (uartMode) this.unsupported('USCI_A0 multiprocessor or automatic baud rate mode');
  }

  private writeControl1(value: number): void {
    const wasHeld = (this.registers.control1 & ctl1.UCSWRST) !== 0;
    this.registers.control1 = value;
    const external = (this.registers.control0 & (ctl0.UCSYNC | ctl0.UCMST)) !== ctl0.UCSYNC;
    if (value & ctl1.UCSWRST) this.enterReset();
    else if (wasHeld && this.synchronous) this.spi.start();
    if (!(value & ctl1.UCSWRST) && wasHeld && external && (value & ctl1.UCSSEL) === 0)
      this.unsupported('USCI_A0 clocked from the UC0CLK pin');
  }

  private readStatus(): number {
    const busy = this.sending !== undefined || this.receiving !== undefined || this.spi.busy;
    return this.registers.status | (busy ? stat.UCBUSY : 0);
  }

  private writeStatus(value: number): void {
    this.registers.status = value & ~stat.UCBUSY;
  }

  // ---- transmitter

  private writeBuffer(value: number): void {
    this.txBuffer = value;
    if (this.synchronous && (this.registers.control1 & ctl1.UCSWRST) === 0) {
      this.txLoaded = true;
      this.flags.clear(UCA0TXIFG);
      this.spi.bufferWritten();
      return;
    }
    if (this.held) return;
    this.flags.clear(UCA0TXIFG);
    if (this.sending === undefined) this.startFrame(true);
  }

  /** Moves the buffer to the shift register; a first frame begins with the next edge of BRCLK. */
  private startFrame(first: boolean): void {
    const clock = baudClock(this.chip, this.registers.control1 >> 6);
    if (clock === undefined) return;
    const origin = first ? clock.ticks() + 1 : this.sending!.origin + this.sending!.edges.at(-1)!;
    this.sending = { bits: [], edges: [0], origin, next: 0, clock };
    this.updateClockRequest();
    if (first) this.txTimer.at(clock, origin, () => this.loadShiftRegister());
    else this.loadShiftRegister();
  }

  private loadShiftRegister(): void {
    const { registers } = this;
    const isBreak = (registers.control1 & ctl1.UCTXBRK) !== 0;
    const bits = frameBits(this.txBuffer, this.format, isBreak);
    registers.control1 &= ~(ctl1.UCTXBRK | ctl1.UCTXADDR);
    this.sending!.bits = bits;
    this.sending!.edges = bitEdges(registers.divider, registers.modulation, bits.length);
    this.flags.raise(UCA0TXIFG);
    this.sendBit();
  }

  private sendBit(): void {
    const frame = this.sending!;
    if (frame.next < frame.bits.length) {
      const level = frame.bits[frame.next]!;
      this.drive(level);
      if (this.infrared && level === 0) this.endPulse(frame.clock, frame.origin + frame.edges[frame.next]!);
      // Equal bits that follow change nothing on the line, but each is a pulse of its own with IrDA.
      do frame.next++;
      while (!this.infrared && frame.next < frame.bits.length && frame.bits[frame.next] === level);
      this.txTimer.at(frame.clock, frame.origin + frame.edges[frame.next]!, () => this.sendBit());
    } else if ((this.flags.flags & UCA0TXIFG) === 0) {
      this.startFrame(false);
    } else {
      this.sending = undefined;
      this.updateClockRequest();
    }
  }

  /** With IrDA a low bit is a pulse of light, and darkness is low. */
  private drive(level: Level): void {
    if (this.synchronous) return;
    this.txLevel = level;
    this.txFunction.output(this.infrared ? (level === 0 ? 1 : 0) : level);
    if (this.registers.status & stat.UCLISTEN) this.onLine(level);
  }

  private get infrared(): boolean {
    return (this.registers.irTransmit & irtctl.UCIREN) !== 0;
  }

  /** The pulse of a low bit ends after UCIRTXPLx + 1 half periods of BRCLK or BITCLK16 (SLAU144, "IrDA Encoding"). */
  private endPulse(clock: ClockDomain, begin: number): void {
    const { irTransmit, divider, modulation } = this.registers;
    const bitClock16 = (irTransmit & irtctl.UCIRTXCLK) !== 0 && (modulation & 1) !== 0;
    const halves = (irTransmit >> 2) + 1;
    const ticks = Math.max(1, Math.round((halves * (bitClock16 ? Math.max(1, divider) : 1)) / 2));
    this.pulseTimer.at(clock, begin + ticks, () => this.drive(1));
  }

  // ---- receiver

  private get lineLevel(): Level {
    if (this.registers.status & stat.UCLISTEN) return this.txLevel;
    if (!this.rxFunction.selected) return 1;
    if (!this.infrared) return this.rxPin.level;
    const light = (this.registers.irReceive & irrctl.UCIRRXPL) !== 0 ? 0 : 1;
    return this.rxPin.level === light ? 0 : 1;
  }

  private onLine(_level: Level): void {
    if (this.held || this.lineLevel === 1) return;
    this.pulseSeen = true;
    if (this.receiving !== undefined) return;
    const clock = baudClock(this.chip, this.registers.control1 >> 6);
    if (clock === undefined) return;
    const { dataBits, parity } = this.format;
    const bits = 1 + dataBits + (parity === 'none' ? 0 : 1) + 1;
    const edges = bitEdges(this.registers.divider, this.registers.modulation, bits);
    this.receiving = { bits: [], edges, origin: clock.ticks(), clock };
    this.updateClockRequest();
    this.awaitSample();
  }

  /** Bits are looked at in their middle. */
  private awaitSample(): void {
    const { bits, edges, origin, clock } = this.receiving!;
    const index = bits.length;
    const middle = (edges[index]! + edges[index + 1]!) >> 1;
    this.rxTimer.at(clock, origin + middle, () => this.sampleBit());
  }

  private sampleBit(): void {
    const frame = this.receiving!;
    // IrDA: a bit is low when its pulse began since the bit before was looked at.
    frame.bits.push(this.infrared ? (this.pulseSeen ? 0 : 1) : this.lineLevel);
    this.pulseSeen = false;
    const glitch = frame.bits.length === 1 && frame.bits[0] === 1;
    if (!glitch && frame.bits.length < frame.edges.length - 1) {
      this.awaitSample();
      return;
    }
    this.receiving = undefined;
    this.updateClockRequest();
    if (!glitch) this.finishFrame(frame.bits);
  }

  /** Errors and buffer after a frame (SLAU144, "Receive Error Conditions"; UCRXEIE and UCBRKIE in "UCAxCTL1"). */
  private finishFrame(bits: readonly Level[]): void {
    const { registers, format } = this;
    const isBreak = bits.every((bit) => bit === 0);
    const value = dataOf(bits, format);
    let errors = 0;
    if (isBreak) errors |= stat.UCBRK;
    else if (bits.at(-1) === 0) errors |= stat.UCFE;
    if (!isBreak && format.parity !== 'none' && bits[1 + format.dataBits] !== parityBit(value, format)) {
      errors |= stat.UCPE;
    }
    if (errors & (stat.UCFE | stat.UCPE) && (registers.control1 & ctl1.UCRXEIE) === 0) return;
    if (isBreak && (registers.control1 & ctl1.UCBRKIE) === 0) {
      registers.status |= stat.UCBRK;
      return;
    }
    if (this.rxUnread) errors |= stat.UCOE;
    registers.status |= errors | (errors ? stat.UCRXERR : 0);
    this.rxBuffer = value;
    this.rxUnread = true;
    this.flags.raise(UCA0RXIFG);
  }

  private readBuffer(): number {
    this.rxUnread = false;
    this.registers.status &= ~(ERROR_BITS | stat.UCRXERR);
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

  putReceivedByte(value: number): void {
    if (this.rxUnread) this.registers.status |= stat.UCOE;
    this.rxBuffer = value;
    this.rxUnread = true;
    this.flags.raise(UCA0RXIFG);
  }

  // ---- both

  private get format(): FrameFormat {
    const { control0 } = this.registers;
    return {
      dataBits: control0 & ctl0.UC7BIT ? 7 : 8,
      parity: control0 & ctl0.UCPEN ? (control0 & ctl0.UCPAR ? 'even' : 'odd') : 'none',
      stopBits: control0 & ctl0.UCSPB ? 2 : 1,
      msbFirst: (control0 & ctl0.UCMSB) !== 0,
    };
  }

  private updateClockRequest(): void {
    this.clockRequest.set((this.sending ?? this.receiving)?.clock);
  }

  private updateInterrupts(): void {
    const { pending } = this.flags;
    this.interrupts.request('A', (pending & UCA0RXIFG) !== 0, (pending & UCA0TXIFG) !== 0);
  }
}

function parityBit(value: number, format: FrameFormat): Level {
  let ones = format.parity === 'odd' ? 1 : 0;
  for (let rest = value; rest !== 0; rest >>= 1) ones += rest & 1;
  return (ones & 1) as Level;
}

/** Start, data, parity and stop bits in the order of the line; a break is low up to its stop bits. */
function frameBits(value: number, format: FrameFormat, isBreak: boolean): Level[] {
  const data: Level[] = [];
  const masked = value & ((1 << format.dataBits) - 1);
  for (let bit = 0; bit < format.dataBits; bit++) data.push(((masked >> bit) & 1) as Level);
  if (format.msbFirst) data.reverse();
  const parity = format.parity === 'none' ? [] : [parityBit(masked, format)];
  const body: Level[] = [0, ...data, ...parity];
  if (isBreak) body.fill(0);
  return [...body, ...new Array<Level>(format.stopBits).fill(1)];
}

function dataOf(bits: readonly Level[], format: FrameFormat): number {
  const data = bits.slice(1, 1 + format.dataBits);
  if (format.msbFirst) data.reverse();
  return data.reduce<number>((value, bit, index) => value | (bit << index), 0);
}
