/**
 * An emulated BLE module on the UART of an emulated board: what a person would solder to P1.1 and P1.2.
 *
 * Its time is the board's, so a board that stands still has a module that stands still, and a scripted radio makes a run
 * that repeats exactly. Three things connect it: the UART (bytes at the module's own rate: at another than the
 * firmware's both sides read garbage, bit by bit), the state pin, and the radio. Without flow control on the UART the
 * policy is: bytes for the air that find their buffer full are lost, newest first; bytes while nobody listens are lost;
 * writes without response that find the UART's buffer full are lost whole; writes with response wait. All are counted.
 */

import type { ScheduledEvent, Scheduler, UartPeer } from '../emulator/index.ts';
import { AirBuffer } from './air-buffer.ts';
import type { Dialect, DialectFactory, ModuleControl } from './dialect.ts';
import { hm10Dialect } from './hm10.ts';
import { type BridgeKind, type Personality, personalities } from './personality.ts';
import type { BridgeRadio, BridgeRadioEvents } from './radio.ts';
import { rn487xDialect } from './rn487x.ts';

/** What the module is soldered to: a Board has this shape. */
export interface BridgedBoard {
  readonly uart: UartPeer;
  readonly mcu: { readonly scheduler: Scheduler };
  /** Level of the state pin; undefined: it floats. */
  setBridge(connected: boolean | undefined): void;
}

export interface BridgeOptions {
  readonly kind: BridgeKind;
  readonly board: BridgedBoard;
  /** The radio, told whom to report to; opened before, because that takes time. */
  readonly radio: (events: BridgeRadioEvents) => BridgeRadio;
  /** Name of a module that was set up before; without one the factory's. */
  readonly name?: string;
  /** Something came from outside: whoever paces the board may want to run it now. */
  readonly wake?: () => void;
}

export interface BridgeCounters {
  /** Bytes that the board sent while somebody listened. */
  fromBoard: number;
  /** Notifications, and the bytes in them. */
  notifications: number;
  notifiedBytes: number;
  /** Bytes that the air was too slow for. */
  lostToAir: number;
  /** Bytes that the board sent while nobody listened. */
  unheard: number;
  /** Bytes that came over the air and went to the board. */
  toBoard: number;
  /** Bytes that came over the air too fast for the UART. */
  lostToBoard: number;
  connections: number;
}

/** ATT_MTU 23 less the header of a notification. */
const SMALLEST_ROOM = 20;
/** The radio had no room: asked again after this. */
const RETRY_SECONDS = 0.005;
const BLINK_SECONDS = 0.5;
/** From a restart command to the module being back. */
const RESTART_SECONDS = 0.5;

const dialects: Readonly<Record<BridgeKind, DialectFactory>> = {
  nus: () => ({}),
  rn487x: rn487xDialect,
  hm10: hm10Dialect,
};

export class BridgeModule implements BridgeRadioEvents {
  readonly personality: Personality;
  readonly counters: BridgeCounters = {
    fromBoard: 0,
    notifications: 0,
    notifiedBytes: 0,
    lostToAir: 0,
    unheard: 0,
    toBoard: 0,
    lostToBoard: 0,
    connections: 0,
  };
  /** Somebody connected or left: for whoever shows it. */
  onConnection: (peer: string | undefined) => void = () => {};

  private readonly board: BridgedBoard;
  private readonly radio: BridgeRadio;
  private readonly wake: () => void;
  private readonly dialect: Dialect;
  private readonly air: AirBuffer;
  private moduleName: string;
  private peer: string | undefined;
  private listening = false;
  private running = true;
  private lastByteAt = Number.NEGATIVE_INFINITY;
  private idleTimer: ScheduledEvent | undefined;
  private retryTimer: ScheduledEvent | undefined;
  private blinkTimer: ScheduledEvent | undefined;
  private blinkLevel = false;
  /** The packet that is being collected began after a pause. */
  private packetAlone = true;
  private readonly held: { readonly bytes: Uint8Array; readonly taken: () => void }[] = [];

  constructor({ kind, board, radio, name, wake = () => {} }: BridgeOptions) {
    this.personality = personalities[kind];
    this.board = board;
    this.wake = wake;
    this.moduleName = name ?? this.personality.factoryName ?? kind;
    this.air = new AirBuffer(this.personality.airBufferBytes, SMALLEST_ROOM);
    this.radio = radio(this);
    this.dialect = dialects[kind](this.control());
    board.uart.onByte = (byte) => this.onByte(byte);
    this.updateStatePin();
    this.radio.advertise(this.moduleName);
    this.dialect.started?.(false);
  }

  /** The name under which it advertises. */
  get name(): string {
    return this.moduleName;
  }

  get address(): string {
    return this.radio.address;
  }

  /** Address of the central; undefined while nobody is connected. */
  get connectedTo(): string | undefined {
    return this.peer;
  }

  /** Takes the module off the board. */
  async close(): Promise<void> {
    this.running = false;
    const { scheduler } = this.board.mcu;
    for (const timer of [this.idleTimer, this.retryTimer, this.blinkTimer]) scheduler.cancel(timer);
    this.board.uart.onByte = () => {};
    this.board.setBridge(undefined);
    await this.radio.close();
  }

  // ---- from the radio

  onConnected(peer: string): void {
    this.peer = peer;
    this.counters.connections++;
    this.air.clear();
    this.air.setRoom(SMALLEST_ROOM);
    this.packetAlone = true;
    if (!this.running) return;
    this.dialect.connected?.();
    this.updateStatePin();
    this.onConnection(peer);
    this.wake();
  }

  onDisconnected(): void {
    if (this.peer === undefined) return;
    this.peer = undefined;
    this.listening = false;
    this.counters.unheard += this.air.clear();
    this.held.length = 0;
    if (this.running) this.dialect.disconnected?.();
    this.updateStatePin();
    this.onConnection(undefined);
    this.wake();
  }

  onSubscribed(room: number): void {
    this.listening = true;
    this.air.setRoom(this.cap(room));
    this.dialect.subscribed?.();
    this.updateStatePin();
    this.wake();
  }

  onUnsubscribed(): void {
    this.listening = false;
    this.counters.unheard += this.air.clear();
    this.updateStatePin();
    this.wake();
  }

  onRoom(room: number): void {
    this.air.setRoom(this.cap(room));
  }

  onWritten(bytes: Uint8Array, taken?: () => void): void {
    if (!this.running) {
      this.counters.lostToBoard += bytes.length;
      taken?.();
    } else if (this.held.length === 0 && this.hasRoom(bytes)) {
      this.toBoard(bytes);
      taken?.();
    } else if (taken !== undefined) this.held.push({ bytes, taken });
    else this.counters.lostToBoard += bytes.length;
  }

  private cap(room: number): number {
    return Math.max(SMALLEST_ROOM, Math.min(room, this.personality.maxMtu - 3));
  }

  private hasRoom(bytes: Uint8Array): boolean {
    return this.board.uart.waiting + bytes.length <= this.personality.uartBufferBytes;
  }

  private toBoard(bytes: Uint8Array): void {
    this.counters.toBoard += bytes.length;
    this.board.uart.send(bytes, () => this.takeHeld());
    this.wake();
  }

  /** The UART has room again: what waited goes on, one after the other. */
  private takeHeld(): void {
    const head = this.held[0];
    if (head === undefined || !this.hasRoom(head.bytes)) return;
    this.held.shift();
    this.toBoard(head.bytes);
    head.taken();
  }

  // ---- from the board

  private onByte(byte: number): void {
    if (!this.running) {
      this.counters.unheard++;
      return;
    }
    this.lastByteAt = this.seconds;
    this.idleTimer ??= this.after(this.personality.idleSeconds, () => this.lookForIdle());
    if (this.dialect.byte?.(byte)) return;
    this.data(byte);
  }

  private data(byte: number): void {
    if (!this.listening) {
      this.counters.unheard++;
      return;
    }
    this.counters.fromBoard++;
    if (this.air.push(byte)) {
      if (this.air.collecting === 0) this.packetAlone = false;
    } else this.counters.lostToAir++;
    this.transmit();
  }

  /** One timer for all bytes: when it ends it sees whether others came meanwhile. */
  private lookForIdle(): void {
    this.idleTimer = undefined;
    const left = this.lastByteAt + this.personality.idleSeconds - this.seconds;
    if (left > 1e-6) {
      this.idleTimer = this.after(left, () => this.lookForIdle());
      return;
    }
    this.dialect.idle?.();
    const alone = this.packetAlone && this.air.waiting === this.air.collecting;
    this.air.close();
    this.packetAlone = true;
    const packet = alone ? this.air.first() : undefined;
    if (packet !== undefined && this.dialect.alone?.(packet)) this.air.shift();
    this.transmit();
  }

  private transmit(): void {
    if (!this.listening) return;
    for (let packet = this.air.first(); packet !== undefined; packet = this.air.first()) {
      if (!this.radio.notify(packet)) {
        this.retryTimer ??= this.after(RETRY_SECONDS, () => {
          this.retryTimer = undefined;
          this.transmit();
        });
        return;
      }
      this.counters.notifications++;
      this.counters.notifiedBytes += packet.length;
      this.air.shift();
    }
  }

  // ---- state pin

  private updateStatePin(): void {
    const { board } = this;
    board.mcu.scheduler.cancel(this.blinkTimer);
    this.blinkTimer = undefined;
    const connected = this.peer !== undefined && (this.listening || this.personality.connectedWhen === 'connected');
    board.setBridge(connected);
    this.blinkLevel = connected;
    if (!connected && this.running && this.dialect.blinks) this.blink();
  }

  private blink(): void {
    this.blinkTimer = this.after(BLINK_SECONDS, () => {
      this.blinkLevel = !this.blinkLevel;
      this.board.setBridge(this.blinkLevel);
      this.blink();
    });
  }

  // ---- for the dialect

  private control(): ModuleControl {
    const bare = (address: string) => address.replaceAll(':', '').toUpperCase();
    const module = this;
    return {
      get address() {
        return bare(module.radio.address);
      },
      get connected() {
        return module.peer !== undefined;
      },
      get peer() {
        return bare(module.peer ?? '');
      },
      get name() {
        return module.moduleName;
      },
      get baud() {
        return module.board.uart.baud;
      },
      get seconds() {
        return module.seconds;
      },
      say: (text, said) => this.say(text, said),
      data: (byte) => this.data(byte),
      disconnect: () => this.radio.disconnect(),
      restart: (settings) => this.restart(settings),
      updateStatePin: () => this.updateStatePin(),
    };
  }

  private say(text: string, said?: () => void): void {
    this.board.uart.send(new TextEncoder().encode(text), said);
    this.wake();
  }

  private restart({ name, baud }: { readonly name?: string; readonly baud?: number }): void {
    this.running = false;
    this.radio.advertise(undefined);
    if (this.peer !== undefined) this.radio.disconnect();
    this.updateStatePin();
    this.after(RESTART_SECONDS, () => {
      this.running = true;
      if (baud !== undefined) this.board.uart.baud = baud;
      if (name !== undefined) this.moduleName = name;
      this.radio.advertise(this.moduleName);
      this.updateStatePin();
      this.dialect.started?.(true);
    });
  }

  private get seconds(): number {
    return this.board.mcu.scheduler.seconds();
  }

  /** Never within this cycle: who asks again until its time has come would ask forever. */
  private after(seconds: number, run: () => void): ScheduledEvent {
    const { scheduler } = this.board.mcu;
    return scheduler.after(Math.max(1, scheduler.cycles(seconds)), run);
  }
}
