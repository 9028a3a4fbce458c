/**
 * The receiving half of the USCI_A0 UART (SLAU144, "UART Receive Operation", "Receive Error Conditions", "Idle-Line
 * Multiprocessor Format", "Address-Bit Multiprocessor Format"). Break/synch fields are usci-uart-auto-baud.ts.
 *
 * A bit is the majority of three looks around its middle. Left out: the deglitch filter of about 150 ns.
 */

import type { ClockDomain } from '../clock-domain.ts';
import type { Scheduler } from '../scheduler.ts';
import type { Level } from './pin.ts';
import { bitEdges, UCOS16 } from './usci-baud.ts';
import { ClockRequest, TickTimer, type UsciChip } from './usci-clock.ts';
import { UartAutoBaud } from './usci-uart-auto-baud.ts';
import { checkedBits, dataOf, type FrameFormat, formatOf, parityBit } from './usci-uart-frame.ts';
import { ctl0, ctl1, irtctl, stat, type UartRegisters, uartMode } from './usci-uart-registers.ts';

/** Marks behind a character that make an idle line. */
const idleBits = 10;

export interface ReceiverHost {
  readonly registers: UartRegisters;
  clock(): ClockDomain | undefined;
  /** What the receiver hears now, IrDA decoded, UCLISTEN heeded. */
  lineLevel(): Level;
  /** A character for UCA0RXBUF, with the error flags that it brings. */
  received(value: number, errors: number): void;
}

interface IncomingFrame {
  readonly format: FrameFormat;
  readonly bits: Level[];
  readonly edges: readonly number[];
  readonly origin: number;
  readonly clock: ClockDomain;
}

export class UartReceiver {
  private readonly host: ReceiverHost;
  private readonly scheduler: Scheduler;
  private readonly timer: TickTimer;
  private readonly clockRequest = new ClockRequest();
  private frame: IncomingFrame | undefined;
  private autoBaud: UartAutoBaud | undefined;
  /** Idle-line format: ten marks came since the last character. */
  private idle = false;
  /** IrDA: a light pulse began since the last bit was looked at. */
  private pulseSeen = false;
  /** When the line changed last, and the time before that, in cycles. */
  private lastChange = Number.NEGATIVE_INFINITY;
  private changeBefore = Number.NEGATIVE_INFINITY;

  constructor(chip: UsciChip, host: ReceiverHost) {
    this.host = host;
    this.scheduler = chip.scheduler;
    this.timer = new TickTimer(chip);
  }

  get busy(): boolean {
    return this.frame !== undefined || this.autoBaud?.active === true;
  }

  stop(): void {
    this.timer.cancel();
    this.frame = undefined;
    this.autoBaud = undefined;
    this.idle = false;
    this.pulseSeen = false;
    this.clockRequest.set(undefined);
  }

  /** UCSWRST was cleared: a line that is idle is noticed. */
  start(): void {
    if (this.mode === uartMode.idleLine && this.host.lineLevel() === 1) this.countIdle(this.host.clock());
  }

  /** The line went to `level`. */
  line(level: Level): void {
    this.changeBefore = this.lastChange;
    this.lastChange = this.scheduler.now;
    if (level === 0) this.pulseSeen = true;
    if (this.frame !== undefined) return;
    const { mode } = this;
    if (mode === uartMode.autoBaud && this.autoBaud?.active === true) this.autoBaud.line(level);
    else if (level === 0) this.startFrame();
    else if (mode === uartMode.idleLine) this.countIdle(this.host.clock());
  }

  private get mode(): number {
    return this.host.registers.control0 & ctl0.UCMODE;
  }

  private startFrame(): void {
    const { host } = this;
    const clock = host.clock();
    if (clock === undefined) return;
    const { control0, divider, modulation } = host.registers;
    const format = formatOf(control0);
    const edges = bitEdges(divider, modulation, checkedBits(format));
    this.frame = { format, bits: [], edges, origin: clock.ticks(), clock };
    this.clockRequest.set(clock);
    this.awaitSample();
  }

  private awaitSample(): void {
    const { bits, edges, origin, clock } = this.frame!;
    this.timer.at(clock, origin + this.lastLook(edges[bits.length]!, edges[bits.length + 1]!), () => this.sampleBit());
  }

  /** The third look at a bit: at 9/16, or half a period of BRCLK behind its middle (SLAU144, "Low-Frequency Baud Rate"). */
  private lastLook(begin: number, end: number): number {
    const { divider, modulation } = this.host.registers;
    return (modulation & UCOS16) !== 0 ? begin + 9 * Math.max(1, divider) : (begin + end + 2) >> 1;
  }

  private sampleBit(): void {
    const frame = this.frame!;
    const infrared = (this.host.registers.irTransmit & irtctl.UCIREN) !== 0;
    // IrDA: a bit is low when its pulse began since the bit before was looked at.
    frame.bits.push(infrared ? (this.pulseSeen ? 0 : 1) : this.majority(frame));
    this.pulseSeen = false;
    const glitch = frame.bits.length === 1 && frame.bits[0] === 1;
    if (!glitch && frame.bits.length < frame.edges.length - 1) {
      this.awaitSample();
      return;
    }
    this.frame = undefined;
    if (glitch) this.afterFrame(frame.clock, frame.clock.ticks());
    else this.finishFrame(frame);
  }

  /** What at least two of three looks saw; only a line that changed just now can have shown them different levels. */
  private majority({ clock }: IncomingFrame): Level {
    const level = this.host.lineLevel();
    const period = clock.frequencyHz === 0 ? 0 : this.scheduler.frequencyHz / clock.frequencyHz;
    const { divider, modulation } = this.host.registers;
    const distance = (modulation & UCOS16) !== 0 ? period * Math.max(1, divider) : period / 2;
    const { now } = this.scheduler;
    if (this.lastChange <= now - 2 * distance) return level;
    let low = 0;
    for (let look = 0; look < 3; look++) if (this.levelAt(now - look * distance, level) === 0) low++;
    return low >= 2 ? 0 : 1;
  }

  /** The line's level at a time in the last few periods. */
  private levelAt(time: number, levelNow: Level): Level {
    const changes = (this.lastChange > time ? 1 : 0) + (this.changeBefore > time ? 1 : 0);
    return changes === 1 ? ((levelNow ^ 1) as Level) : levelNow;
  }

  private finishFrame(frame: IncomingFrame): void {
    const { bits, format } = frame;
    if (bits.every((bit) => bit === 0)) {
      if (this.mode === uartMode.autoBaud) {
        this.awaitBreakEnd(frame);
        return;
      }
      this.receiveBreak();
    } else this.receiveCharacter(bits, format);
    const end = frame.origin + frame.edges.at(-1)!;
    this.afterFrame(frame.clock, format.stopBits === 2 ? end + frame.edges[1]! : end);
  }

  /** UCBRKIE alone makes a break an interrupt (SLAU144, "Break Reception and Generation"). */
  private receiveBreak(): void {
    const { registers } = this.host;
    this.setAddressFlag(this.idle && this.mode === uartMode.idleLine);
    if ((registers.control1 & ctl1.UCBRKIE) !== 0) this.host.received(0, stat.UCBRK);
    else registers.status |= stat.UCBRK;
  }

  /** Errors, addresses and UCDORM (SLAU144, "Receive Error Conditions"; UCRXEIE and UCDORM in "UCAxCTL1"). */
  private receiveCharacter(bits: readonly Level[], format: FrameFormat): void {
    const { control1 } = this.host.registers;
    let errors = bits.at(-1) === 0 ? stat.UCFE : 0;
    if (format.parity !== 'none' && bits.at(-2) !== parityBit(bits, format)) errors |= stat.UCPE;
    const address = format.addressBit ? bits[1 + format.dataBits] === 1 : this.idle;
    if (this.mode === uartMode.idleLine) this.setAddressFlag(address);
    const awaited = address || this.autoBaud?.takeFirst() === true;
    if (errors !== 0 && (control1 & ctl1.UCRXEIE) === 0) return;
    if ((control1 & ctl1.UCDORM) !== 0 && !awaited) return;
    if (format.addressBit) this.setAddressFlag(address);
    this.host.received(dataOf(bits, format), errors);
  }

  /** UCADDR or UCIDLE, the same bit. */
  private setAddressFlag(set: boolean): void {
    const { registers } = this.host;
    registers.status = set ? registers.status | stat.UCADDR : registers.status & ~stat.UCADDR;
  }

  /** A character or a glitch is over; the line is counted as idle from `tick` on. */
  private afterFrame(clock: ClockDomain, tick: number): void {
    const line = this.host.lineLevel();
    if (this.mode !== uartMode.idleLine) this.clockRequest.set(undefined);
    else if (line === 1) this.countIdle(clock, tick);
    else this.clockRequest.set(undefined);
    this.idle = false;
  }

  /** Waits for ten marks; the baud rate generator stays on until then. */
  private countIdle(clock: ClockDomain | undefined, from = clock?.ticks() ?? 0): void {
    if (clock === undefined) return;
    const { divider, modulation } = this.host.registers;
    this.clockRequest.set(clock);
    this.timer.at(clock, from + bitEdges(divider, modulation, idleBits).at(-1)!, () => {
      this.clockRequest.set(undefined);
      this.idle = true;
      this.setAddressFlag(true);
    });
  }

  /** Ten zeros in automatic baud rate mode: a break begins, or a character 0 without a stop bit. */
  private awaitBreakEnd(frame: IncomingFrame): void {
    this.autoBaud ??= new UartAutoBaud(this.timer, this.host, {
      notBreak: () => this.receiveCharacter(frame.bits, frame.format),
      finished: () => this.clockRequest.set(undefined),
    });
    this.autoBaud.begin(frame.clock, frame.origin);
    if (this.host.lineLevel() === 1) this.autoBaud.line(1);
  }
}
