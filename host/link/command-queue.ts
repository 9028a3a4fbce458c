/**
 * Commands to one probe, one at a time: sent, repeated with growing pauses until acknowledged, never executed twice.
 *
 * The probe remembers the sequence number of the last command that it executed and answers a repetition from memory.
 * That memory goes with a restart, so a command that was sent before one is never sent again: its outcome is `unknown`.
 * Knows nothing about handshakes: the session says when the probe listens (`open`), and when it no longer does.
 */

import { EarlError } from '../../errors/index.ts';
import type { Clock } from './clock.ts';
import { encodeMessage } from './codec.ts';
import type { Packet } from './framer.ts';
import { type Command, type MessageOf, type Status, statuses } from './messages.ts';
import { RoundTrip } from './round-trip.ts';

/**
 * What became of a command. From the probe: a `Status`, or `status_N` for one that this version does not know. From
 * here: `unreachable` it was never sent, nothing was executed; `timeout` it was sent and not acknowledged in time;
 * `unknown` it was sent, and then the probe restarted or the connection ended. After the last two it may or may not
 * have been executed, once at most.
 */
export type OutcomeStatus = Status | `status_${number}` | 'unreachable' | 'timeout' | 'unknown';

export interface CommandOutcome {
  readonly status: OutcomeStatus;
  /** What the command returned. */
  readonly data: Uint8Array;
  /** Times that it was sent. */
  readonly attempts: number;
  /** Milliseconds between the first sending and the ack; absent without an ack. */
  readonly linkMs?: number;
}

export interface CommandCounters {
  /** Taken into the queue. */
  submitted: number;
  /** Not taken: the queue was full. */
  refused: number;
  /** Sent for the first time. */
  sent: number;
  /** Sent again. */
  repeated: number;
  acknowledged: number;
  timeouts: number;
  unreachable: number;
  unknown: number;
  /** Acks that nobody waited for. */
  staleAcks: number;
}

export interface CommandQueueOptions {
  readonly clock: Clock;
  /** 0 up to 1. */
  readonly random: () => number;
  /** Sends a packet and returns its sequence number; the same number goes out again when one is given. */
  readonly send: (packet: Pick<Packet, 'type' | 'payload'>, sequence?: number) => number;
  /** Commands waiting, the one on its way included. One more is refused: who waits longest was promised most. */
  readonly maxCommands: number;
}

interface Entry {
  readonly packet: Pick<Packet, 'type' | 'payload'>;
  readonly settle: (outcome: CommandOutcome) => void;
  readonly cancelDeadline: () => void;
  attempts: number;
  sequence?: number;
  firstSentMs: number;
}

const LONGEST_PAUSE_MS = 2000;

const statusNames = new Map<number, Status>(Object.entries(statuses).map(([name, value]) => [value, name as Status]));
const nothing = new Uint8Array(0);

export class CommandQueue {
  readonly counters: CommandCounters = {
    submitted: 0,
    refused: 0,
    sent: 0,
    repeated: 0,
    acknowledged: 0,
    timeouts: 0,
    unreachable: 0,
    unknown: 0,
    staleAcks: 0,
  };
  readonly roundTrip = new RoundTrip();

  private readonly options: CommandQueueOptions;
  private readonly entries: Entry[] = [];
  private isOpen = false;
  private cancelRepeat: (() => void) | undefined;

  constructor(options: CommandQueueOptions) {
    this.options = options;
  }

  /** Commands waiting, the one on its way included. */
  get length(): number {
    return this.entries.length;
  }

  /** Whether a command was sent and is not settled yet. */
  get underway(): boolean {
    return (this.entries[0]?.attempts ?? 0) > 0;
  }

  /**
   * Takes a command. Rejects with `LINK_QUEUE_FULL`, or `LINK_BAD_FIELD` when a field does not fit; otherwise resolves,
   * at the latest after `timeoutMs`.
   */
  async submit(command: Command, timeoutMs: number): Promise<CommandOutcome> {
    const packet = encodeMessage(command);
    if (this.entries.length >= this.options.maxCommands) {
      this.counters.refused++;
      throw new EarlError(
        'LINK_QUEUE_FULL',
        `${this.entries.length} commands already wait for this probe: try again when they are answered`,
      );
    }
    this.counters.submitted++;
    return new Promise((settle) => {
      const cancelDeadline = this.options.clock.after(timeoutMs, () => this.expire(entry));
      const entry: Entry = { packet, settle, cancelDeadline, attempts: 0, firstSentMs: 0 };
      this.entries.push(entry);
      if (this.entries.length === 1) this.sendFirst();
    });
  }

  /** The probe listens: sends what waits. */
  open(): void {
    if (this.isOpen) return;
    this.isOpen = true;
    this.sendFirst();
  }

  /**
   * The probe restarted or the connection ended. A command that was sent is `unknown`; the others wait for `open`
   * until their time is over.
   */
  interrupt(): void {
    this.isOpen = false;
    this.stopRepeating();
    const first = this.entries[0];
    if (first !== undefined && first.attempts > 0) this.finish(first, { status: 'unknown' });
  }

  /** An ack came. Returns true when it says that the probe has no session, and so did not execute its command. */
  acknowledge(ack: MessageOf<'ack'>): boolean {
    const noSession = ack.status === statuses.no_session;
    const first = this.entries[0];
    if (first === undefined || first.attempts === 0 || ack.commandSequence !== first.sequence) {
      this.counters.staleAcks++;
      return noSession;
    }
    if (noSession) {
      // Sent once, this is the answer to it: not executed, so it may wait for the next session.
      if (first.attempts === 1) first.attempts = 0;
      return true;
    }
    const linkMs = this.options.clock.nowMs() - first.firstSentMs;
    // Karn's rule: the ack of a repeated command does not say which sending it answers.
    if (first.attempts === 1) this.roundTrip.add(linkMs);
    this.finish(first, { status: statusNames.get(ack.status) ?? `status_${ack.status}`, data: ack.data, linkMs });
    return false;
  }

  /** Settles everything that waits: nobody will open the queue again. */
  dispose(): void {
    this.interrupt();
    for (const entry of [...this.entries]) this.finish(entry, { status: 'unreachable' });
  }

  private sendFirst(): void {
    const first = this.entries[0];
    if (!this.isOpen || first === undefined) return;
    const { clock, random, send } = this.options;
    first.sequence = send(first.packet, first.sequence);
    if (first.attempts === 0) first.firstSentMs = clock.nowMs();
    if (first.attempts++ === 0) this.counters.sent++;
    else this.counters.repeated++;
    const pause = Math.min(LONGEST_PAUSE_MS, this.roundTrip.timeoutMs * 2 ** Math.min(first.attempts - 1, 10));
    this.stopRepeating();
    // Up to a quarter longer, so that two hosts on one radio do not repeat in step.
    this.cancelRepeat = clock.after(pause * (1 + random() / 4), () => this.sendFirst());
  }

  private expire(entry: Entry): void {
    this.finish(entry, { status: entry.attempts > 0 ? 'timeout' : 'unreachable' });
  }

  private finish(entry: Entry, result: Pick<CommandOutcome, 'status'> & Partial<CommandOutcome>): void {
    const index = this.entries.indexOf(entry);
    this.entries.splice(index, 1);
    entry.cancelDeadline();
    this.count(result.status);
    entry.settle({ data: nothing, attempts: entry.attempts, ...result });
    if (index !== 0) return;
    this.stopRepeating();
    this.sendFirst();
  }

  private count(status: OutcomeStatus): void {
    if (status === 'timeout') this.counters.timeouts++;
    else if (status === 'unreachable') this.counters.unreachable++;
    else if (status === 'unknown') this.counters.unknown++;
    else this.counters.acknowledged++;
  }

  private stopRepeating(): void {
    this.cancelRepeat?.();
    this.cancelRepeat = undefined;
  }
}
