/**
 * What waits for the cloud: a bounded queue in memory with three classes of messages.
 *
 * - `state` (retained: status, leds, counters): only the newest of a topic waits, it is never dropped, and there are as
 *   many as there are topics.
 * - `sample`: the first to go. When the spool is full the oldest sample is dropped.
 * - `event`: dropped, oldest first, only when no sample is left to drop.
 *
 * Messages leave in the order in which they came. A message that left is in flight until it is settled; `rewind` puts
 * what is in flight back at the front, with the sequence numbers that it was sent with, so that the server can tell a
 * repetition. Nothing is kept on disk: a gateway that is killed loses what waited.
 */

import type { Json } from '../../cloud/protocol/messages.ts';

export type SpoolClass = 'state' | 'sample' | 'event';

export interface SpoolMessage {
  readonly topic: string;
  readonly data: Json;
  readonly kind: SpoolClass;
}

/** A message in the spool. */
export interface SpoolEntry extends SpoolMessage {
  /** Place in the order of arrival. */
  readonly order: number;
  /** Sequence number for the server, given when the message first leaves. */
  seq?: number;
  /** What it counts against the limit; 0 for a state. */
  readonly bytes: number;
}

export interface SpoolLimits {
  /** Samples and events together, those in flight included. */
  readonly maxMessages: number;
  /** Bytes of their JSON and topics. */
  readonly maxBytes: number;
}

/** An hour of three probes at 4 Hz is 43,200 samples; the bytes are what bounds the memory. */
export const defaultSpoolLimits: SpoolLimits = { maxMessages: 50_000, maxBytes: 16 * 1024 * 1024 };

export class Spool {
  private readonly limits: SpoolLimits;
  private readonly dropped: (entry: SpoolEntry) => void;
  private readonly states = new Map<string, SpoolEntry>();
  private readonly samples = new Fifo<SpoolEntry>();
  private readonly events = new Fifo<SpoolEntry>();
  private readonly returned = new Fifo<SpoolEntry>();
  private readonly flight = new Set<SpoolEntry>();
  private heldBytes = 0;
  private nextOrder = 1;
  private nextSeq = 1;

  /** @param dropped called for each message that had to go */
  constructor(limits: SpoolLimits, dropped: (entry: SpoolEntry) => void) {
    this.limits = limits;
    this.dropped = dropped;
  }

  /** Messages that have not left or are not settled. */
  get size(): number {
    return this.states.size + this.returned.length + this.samples.length + this.events.length + this.flight.size;
  }

  /** Bytes of samples and events, those in flight included. */
  get bytes(): number {
    return this.heldBytes;
  }

  get inFlight(): number {
    return this.flight.size;
  }

  /** Adds a message; makes room by the policy above. A message that is larger than the whole spool is dropped itself. */
  push(message: SpoolMessage): void {
    const order = this.nextOrder++;
    if (message.kind === 'state') {
      this.states.delete(message.topic);
      this.states.set(message.topic, { ...message, order, bytes: 0 });
      return;
    }
    const bytes = message.topic.length + JSON.stringify(message.data).length;
    const entry: SpoolEntry = { ...message, order, bytes };
    if (bytes > this.limits.maxBytes) {
      this.dropped(entry);
      return;
    }
    (message.kind === 'sample' ? this.samples : this.events).push(entry);
    this.heldBytes += bytes;
    this.makeRoom();
  }

  /**
   * Puts these states first in line, after what was in flight when the connection ended; what else waits for their
   * topics is superseded.
   */
  pushFirst(messages: readonly SpoolMessage[]): void {
    const waiting = [...this.states.values()];
    this.states.clear();
    for (const { topic, data } of messages) this.states.set(topic, { topic, data, kind: 'state', order: 0, bytes: 0 });
    for (const entry of waiting) if (!this.states.has(entry.topic)) this.states.set(entry.topic, entry);
  }

  /** The next message to send, now in flight; undefined when nothing waits. */
  take(): SpoolEntry | undefined {
    // Numbers must rise on the wire, or the server takes a message for a repetition: what has one goes first.
    const entry = this.returned.shift() ?? this.takeOldest();
    if (entry === undefined) return undefined;
    entry.seq ??= this.nextSeq++;
    this.flight.add(entry);
    return entry;
  }

  /** The server has the message, or will never take it: forget it. */
  settle(entry: SpoolEntry): void {
    if (this.flight.delete(entry)) this.release(entry);
  }

  /**
   * The connection ended: samples and events in flight wait again, first in line and under their old sequence numbers.
   * A state waits again unless a newer one does.
   */
  rewind(): void {
    const states = [...this.flight].filter((entry) => entry.kind === 'state');
    for (const entry of states) this.flight.delete(entry);
    this.retry();
    this.pushFirst(states.filter((entry) => !this.states.has(entry.topic)));
  }

  /**
   * The server refused a message for now, and with it everything that left after it: all that is in flight waits again,
   * states too, under the same numbers. The server waits for the one that it refused (docs/protocol.md, "publish").
   */
  retry(): void {
    const numbered = [...this.flight].sort((a, b) => a.seq! - b.seq!);
    this.flight.clear();
    while (this.returned.length > 0) numbered.push(this.returned.shift()!);
    for (const entry of numbered) this.returned.push(entry);
  }

  private takeOldest(): SpoolEntry | undefined {
    const state = this.states.values().next().value;
    const sample = this.samples.peek();
    const event = this.events.peek();
    const oldest = [state, sample, event].reduce((a, b) =>
      b !== undefined && b.order < (a?.order ?? b.order + 1) ? b : a,
    );
    if (oldest === undefined) return undefined;
    if (oldest === state) this.states.delete(oldest.topic);
    else if (oldest === sample) this.samples.shift();
    else this.events.shift();
    return oldest;
  }

  private makeRoom(): void {
    while (this.held() > this.limits.maxMessages || this.heldBytes > this.limits.maxBytes) {
      const entry = this.samples.shift() ?? this.events.shift();
      if (entry === undefined) return; // what is in flight settles soon
      this.release(entry);
      this.dropped(entry);
    }
  }

  private held(): number {
    return this.samples.length + this.events.length + this.returned.length + this.flight.size;
  }

  private release(entry: SpoolEntry): void {
    this.heldBytes -= entry.bytes;
  }
}

/** A queue whose `shift` is cheap however long it is. */
class Fifo<T> {
  private items: T[] = [];
  private head = 0;

  get length(): number {
    return this.items.length - this.head;
  }

  push(item: T): void {
    this.items.push(item);
  }

  peek(): T | undefined {
    return this.items[this.head];
  }

  shift(): T | undefined {
    if (this.head >= this.items.length) return undefined;
    const item = this.items[this.head]!;
    this.items[this.head] = undefined as T;
    this.head++;
    if (this.head > 1024 && this.head * 2 > this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    return item;
  }
}
