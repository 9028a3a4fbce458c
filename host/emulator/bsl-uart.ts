/**
 * One end of an asynchronous serial line with even parity (8E1), as the bootstrap loader speaks (SLAU319 "UART
 * Protocol"): both the loader's own software UART and the adapter at the other end are made of it.
 *
 * It works on levels and edges, so wrong rates and wrong parity do what they do on a real line. Receiving is always in
 * the middle of a bit; a byte with wrong parity or a low stop bit is told as `undefined`.
 */

import { EarlError } from '../../errors/index.ts';
import type { Level, Pin } from './peripherals/pin.ts';
import type { ScheduledEvent, Scheduler } from './scheduler.ts';

/** Start bit, 8 data bits, parity, stop bit. */
const BITS_PER_FRAME = 11;
const STOP_BIT = 10;
const QUEUE_LIMIT = 65_536;

export interface BslUartPins {
  /** Where it listens. */
  readonly input: Pin;
  /** How it drives its output. */
  drive(level: Level): void;
}

export class BslUart {
  /** A byte came; `undefined` when its parity or stop bit was wrong. */
  onByte: (byte: number | undefined) => void = () => {};
  /** Called when nothing more waits to be sent and the last stop bit is over. */
  onIdle: () => void = () => {};
  baud: number;

  private readonly scheduler: Scheduler;
  private readonly pins: BslUartPins;
  private readonly stopListening: () => void;
  private queue: number[] = [];
  private sending: { byte: number; startedAt: number; bit: number } | undefined;
  private receiving: { startedAt: number; bits: number; index: number } | undefined;
  private readonly pending = new Set<ScheduledEvent>();

  constructor(scheduler: Scheduler, pins: BslUartPins, baud: number) {
    this.scheduler = scheduler;
    this.pins = pins;
    this.baud = baud;
    this.stopListening = pins.input.onChange((level) => this.edge(level));
  }

  get waiting(): number {
    return this.queue.length + (this.sending ? 1 : 0);
  }

  /** Sends bytes after those that wait. Throws `UART_QUEUE_FULL`, and takes none, beyond 64 KiB. */
  send(bytes: Uint8Array): void {
    if (this.queue.length + bytes.length > QUEUE_LIMIT) {
      throw new EarlError('UART_QUEUE_FULL', `more than ${QUEUE_LIMIT} bytes would wait: send slower`);
    }
    this.queue.push(...bytes);
    if (this.sending === undefined) this.nextByte(this.scheduler.seconds());
  }

  /** Forgets what waits to be sent; the byte on the line is finished. */
  discard(): void {
    this.queue = [];
  }

  /** Switches it off for good: no events are left behind. */
  stop(): void {
    this.stopListening();
    this.queue = [];
    for (const event of this.pending) this.scheduler.cancel(event);
    this.pending.clear();
  }

  private nextByte(startedAt: number): void {
    const byte = this.queue.shift();
    if (byte === undefined) {
      this.sending = undefined;
      this.onIdle();
      return;
    }
    this.sending = { byte, startedAt, bit: 0 };
    this.sendBit();
  }

  private sendBit(): void {
    const frame = this.sending!;
    if (frame.bit === BITS_PER_FRAME) {
      this.nextByte(frame.startedAt + BITS_PER_FRAME / this.baud);
      return;
    }
    this.pins.drive(frameLevel(frame.byte, frame.bit++));
    this.at(frame.startedAt + frame.bit / this.baud, () => this.sendBit());
  }

  private edge(level: Level): void {
    if (level === 1 || this.receiving !== undefined) return;
    this.receiving = { startedAt: this.scheduler.seconds(), bits: 0, index: 0 };
    this.awaitSample();
  }

  private awaitSample(): void {
    const frame = this.receiving!;
    this.at(frame.startedAt + (frame.index + 0.5) / this.baud, () => this.sample());
  }

  private sample(): void {
    const frame = this.receiving!;
    const { level } = this.pins.input;
    if (frame.index === 0 && level === 1) {
      this.receiving = undefined; // a spike
      return;
    }
    frame.bits |= level << frame.index;
    if (frame.index < STOP_BIT) {
      frame.index++;
      this.awaitSample();
      return;
    }
    this.receiving = undefined;
    const byte = (frame.bits >> 1) & 0xff;
    const good = level === 1 && ((frame.bits >> 9) & 1) === parityOf(byte);
    this.onByte(good ? byte : undefined);
  }

  private at(seconds: number, run: () => void): void {
    const { scheduler } = this;
    const event = scheduler.after(scheduler.cycles(Math.max(0, seconds - scheduler.seconds())), () => {
      this.pending.delete(event);
      run();
    });
    this.pending.add(event);
  }
}

/** Even parity: makes the number of ones even. */
function parityOf(byte: number): Level {
  let bits = byte;
  bits ^= bits >> 4;
  bits ^= bits >> 2;
  bits ^= bits >> 1;
  return (bits & 1) as Level;
}

/** Level of a bit of an 8E1 frame: 0 is the start bit, 9 the parity bit, 10 the stop bit. */
function frameLevel(byte: number, bit: number): Level {
  if (bit === 0) return 0;
  if (bit === STOP_BIT) return 1;
  return bit === 9 ? parityOf(byte) : (((byte >> (bit - 1)) & 1) as Level);
}
