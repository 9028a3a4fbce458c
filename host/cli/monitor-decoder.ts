/**
 * What `earl monitor` makes of bytes: messages, and the frames that are none with the reason. It only looks: in contrast to
 * host/link's FrameReceiver it keeps what was damaged, so that it can be shown; frames are judged by the same code.
 */

import {
  crc16,
  decodeFrame,
  decodeMessage,
  type FrameError,
  type Message,
  type MessageDefinition,
  messages,
  type Packet,
  type PayloadError,
  SequenceTracker,
} from '../link/index.ts';

/**
 * Why a frame is no message of a probe: what the framer or the codec says of it; `echo`, a message of the other direction;
 * `cut`, the first one after a connection, whose beginning nobody heard.
 */
export type DamageReason = FrameError | PayloadError | 'echo' | 'cut';

export type DecodedEvent =
  | {
      readonly event: 'message';
      readonly sequence: number;
      readonly message: Message;
      /** What its number tells: how many were lost before it. */
      readonly lostBefore: number;
      /** `start`: the probe says that it started; `jump`: too far for a loss, perhaps it started anew. */
      readonly arrival: 'in order' | 'late' | 'duplicate' | 'jump' | 'start';
    }
  | { readonly event: 'damaged'; readonly reason: DamageReason; readonly bytes: Uint8Array }
  /** Nothing of the first bytes made sense. */
  | { readonly event: 'unreadable' };

export interface MonitorCounters {
  bytes: number;
  /** Messages. */
  frames: number;
  /** Frames that were none, by reason; `cut` ones are no errors. */
  readonly damaged: Record<DamageReason, number>;
  duplicates: number;
  lost: number;
}

/** A longer frame is shown in pieces of this many bytes, and counted once. */
const PIECE_BYTES = 64;
/** So many damaged pieces without a single good frame mean that this is another language or speed. */
const UNREADABLE_AFTER = 4;

export class MonitorDecoder {
  private readonly emit: (event: DecodedEvent) => void;
  private readonly tracker = new SequenceTracker();
  private frame: number[] = [];
  /** The frame is longer than a piece, and counted. */
  private overlong = false;
  private first = true;
  private damagedPieces = 0;
  private bytes = 0;
  private frames = 0;
  private readonly damaged: Record<DamageReason, number> = {
    cobs: 0,
    length: 0,
    crc: 0,
    version: 0,
    unknown_type: 0,
    short_payload: 0,
    long_data: 0,
    echo: 0,
    cut: 0,
  };

  constructor(emit: (event: DecodedEvent) => void) {
    this.emit = emit;
  }

  get counters(): MonitorCounters {
    const { bytes, frames, damaged } = this;
    const { duplicates, lost } = this.tracker;
    return { bytes, frames, damaged: { ...damaged }, duplicates, lost };
  }

  push(chunk: Uint8Array): void {
    this.bytes += chunk.length;
    for (const byte of chunk) {
      if (byte === 0) this.endFrame();
      else {
        this.frame.push(byte);
        if (this.frame.length === PIECE_BYTES) this.takePiece();
      }
    }
  }

  /** The connection ended: what came of a frame is shown, and the next begins anew. */
  suspend(): void {
    if (this.frame.length > 0) this.report('cut', this.frame);
    this.frame = [];
    this.overlong = false;
    this.first = true;
    this.tracker.suspend();
  }

  private takePiece(): void {
    this.report('length', this.frame, !this.overlong);
    this.overlong = true;
    this.frame = [];
  }

  private endFrame(): void {
    const bytes = this.frame;
    const { overlong, first } = this;
    this.frame = [];
    this.overlong = false;
    this.first = false;
    if (overlong) {
      if (bytes.length > 0) this.report('length', bytes, false);
      return;
    }
    if (bytes.length === 0) return;
    const packet = decodeFrame(Uint8Array.from(bytes));
    if (typeof packet === 'string') this.report(first ? 'cut' : packet, bytes);
    else this.takePacket(packet, bytes);
  }

  private takePacket(packet: Packet, bytes: readonly number[]): void {
    const message = decodeMessage(packet);
    if (typeof message === 'string') {
      this.report(message, bytes);
      return;
    }
    const { direction }: MessageDefinition = messages[message.name];
    if (direction === 'down') {
      this.report('echo', bytes);
      return;
    }
    this.frames++;
    const started = message.name === 'hello' && message.session === 0;
    if (started) this.tracker.restart(packet.sequence);
    const lost = this.tracker.lost;
    const arrival = this.tracker.accept(packet.sequence, (packet.type << 16) | crc16(packet.payload));
    // Without a greeting nobody can tell a long gap from a restart: counted as neither.
    if (arrival === 'jump') this.tracker.restart(packet.sequence + 1);
    this.emit({
      event: 'message',
      sequence: packet.sequence,
      message,
      lostBefore: Math.max(0, this.tracker.lost - lost),
      arrival: started ? 'start' : arrival === 'next' || arrival === 'gap' ? 'in order' : arrival,
    });
  }

  private report(reason: DamageReason, bytes: readonly number[], count = true): void {
    if (count) this.damaged[reason]++;
    this.emit({ event: 'damaged', reason, bytes: Uint8Array.from(bytes) });
    this.damagedPieces++;
    if (this.frames === 0 && this.damagedPieces === UNREADABLE_AFTER) this.emit({ event: 'unreadable' });
  }
}

/** All that is wrong with what came; a frame whose beginning nobody heard is not. */
export function errorCount({ damaged }: MonitorCounters): number {
  return Object.entries(damaged).reduce((sum, [reason, count]) => (reason === 'cut' ? sum : sum + count), 0);
}
