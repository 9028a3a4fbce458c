/**
 * The sending half of the USCI_A0 UART (SLAU144, "UART Transmit Operation", "Transmitting an Idle Frame", "Transmitting
 * a Break/Synch Field", "IrDA Encoding"): a shift register behind UCA0TXBUF, with what may go before a character: an idle
 * line of 11 bits, or a break of 13 bits and its delimiter.
 *
 * A break outside of automatic baud rate mode has all its bits low, stop bits included; the guide does not say how the
 * line gets back to high before a character that follows: here by one high bit. A pulse of light begins with its bit.
 */

import type { ClockDomain } from '../clock-domain.ts';
import type { Level } from './pin.ts';
import { bitEdges } from './usci-baud.ts';
import { ClockRequest, TickTimer, type UsciChip } from './usci-clock.ts';
import { formatOf, frameBits } from './usci-uart-frame.ts';
import { abctl, ctl0, ctl1, irtctl, type UartRegisters, uartMode } from './usci-uart-registers.ts';

const idleBits = 11;
const breakBits = 13;

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
}

export class UartTransmitter {
  private readonly host: TransmitterHost;
  private readonly chip: UsciChip;
  private readonly timer: TickTimer;
  private readonly clockRequest = new ClockRequest();
  private pulseTimer: TickTimer | undefined;
  private sending:
    | { bits: readonly Level[]; edges: number[]; origin: number; next: number; clock: ClockDomain; lead: boolean }
    | undefined;

  constructor(chip: UsciChip, host: TransmitterHost) {
    this.chip = chip;
    this.host = host;
    this.timer = new TickTimer(chip);
  }

  get busy(): boolean {
    return this.sending !== undefined;
  }

  stop(): void {
    this.timer.cancel();
    this.pulseTimer?.cancel();
    this.sending = undefined;
    this.clockRequest.set(undefined);
  }

  /** UCA0TXBUF was written: a first frame begins with the next edge of BRCLK, others follow without a gap. */
  bufferWritten(): void {
    if (this.sending !== undefined) return;
    const clock = this.host.clock();
    if (clock === undefined) return;
    const origin = clock.ticks() + 1;
    this.sending = { bits: [], edges: [0], origin, next: 0, clock, lead: false };
    this.clockRequest.set(clock);
    this.timer.at(clock, origin, () => this.beginFrame());
  }

  private beginFrame(): void {
    const { control0, control1, autoBaud } = this.host.registers;
    const mode = control0 & ctl0.UCMODE;
    if (mode === uartMode.autoBaud && (control1 & ctl1.UCTXBRK) !== 0) {
      const delimiter = ((autoBaud & abctl.UCDELIM) >> 4) + 1;
      this.shift([...new Array<Level>(breakBits).fill(0), ...new Array<Level>(delimiter).fill(1)], true);
    } else if (mode === uartMode.idleLine && (control1 & ctl1.UCTXADDR) !== 0) {
      this.shift(new Array<Level>(idleBits).fill(1), true);
    } else this.loadCharacter();
  }

  private loadCharacter(): void {
    const { registers, txBuffer } = this.host;
    const { control0, control1 } = registers;
    const bits = frameBits(txBuffer, formatOf(control0), (control1 & ctl1.UCTXADDR) !== 0);
    const isBreak = (control1 & ctl1.UCTXBRK) !== 0 && (control0 & ctl0.UCMODE) !== uartMode.autoBaud;
    registers.control1 = control1 & ~(ctl1.UCTXBRK | ctl1.UCTXADDR);
    this.host.bufferTaken();
    this.shift(isBreak ? [...bits.fill(0), 1] : bits, false);
  }

  private shift(bits: readonly Level[], lead: boolean): void {
    const frame = this.sending!;
    const { divider, modulation } = this.host.registers;
    frame.bits = bits;
    frame.edges = bitEdges(divider, modulation, bits.length);
    frame.next = 0;
    frame.lead = lead;
    this.sendBit();
  }

  private sendBit(): void {
    const frame = this.sending!;
    if (frame.next === frame.bits.length) {
      this.frameSent();
      return;
    }
    const level = frame.bits[frame.next]!;
    this.host.drive(level);
    const infrared = (this.host.registers.irTransmit & irtctl.UCIREN) !== 0;
    if (infrared && level === 0) this.endPulse(frame.clock, frame.origin + frame.edges[frame.next]!);
    // Equal bits that follow change nothing on the line, but each is a pulse of its own with IrDA.
    do frame.next++;
    while (!infrared && frame.next < frame.bits.length && frame.bits[frame.next] === level);
    this.timer.at(frame.clock, frame.origin + frame.edges[frame.next]!, () => this.sendBit());
  }

  private frameSent(): void {
    const frame = this.sending!;
    const clock = this.host.clock();
    if (!frame.lead && (!this.host.transmitPending || clock === undefined)) {
      this.sending = undefined;
      this.clockRequest.set(undefined);
      return;
    }
    frame.origin += frame.edges.at(-1)!;
    if (frame.lead) this.loadCharacter();
    else this.beginFrame();
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
