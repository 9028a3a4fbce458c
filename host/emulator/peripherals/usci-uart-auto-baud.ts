/**
 * Automatic baud rate detection of the USCI_A0 UART (SLAU144, "Automatic Baud-Rate Detection"): a break of 11 bits or
 * more, its delimiter, and the synch field 0x55, whose falling edges are eight bits apart.
 *
 * With UCABDEN the distance goes to the baud rate registers: whole periods of a bit to UCBRx, eighths to UCBRSx; when
 * oversampling whole BITCLK16 periods to UCBRx, the rest to UCBRFx, what is less than a period of BRCLK nowhere (the
 * guide does not say how it is rounded). A bit takes 0x7FFF periods at most. Erratum USCI24 is here: when oversampling,
 * 0x0002 is reported as 0x5555. Left out: that silicon cannot send meanwhile. Made only when a break comes.
 */

import type { ClockDomain } from '../clock-domain.ts';
import type { Level } from './pin.ts';
import { bitEdges, UCOS16 } from './usci-baud.ts';
import type { TickTimer } from './usci-clock.ts';
import { abctl, ctl1, stat, type UartRegisters } from './usci-uart-registers.ts';

const breakBits = 11;
const longestBreakBits = 22;
/** Falling edges of a synch field: its start bit and those of 0x55. */
const synchEdges = 5;
const synchBits = 8;
const longestBitPeriods = 0x7fff;

export interface AutoBaudEvents {
  /** The line was low too shortly for a break: it was a character 0 with a framing error. */
  notBreak(): void;
  /** The break/synch field is over. */
  finished(): void;
}

export class UartAutoBaud {
  private readonly timer: TickTimer;
  private readonly host: { readonly registers: UartRegisters; received(value: number, errors: number): void };
  private readonly events: AutoBaudEvents;
  private state: 'none' | 'break' | 'synch' = 'none';
  private clock: ClockDomain | undefined;
  /** Tick at which the break, or the synch field, began. */
  private origin = 0;
  private falls = 0;
  private measured = 0;
  private first = false;

  constructor(timer: TickTimer, host: UartAutoBaud['host'], events: AutoBaudEvents) {
    this.timer = timer;
    this.host = host;
    this.events = events;
  }

  get active(): boolean {
    return this.state !== 'none';
  }

  /** True once after each break/synch field: for the character that UCDORM lets through. */
  takeFirst(): boolean {
    const { first } = this;
    this.first = false;
    return first;
  }

  begin(clock: ClockDomain, origin: number): void {
    this.state = 'break';
    this.clock = clock;
    this.origin = origin;
    this.timer.at(clock, origin + this.bits(longestBreakBits) + 1, () => {
      this.host.registers.autoBaud |= abctl.UCBTOE;
    });
  }

  line(level: Level): void {
    if (this.state === 'break') {
      if (level === 1) this.breakEnded();
    } else if (level === 0) this.synchFell();
    else if (this.falls === synchEdges) this.synchEnded();
  }

  private bits(count: number): number {
    const { divider, modulation } = this.host.registers;
    return bitEdges(divider, modulation, count).at(-1)!;
  }

  private breakEnded(): void {
    this.timer.cancel();
    if (this.clock!.ticks() - this.origin < this.bits(breakBits)) {
      this.end();
      this.events.notBreak();
      return;
    }
    this.state = 'synch';
    this.falls = 0;
  }

  private synchFell(): void {
    const now = this.clock!.ticks();
    this.falls++;
    if (this.falls === 1) {
      this.origin = now;
      this.timer.at(this.clock!, now + synchBits * longestBitPeriods + 1, () => this.timedOut());
    } else if (this.falls === synchEdges) {
      this.timer.cancel();
      this.measured = now - this.origin;
    }
  }

  private timedOut(): void {
    this.host.registers.autoBaud |= abctl.UCSTOE;
    this.end();
  }

  /** The stop bit of the synch field: flags as for a break (SLAU144: UCBRK, and UCAxRXIFG with UCBRKIE). */
  private synchEnded(): void {
    const { registers } = this.host;
    if ((registers.autoBaud & abctl.UCABDEN) !== 0) this.takeRate();
    this.first = true;
    this.end();
    if ((registers.control1 & ctl1.UCBRKIE) !== 0) this.host.received(0, stat.UCBRK);
    else registers.status |= stat.UCBRK;
  }

  private takeRate(): void {
    const { measured } = this;
    const { registers } = this.host;
    const eighths = measured & 7;
    if ((registers.modulation & UCOS16) === 0) {
      registers.divider = measured >> 3;
      registers.modulation = eighths << 1;
    } else {
      const divider = measured >> 7;
      registers.divider = divider === 2 ? 0x5555 : divider;
      registers.modulation = UCOS16 | (((measured >> 3) & 15) << 4);
    }
  }

  private end(): void {
    this.state = 'none';
    this.events.finished();
  }
}
