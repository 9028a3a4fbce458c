/**
 * A USCI in SPI mode (SLAU144, "Universal Serial Communication Interface, SPI Mode"): master and slave, 3 and 4 pins,
 * every clock phase and polarity, 7 or 8 bits, either bit order.
 *
 * The owner (USCI_A0 or USCI_B0) keeps the registers; this shifts. The slave is clocked by its pin alone and so works in
 * LPM4. A slave without a byte to send repeats what its shift register holds. With four pins STE tells slaves when to
 * listen and, the other way round, masters when to keep off: one in the middle of a character gives it up and sets UCFE.
 */

import type { ClockDomain } from '../clock-domain.ts';
import type { Level, Pin, PinFunction, PinUser } from './pin.ts';
import { baudClock, ClockRequest, TickTimer, type UsciChip } from './usci-clock.ts';

/** Bits of UCxCTL0 in SPI mode. */
export const spiControl = {
  UCCKPH: 0x80,
  UCCKPL: 0x40,
  UCMSB: 0x20,
  UC7BIT: 0x10,
  UCMST: 0x08,
  UCMODE: 0x06,
  UCSYNC: 0x01,
} as const;

export interface SpiPins {
  readonly simo: Pin;
  readonly somi: Pin;
  readonly clock: Pin;
  readonly enable: Pin;
}

/** The registers' side. */
export interface SpiPort {
  readonly control0: number;
  readonly control1: number;
  readonly divider: number;
  /** UCLISTEN: the transmitter's bits come back. */
  readonly listening: boolean;
  /** UCxTXBUF holds a byte that was not sent. */
  readonly transmitFull: boolean;
  /** Takes it to the shift register: sets UCTXIFG. */
  takeTransmitByte(): number;
  /** A whole character came. */
  putReceivedByte(value: number): void;
  /** STE took the bus from this master: UCFE. */
  onBusConflict(): void;
}

/** A character on its way. */
interface Shift {
  value: number;
  received: number;
  sent: number;
  sampled: number;
}

export class UsciSpi implements PinUser {
  private readonly chip: UsciChip;
  private readonly port: SpiPort;
  private readonly simo: Line;
  private readonly somi: Line;
  private readonly clock: Line;
  private readonly enable: Line;
  private readonly timer: TickTimer;
  private readonly clockRequest = new ClockRequest();
  private active = false;
  private shift: Shift | undefined;
  /** Slave: a byte waits in the shift register for the master's clock. */
  private loaded: number | undefined;
  private lastValue = 0;

  constructor(chip: UsciChip, pins: SpiPins, port: SpiPort) {
    this.chip = chip;
    this.port = port;
    this.simo = new Line(pins.simo);
    this.somi = new Line(pins.somi);
    this.clock = new Line(pins.clock);
    this.enable = new Line(pins.enable);
    this.timer = new TickTimer(chip);
    pins.clock.follow(this);
    pins.enable.follow(this);
  }

  pinChanged(pin: Pin, level: Level): void {
    if (pin === this.clock.pin) this.onClock(level);
    else if (this.has(spiControl.UCMODE)) this.onEnable();
  }

  /** UCBUSY. */
  get busy(): boolean {
    return this.shift !== undefined;
  }

  /** UCSWRST was cleared with UCSYNC set. */
  start(): void {
    this.active = true;
    this.onEnable();
  }

  /** UCSWRST was set, or the mode left. */
  stop(): void {
    if (!this.active) return;
    this.active = false;
    this.timer.cancel();
    this.shift = undefined;
    this.loaded = undefined;
    this.clockRequest.set(undefined);
    for (const line of [this.simo, this.somi, this.clock]) line.output(undefined);
  }

  /** Software wrote UCxTXBUF. */
  bufferWritten(): void {
    if (!this.active || this.shift !== undefined) return;
    if (this.isMaster) this.beginMaster();
    else this.loadSlave();
  }

  // ---- registers

  private has(bit: number): boolean {
    return (this.port.control0 & bit) !== 0;
  }

  private get isMaster(): boolean {
    return this.has(spiControl.UCMST);
  }

  private get bits(): number {
    return this.has(spiControl.UC7BIT) ? 7 : 8;
  }

  private get idle(): Level {
    return this.has(spiControl.UCCKPL) ? 1 : 0;
  }

  /** STE as UCMODEx reads it (SLAU144, table "UCxSTE Operation"): what enables slaves keeps masters off. Always on with three pins. */
  private get enabled(): boolean {
    const mode = (this.port.control0 & spiControl.UCMODE) >> 1;
    if (mode === 0) return true;
    const slavesEnabled = this.enable.level === (mode === 1 ? 1 : 0);
    return slavesEnabled !== this.isMaster;
  }

  private bitOf(value: number, index: number): Level {
    return ((value >> (this.has(spiControl.UCMSB) ? this.bits - 1 - index : index)) & 1) as Level;
  }

  private onEnable(): void {
    if (!this.active) return;
    if (this.isMaster) this.onMasterEnable(this.enabled);
    else this.onSlaveEnable(this.enabled);
  }

  private onMasterEnable(enabled: boolean): void {
    if (enabled) {
      this.clock.output(this.idle);
      if (this.shift === undefined && this.port.transmitFull) this.beginMaster();
      return;
    }
    this.timer.cancel();
    this.shift = undefined;
    this.clockRequest.set(undefined);
    this.clock.output(undefined);
    this.simo.output(undefined);
    this.port.onBusConflict();
  }

  /** A character that began is halted, not given up. */
  private onSlaveEnable(enabled: boolean): void {
    const { shift } = this;
    if (!enabled) this.somi.output(undefined);
    else if (shift !== undefined) {
      if (shift.sent > 0) this.somi.output(this.bitOf(shift.value, shift.sent - 1));
    } else if (this.loaded === undefined && this.port.transmitFull) this.loadSlave();
    else this.presentFirstBit();
  }

  // ---- both

  private send(shift: Shift): void {
    const output = this.isMaster ? this.simo : this.somi;
    if (shift.sent < this.bits) output.output(this.bitOf(shift.value, shift.sent++));
  }

  /** Samples the input; true when the character is whole. */
  private sample(shift: Shift): boolean {
    const input = this.isMaster ? this.somi : this.simo;
    const level = this.port.listening ? this.bitOf(shift.value, shift.sampled) : input.level;
    const place = this.has(spiControl.UCMSB) ? this.bits - 1 - shift.sampled : shift.sampled;
    shift.received |= level << place;
    shift.sampled++;
    return shift.sampled === this.bits;
  }

  // ---- master

  private beginMaster(origin?: number): void {
    const domain = baudClock(this.chip, this.port.control1 >> 6);
    if (domain === undefined || !this.enabled) return;
    this.clockRequest.set(domain);
    const start = origin ?? domain.ticks() + 1;
    this.shift = { value: this.port.takeTransmitByte(), received: 0, sent: 0, sampled: 0 };
    if (this.has(spiControl.UCCKPH)) this.send(this.shift);
    this.awaitEdge(domain, start, 0);
  }

  private awaitEdge(domain: ClockDomain, origin: number, edge: number): void {
    const divider = Math.max(1, this.port.divider);
    const halves = edge + (this.has(spiControl.UCCKPH) ? 1 : 0);
    this.timer.at(domain, origin + ((halves * divider) >> 1), () => this.masterEdge(domain, origin, edge));
  }

  private masterEdge(domain: ClockDomain, origin: number, edge: number): void {
    const shift = this.shift!;
    const leading = (edge & 1) === 0;
    const sampling = leading === this.has(spiControl.UCCKPH);
    if (sampling) this.sample(shift);
    else this.send(shift);
    this.clock.output(leading === (this.idle === 0) ? 1 : 0);
    if (edge + 1 < 2 * this.bits) {
      this.awaitEdge(domain, origin, edge + 1);
      return;
    }
    this.shift = undefined;
    this.port.putReceivedByte(shift.received);
    if (this.port.transmitFull) this.beginMaster(origin + this.bits * Math.max(1, this.port.divider));
    else this.clockRequest.set(undefined);
  }

  // ---- slave

  private loadSlave(): void {
    if (this.loaded !== undefined) return;
    this.loaded = this.port.takeTransmitByte();
    this.presentFirstBit();
  }

  /** With UCCKPH the first bit is on the line before the first edge. */
  private presentFirstBit(): void {
    if (!this.has(spiControl.UCCKPH) || !this.enabled) return;
    this.somi.output(this.bitOf(this.loaded ?? this.lastValue, 0));
  }

  private onClock(level: Level): void {
    if (!this.active || this.isMaster || !this.clock.connected || !this.enabled) return;
    const leading = level !== this.idle;
    const phase = this.has(spiControl.UCCKPH);
    if (this.shift === undefined) {
      if (!leading) return;
      this.lastValue = this.loaded ?? this.lastValue;
      this.loaded = undefined;
      this.shift = { value: this.lastValue, received: 0, sent: phase ? 1 : 0, sampled: 0 };
    }
    const { shift } = this;
    if (leading !== phase) {
      this.send(shift);
      return;
    }
    if (!this.sample(shift)) return;
    this.shift = undefined;
    this.port.putReceivedByte(shift.received);
    if (this.port.transmitFull) this.loadSlave();
    else this.presentFirstBit();
  }
}

/** A pin as the module drives and sees it (PxSEL = PxSEL2 = 1). */
class Line {
  readonly pin: Pin;
  private readonly fn: PinFunction;

  constructor(pin: Pin) {
    this.pin = pin;
    this.fn = pin.attach(3, 'module');
  }

  get connected(): boolean {
    return this.fn.selected;
  }

  get level(): Level {
    return this.fn.selected ? this.pin.level : 0;
  }

  output(level: Level | undefined): void {
    this.fn.output(level);
  }
}
