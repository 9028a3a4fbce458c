/**
 * The other end of the serial line: a UART with its own clock and baud rate, as the LaunchPad's USB side or a radio
 * module has (8N1).
 *
 * It drives the chip's RXD and listens to its TXD bit by bit, so a host at the wrong rate gets, and causes, framing
 * errors. Bytes to send wait in a queue of `queueLimit`; a byte takes ten bit times whatever the chip does.
 */

import { EarlError } from '../../../errors/index.ts';
import type { Level, Pin } from '../peripherals/pin.ts';
import type { Scheduler } from '../scheduler.ts';
import { seededRandom } from '../world.ts';

const BITS_PER_FRAME = 10;
const STOP_BIT = 9;

export interface UartPeerOptions {
  /** Default 9600. */
  readonly baud?: number;
  /** Most bytes that wait to be sent. Default 65536. */
  readonly queueLimit?: number;
}

/** A line on which bits flip, independently of each other: each of the ten of a frame, in either direction. */
export interface UartNoise {
  /** Probability 0..1. */
  readonly bitErrorRate: number;
  /** Same seed, same errors. */
  readonly seed: number;
}

interface QueuedBytes {
  readonly bytes: Uint8Array;
  next: number;
  readonly sent: (() => void) | undefined;
}

/** What the chip's UART is connected to. */
export class UartPeer {
  readonly queueLimit: number;
  /** Called for each byte that the chip sent, when its stop bit was seen. */
  onByte: (byte: number) => void = () => {};
  /** Bytes were queued for the chip: whoever paces the board may want to run it now. */
  onQueued: () => void = () => {};
  /** For traces: each byte that the chip sent, before `onByte`. */
  onTransmitted: (byte: number) => void = () => {};
  /** For traces: each byte sent to the chip, when its stop bit began. */
  onSent: (byte: number) => void = () => {};
  /** Frames from the chip whose stop bit was low. */
  framingErrors = 0;
  /** Bits that noise flipped, both ways. */
  bitErrors = 0;

  private readonly scheduler: Scheduler;
  private readonly toChip: Pin;
  private readonly fromChip: Pin;
  private rate: number;
  private readonly queue: QueuedBytes[] = [];
  private queued = 0;
  private sending: { byte: number; flips: number; startedAt: number; bit: number } | undefined;
  private noise: { readonly rate: number; readonly random: () => number } | undefined;
  private receiving: { startedAt: number; bits: number; index: number } | undefined;

  /**
   * @param toChip pin of the chip's RXD
   * @param fromChip pin of the chip's TXD
   */
  constructor(scheduler: Scheduler, toChip: Pin, fromChip: Pin, options: UartPeerOptions = {}) {
    this.scheduler = scheduler;
    this.toChip = toChip;
    this.fromChip = fromChip;
    this.rate = checkedBaud(options.baud ?? 9600);
    this.queueLimit = options.queueLimit ?? 65536;
    toChip.drive(1);
    fromChip.pull(1);
    fromChip.onChange((level) => this.onLine(level));
  }

  /** Makes the line noisy from the next byte on, or quiet again. */
  setNoise(noise: UartNoise | undefined): void {
    this.noise = noise && { rate: noise.bitErrorRate, random: seededRandom(noise.seed) };
  }

  get baud(): number {
    return this.rate;
  }

  /** Changes the rate from the next byte on. */
  set baud(baud: number) {
    this.rate = checkedBaud(baud);
  }

  /** Bytes that wait, the one on the line included. */
  get waiting(): number {
    return this.queued + (this.sending ? 1 : 0);
  }

  /**
   * Sends bytes after those that wait; `sent` is called when the last one's stop bit is on the line.
   * Throws `UART_QUEUE_FULL`, and takes none of them, when more than `queueLimit` would wait.
   */
  send(bytes: Uint8Array, sent?: () => void): void {
    if (this.queued + bytes.length > this.queueLimit) {
      throw new EarlError('UART_QUEUE_FULL', `more than ${this.queueLimit} bytes would wait: send slower`);
    }
    if (bytes.length === 0) {
      sent?.();
      return;
    }
    this.queue.push({ bytes, next: 0, sent });
    this.queued += bytes.length;
    if (this.sending === undefined) this.nextByte(this.scheduler.seconds());
    this.onQueued();
  }

  /** Forgets what waits; the byte on the line is finished. Its `sent` callbacks are not called. */
  discard(): void {
    this.queue.length = 0;
    this.queued = 0;
  }

  // ---- towards the chip

  private nextByte(startedAt: number): void {
    const head = this.queue[0];
    if (head === undefined) {
      this.sending = undefined;
      return;
    }
    const byte = head.bytes[head.next++]!;
    this.queued--;
    this.sending = { byte, flips: this.flips(BITS_PER_FRAME), startedAt, bit: 0 };
    this.sendBit();
  }

  private sendBit(): void {
    const frame = this.sending!;
    const level = frameLevel(frame, frame.bit);
    this.toChip.drive(level);
    if (frame.bit === STOP_BIT) this.finishQueued(frame.byte);
    do frame.bit++;
    while (frame.bit < STOP_BIT && frameLevel(frame, frame.bit) === level);
    const due = frame.startedAt + frame.bit / this.rate;
    this.at(due, () => (frame.bit === BITS_PER_FRAME ? this.nextByte(due) : this.sendBit()));
  }

  private finishQueued(byte: number): void {
    this.onSent(byte);
    const head = this.queue[0];
    if (head === undefined || head.next < head.bytes.length) return;
    this.queue.shift();
    head.sent?.();
  }

  // ---- from the chip

  private onLine(level: Level): void {
    if (level === 1 || this.receiving !== undefined) return;
    this.receiving = { startedAt: this.scheduler.seconds(), bits: 0, index: 0 };
    this.awaitSample();
  }

  private awaitSample(): void {
    const frame = this.receiving!;
    this.at(frame.startedAt + (frame.index + 0.5) / this.rate, () => this.sample());
  }

  private sample(): void {
    const frame = this.receiving!;
    const level: Level = this.flips(1) === 0 ? this.fromChip.level : this.fromChip.level === 0 ? 1 : 0;
    if (frame.index === 0 && level === 1) {
      this.receiving = undefined;
      return;
    }
    frame.bits |= level << frame.index;
    if (frame.index < STOP_BIT) {
      frame.index++;
      this.awaitSample();
      return;
    }
    this.receiving = undefined;
    if (level === 0) {
      this.framingErrors++;
      return;
    }
    const byte = (frame.bits >> 1) & 0xff;
    this.onTransmitted(byte);
    this.onByte(byte);
  }

  /** A bit for each of `count` bits that noise flips. */
  private flips(count: number): number {
    const { noise } = this;
    if (noise === undefined) return 0;
    let flips = 0;
    for (let bit = 0; bit < count; bit++) {
      if (noise.random() >= noise.rate) continue;
      flips |= 1 << bit;
      this.bitErrors++;
    }
    return flips;
  }

  private at(seconds: number, run: () => void): void {
    this.scheduler.after(this.scheduler.cycles(seconds - this.scheduler.seconds()), run);
  }
}

/** Level of a bit of an 8N1 frame: 0 is the start bit, 9 the stop bit. */
function frameLevel({ byte, flips }: { readonly byte: number; readonly flips: number }, bit: number): Level {
  return ((((byte << 1) | 0x200) ^ flips) >> bit) & 1 ? 1 : 0;
}

function checkedBaud(baud: number): number {
  if (baud >= 50 && baud <= 1_000_000) return baud;
  throw new EarlError('USAGE', `baud rate ${baud} is not between 50 and 1000000`);
}
