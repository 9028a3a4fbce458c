/**
 * The host's end of a board's serial line: what went over it, in hex and as link messages, and commands to the probe.
 *
 * Both directions are decoded as they pass. The session (host/link) lives on the board's own time, so a paused board is
 * not taken for a silent one; it greets only a program that has spoken the link protocol itself, so that others hear
 * nothing that they did not ask for.
 */

import type { Board, ScheduledEvent } from '../../../host/emulator/index.ts';
import {
  type Clock,
  type Command,
  type CommandOutcome,
  decodeMessage,
  FrameReceiver,
  type Packet,
  Session,
  type SessionState,
} from '../../../host/link/index.ts';
import { messageText } from './message-text.ts';
import { RingLog } from './ring-log.ts';

/** Seen from the host: `in` came from the probe. */
export type Direction = 'in' | 'out';

/** Bytes that followed each other in one direction. */
export interface WireLine {
  readonly t: number;
  readonly direction: Direction;
  readonly bytes: readonly number[];
}

export interface MessageLine {
  readonly t: number;
  readonly direction: Direction;
  readonly name: string;
  readonly text: string;
}

const BYTES_PER_LINE = 16;
/** A longer silence begins a new line. */
const LINE_GAP_S = 0.02;
const KEPT_LINES = 200;

export class LinkConsole {
  readonly wire = new RingLog<WireLine>(KEPT_LINES);
  readonly messages = new RingLog<MessageLine>(KEPT_LINES);

  private readonly board: Board;
  private readonly session: Session;
  private readonly fromProbe = new FrameReceiver((packet) => this.onPacket('in', packet));
  private readonly toProbe = new FrameReceiver((packet) => this.onPacket('out', packet));
  /** The line that grows, of each direction: both may be busy at once. */
  private readonly open: Partial<Record<Direction, { t: number; bytes: number[]; lastAt: number }>> = {};
  private speaks = false;

  constructor(board: Board, wallMs: number, random: () => number) {
    this.board = board;
    this.session = new Session({ clock: new BoardClock(board, wallMs), random, handlers: {} });
    board.uart.onByte = (byte) => {
      this.note('in', byte);
      const one = Uint8Array.of(byte);
      this.fromProbe.push(one);
      this.session.receive(one);
    };
  }

  /** `detached` until the program has spoken the link protocol. */
  get state(): SessionState {
    return this.session.state;
  }

  /** Sends a command; see Session.command. */
  command(command: Command): Promise<CommandOutcome> {
    return this.session.command(command);
  }

  /** Sends bytes as they are. Throws `UART_QUEUE_FULL`. */
  send(bytes: Uint8Array): void {
    this.board.uart.send(bytes);
  }

  /** Notes a byte that the board's trace says was sent to the chip. */
  sent(byte: number): void {
    this.note('out', byte);
    this.toProbe.push(Uint8Array.of(byte));
  }

  /** Ends lines that nothing was added to for a while: call before reading `wire`. */
  flush(): void {
    for (const direction of ['in', 'out'] as const) {
      const open = this.open[direction];
      if (open !== undefined && this.board.seconds - open.lastAt > LINE_GAP_S) this.close(direction);
    }
  }

  private note(direction: Direction, byte: number): void {
    const t = this.board.seconds;
    const open = this.open[direction];
    if (open !== undefined && t - open.lastAt <= LINE_GAP_S && open.bytes.length < BYTES_PER_LINE) {
      open.bytes.push(byte);
      open.lastAt = t;
      return;
    }
    this.close(direction);
    this.open[direction] = { t, bytes: [byte], lastAt: t };
  }

  /** Ends a line, and before it one of the other direction that began earlier: lines stand in the order of their time. */
  private close(direction: Direction): void {
    const open = this.open[direction];
    if (open === undefined) return;
    delete this.open[direction];
    const other = direction === 'in' ? 'out' : 'in';
    if ((this.open[other]?.t ?? Number.POSITIVE_INFINITY) < open.t) this.close(other);
    this.wire.add({ t: open.t, direction, bytes: open.bytes });
  }

  private onPacket(direction: Direction, packet: Packet): void {
    const message = decodeMessage(packet);
    const t = this.board.seconds;
    if (typeof message === 'string') {
      this.messages.add({ t, direction, name: message, text: `type ${packet.type}` });
      return;
    }
    this.messages.add({ t, direction, name: message.name, text: messageText(message) });
    if (direction === 'in' && !this.speaks) this.greet();
  }

  private greet(): void {
    this.speaks = true;
    this.session.attach(
      (bytes) =>
        new Promise((resolve) => {
          this.board.uart.send(bytes, resolve);
        }),
    );
  }
}

/** The board's time as a clock of the link. */
class BoardClock implements Clock {
  private readonly board: Board;
  private readonly originMs: number;

  constructor(board: Board, wallMs: number) {
    this.board = board;
    this.originMs = wallMs;
  }

  nowMs(): number {
    return this.board.seconds * 1000;
  }

  wallMs(): number {
    return this.originMs + this.nowMs();
  }

  after(delayMs: number, run: () => void): () => void {
    const { scheduler } = this.board.mcu;
    // Never within this cycle: who asks again until its time has come would ask forever.
    const cycles = Math.max(1, Math.ceil((delayMs / 1000) * scheduler.frequencyHz));
    const event: ScheduledEvent = scheduler.after(cycles, run);
    return () => scheduler.cancel(event);
  }
}
