/**
 * The sending half of the USCI_A0 UART (SLAU144, "UART Transmit Operation", "Transmitting an Idle Frame", "Transmitting
 * a Break/Synch Field", "IrDA Encoding"): a shift register behind UCA0TXBUF, with what may go before a character: an idle
 * line of 11 bits, or a break of 13 bits and its delimiter.
 *
 * A break outside of automatic baud rate mode has all its bits low, stop bits included; the guide does not say how the
 * line gets back to high before a character that follows: here by one high bit. A pulse of light begins with its bit.
 *
 * While nobody listens to the line's edges a frame is one event, at its end; its edges are made up for when somebody asks
 * (see LateDriver).
 */

import type { ClockDomain, EarlyClockUser } from '../clock-domain.ts';
import { ClockLine } from '../clock-line.ts';
import type { LateDriver, LateFrame, Level } from './pin.ts';
import { sharedBitEdges } from './usci-baud.ts';
import { ClockRequest, type TickOwner, TickTimer, type UsciChip } from './usci-clock.ts';
import { formatOf, frameBits } from './usci-uart-frame.ts';
import { abctl, ctl0, ctl1, irtctl, type UartRegisters, uartMode } from './usci-uart-registers.ts';

const idleBits = 11;
const breakBits = 13;
/** What makes a character something else than a start bit, eight data bits from the lowest on, and a stop bit. */
const otherFormats = ctl0.UCPEN | ctl0.UCMSB | ctl0.UC7BIT | ctl0.UCSPB | ctl0.UCMODE;
const plainLength = 10;
const plainStopBit = 1 << 9;
const noEdges: readonly number[] = [];
const noClocks: readonly ClockLine[] = [];

export interface TransmitterHost {
  readonly registers: UartRegisters;
  /** The character to send next. */
  readonly txBuffer: number;
  /** True when UCA0TXBUF holds a character that was not sent yet. */
  readonly transmitPending: boolean;
  clock(): ClockDomain | undefined;
  /** The character moved to the shift register. */
  bufferTaken(): void;
  /** The level of the line changed, before IrDA encoding. */
  drive(level: Level): void;
  /** True while nobody needs the line's edges at their times. */
  mayDriveLate(): boolean;
  /** The pin is driven late from now on, by frames, or no longer. */
  lag(driver: LateDriver | undefined): void;
  /** The level of the line changed at a time in seconds. */
  driveLate(level: Level, seconds: number): void;
  /** A whole frame passed on a high line; false: its edges are wanted. */
  driveFrame(frame: LateFrame): boolean;
}

export class UartTransmitter implements TickOwner, LateDriver, LateFrame, EarlyClockUser {
  private readonly host: TransmitterHost;
  private readonly chip: UsciChip;
  private readonly timer: TickTimer;
  private readonly clockRequest = new ClockRequest();
  private pulseTimer: TickTimer | undefined = undefined;
  /** BRCLK of the frame that is on its way; undefined: none. */
  private clock: ClockDomain | undefined = undefined;
  /** Its bits in the order of the line, the first lowest, and how many. */
  bits = 0;
  length = 0;
  /** When they begin, in ticks from `origin`. */
  edges: readonly number[] = noEdges;
  private origin = 0;
  /** The first bit that is not on the line yet. */
  private next = 0;
  /** The frame goes before a character. */
  private lead = false;
  /** Its edges are driven late. */
  private late = false;
  /** Clocks that say so before they change. */
  private early: readonly ClockLine[] = noClocks;

  constructor(chip: UsciChip, host: TransmitterHost) {
    this.chip = chip;
    this.host = host;
    this.timer = new TickTimer(chip, this);
  }

  get busy(): boolean {
    return this.clock !== undefined;
  }

  stop(): void {
    if (this.late) this.endLate();
    this.timer.cancel();
    this.pulseTimer?.cancel();
    this.clock = undefined;
    this.length = 0;
    this.clockRequest.set(undefined);
  }

  /** UCA0TXBUF was written: a first frame begins with the next edge of BRCLK, others follow without a gap. */
  bufferWritten(): void {
    if (this.clock !== undefined) return;
    const clock = this.host.clock();
    if (clock === undefined) return;
    this.clock = clock;
    this.origin = clock.ticks() + 1;
    this.length = 0;
    this.clockRequest.set(clock);
    this.timer.at(clock, this.origin);
  }

  onTick(): void {
    if (this.length === 0) this.beginFrame();
    else if (this.late) {
      if (this.next !== 0 || !this.driveFrame()) this.catchUp();
      this.frameSent();
    } else this.sendBit();
  }

  private beginFrame(): void {
    const { control0, control1, autoBaud } = this.host.registers;
    const mode = control0 & ctl0.UCMODE;
    if (mode === uartMode.autoBaud && (control1 & ctl1.UCTXBRK) !== 0) {
      const delimiter = ((autoBaud & abctl.UCDELIM) >> 4) + 1;
      this.shift(ones(delimiter) << breakBits, breakBits + delimiter, true);
    } else if (mode === uartMode.idleLine && (control1 & ctl1.UCTXADDR) !== 0) {
      this.shift(ones(idleBits), idleBits, true);
    } else this.loadCharacter();
  }

  private loadCharacter(): void {
    const { registers, txBuffer } = this.host;
    const { control0, control1 } = registers;
    const address = (control1 & ctl1.UCTXADDR) !== 0;
    const isBreak = (control1 & ctl1.UCTXBRK) !== 0 && (control0 & ctl0.UCMODE) !== uartMode.autoBaud;
    registers.control1 = control1 & ~(ctl1.UCTXBRK | ctl1.UCTXADDR);
    this.host.bufferTaken();
    if ((control0 & otherFormats) === 0 && !isBreak) {
      this.shift(((txBuffer & 0xff) << 1) | plainStopBit, plainLength, false);
      return;
    }
    const bits = frameBits(txBuffer, formatOf(control0), address);
    const { length } = bits;
    if (isBreak) this.shift(1 << length, length + 1, false);
    else this.shift(wordOf(bits), length, false);
  }

  /** @param bits the first lowest */
  private shift(bits: number, length: number, lead: boolean): void {
    const { registers } = this.host;
    const clock = this.clock!;
    const late = clock instanceof ClockLine && this.host.mayDriveLate();
    if (late && !this.late) this.beginLate(clock);
    else if (!late && this.late) this.endLate();
    this.bits = bits;
    this.length = length;
    this.edges = sharedBitEdges(registers.divider, registers.modulation);
    this.next = 0;
    this.lead = lead;
    if (late) this.timer.at(clock, this.origin + this.edges[length]!);
    else this.sendBit();
  }

  private levelOf(bit: number): Level {
    return ((this.bits >> bit) & 1) as Level;
  }

  private get infrared(): boolean {
    return (this.host.registers.irTransmit & irtctl.UCIREN) !== 0;
  }

  private sendBit(): void {
    if (this.next === this.length) {
      this.frameSent();
      return;
    }
    const clock = this.clock!;
    const level = this.levelOf(this.next);
    const { infrared } = this;
    this.host.drive(level);
    if (infrared && level === 0) this.endPulse(clock, this.origin + this.edges[this.next]!);
    // Equal bits that follow change nothing on the line, but each is a pulse of its own with IrDA.
    do this.next++;
    while (!infrared && this.next < this.length && this.levelOf(this.next) === level);
    this.timer.at(clock, this.origin + this.edges[this.next]!);
  }

  private frameSent(): void {
    const clock = this.host.clock();
    if (!this.lead && (!this.host.transmitPending || clock === undefined)) {
      this.clock = undefined;
      this.clockRequest.set(undefined);
      return;
    }
    this.origin += this.edges[this.length]!;
    if (this.lead) this.loadCharacter();
    else this.beginFrame();
  }

  // ---- late edges

  get clockHz(): number {
    return this.clock?.frequencyHz ?? 0;
  }

  frameSeconds(): number {
    return this.chip.scheduler.seconds(this.clock!.timeOfTick(this.origin));
  }

  /** No edge of the frame was driven, and so its clock did not change meanwhile. */
  private driveFrame(): boolean {
    if (this.levelOf(0) !== 0 || this.levelOf(this.length - 1) !== 1 || !this.host.driveFrame(this)) return false;
    this.next = this.length;
    return true;
  }

  catchUp(): void {
    const { clock } = this;
    if (!this.late || clock === undefined || this.next >= this.length) return;
    const now = clock.ticks();
    while (this.next < this.length) {
      const tick = this.origin + this.edges[this.next]!;
      if (tick > now) return;
      const level = this.levelOf(this.next);
      const isEdge = this.next === 0 || level !== this.levelOf(this.next - 1);
      this.next++;
      if (isEdge) this.host.driveLate(level, this.chip.scheduler.seconds(clock.timeOfTick(tick)));
    }
  }

  keepUp(): void {
    if (!this.late) return;
    this.endLate();
    if (this.clock === undefined || this.length === 0) return;
    // Nothing happens on the line before a bit that differs.
    while (this.next > 0 && this.next < this.length && this.levelOf(this.next) === this.levelOf(this.next - 1)) {
      this.next++;
    }
    this.timer.at(this.clock, this.origin + this.edges[this.next]!);
  }

  clockChanging(): void {
    this.catchUp();
  }

  private beginLate(clock: ClockLine): void {
    this.late = true;
    this.host.lag(this);
    if (this.early.includes(clock)) return;
    this.early = this.early.concat(clock);
    clock.followEarly(this);
  }

  private endLate(): void {
    this.catchUp();
    this.late = false;
    this.host.lag(undefined);
  }

  /** The pulse of a low bit ends after UCIRTXPLx + 1 half periods of BRCLK or BITCLK16 (SLAU144, "IrDA Encoding"). */
  private endPulse(clock: ClockDomain, begin: number): void {
    const { irTransmit, divider, modulation } = this.host.registers;
    const bitClock16 = (irTransmit & irtctl.UCIRTXCLK) !== 0 && (modulation & 1) !== 0;
    const halves = (irTransmit >> 2) + 1;
    const ticks = Math.max(1, Math.round((halves * (bitClock16 ? Math.max(1, divider) : 1)) / 2));
    this.pulseTimer ??= new TickTimer(this.chip);
    this.pulseTimer.at(clock, begin + ticks, () => this.host.drive(1));
  }
}

function ones(count: number): number {
  return (1 << count) - 1;
}

function wordOf(bits: readonly Level[]): number {
  return bits.reduce<number>((word, bit, index) => word | (bit << index), 0);
}
