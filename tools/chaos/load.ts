/**
 * What a publisher has to say: messages made at a steady rate, and those of them that are not acknowledged yet.
 *
 * A message is made when its time has come, whether the cloud is there or not, up to a bound that a device would have
 * too; beyond, time passes without messages. Each publisher writes two topics in turn and takes new ones before the
 * history of one would have to drop its oldest (docs/protocol.md, "What is kept").
 */

import type { TraceEvent } from './ledger.ts';

/** Where events go that the checker and the evidence are made of. */
export type Trace = (event: TraceEvent) => void;

export interface LoadOptions {
  readonly trace: Trace;
  readonly now: () => number;
  /** Messages a second. */
  readonly rate: number;
  /** Bytes that a payload is filled up to. */
  readonly payloadBytes: number;
}

export interface Issued {
  readonly seq: number;
  readonly topic: string;
  readonly payload: string;
}

/** What every message of a run says. */
export interface Said {
  readonly p: string;
  readonly s: number;
  readonly pad: string;
}

/** Messages that may wait for their acknowledgement. */
const mostUnacknowledged = 600;
/** Of a publisher, before it takes new topics; half of them are on each of two. */
const messagesPerGeneration = 1600;
const tickMs = 20;

export class Backlog {
  readonly name: string;
  readonly #options: LoadOptions;
  #waiting: Issued[] = [];
  #seq = 0;
  #owed = 0;
  #lastTick: number;
  #ticker: NodeJS.Timeout | undefined;

  constructor(name: string, options: LoadOptions) {
    this.name = name;
    this.#options = options;
    this.#lastTick = options.now();
  }

  /** Those that are not acknowledged, in their order. */
  get waiting(): readonly Issued[] {
    return this.#waiting;
  }

  /** Begins to make messages; hands over those of each tick. */
  start(onIssued: (issued: readonly Issued[]) => void): void {
    this.#lastTick = this.#options.now();
    this.#ticker = setInterval(() => {
      const issued = this.#issue();
      if (issued.length > 0) onIssued(issued);
    }, tickMs);
  }

  /** No more messages. */
  stop(): void {
    clearInterval(this.#ticker);
  }

  /** One more message, now. */
  one(): Issued {
    const { trace, now, payloadBytes } = this.#options;
    const seq = ++this.#seq;
    const generation = Math.floor(seq / messagesPerGeneration);
    const topic = `chaos/${this.name}/${seq % 2 ? 'odd' : 'even'}-${generation}`;
    const payload = JSON.stringify({ p: this.name, s: seq, pad: padding(seq, payloadBytes) } satisfies Said);
    const issued = { seq, topic, payload };
    this.#waiting.push(issued);
    trace({ t: 'issued', at: now(), publisher: this.name, seq, topic });
    return issued;
  }

  sent(first: number, last: number, connection: string): void {
    const { trace, now } = this.#options;
    trace({ t: 'sent', at: now(), publisher: this.name, seq: first, to: last, connection });
  }

  /** Acknowledged are those that `which` selects. */
  accepted(which: (seq: number) => boolean, connection: string): void {
    const { trace, now } = this.#options;
    const rest: Issued[] = [];
    for (const issued of this.#waiting) {
      if (which(issued.seq)) trace({ t: 'accepted', at: now(), publisher: this.name, seq: issued.seq, connection });
      else rest.push(issued);
    }
    this.#waiting = rest;
  }

  refused(seq: number, why: string): void {
    const { trace, now } = this.#options;
    trace({ t: 'refused', at: now(), publisher: this.name, seq, why });
  }

  #issue(): Issued[] {
    const now = this.#options.now();
    this.#owed = Math.min(this.#owed + ((now - this.#lastTick) / 1000) * this.#options.rate, this.#options.rate);
    this.#lastTick = now;
    const issued: Issued[] = [];
    for (; this.#owed >= 1; this.#owed -= 1) {
      if (this.#waiting.length < mostUnacknowledged) issued.push(this.one());
    }
    return issued;
  }
}

function padding(seq: number, bytes: number): string {
  return String.fromCharCode(97 + (seq % 26)).repeat(bytes);
}

/** What a payload says, when it is one that this run could have sent. */
export function readSaid(data: unknown): Said | undefined {
  if (typeof data !== 'object' || data === null) return undefined;
  const { p, s, pad } = data as Partial<Said>;
  if (typeof p !== 'string' || typeof s !== 'number' || typeof pad !== 'string') return undefined;
  return pad === padding(s, pad.length) ? { p, s, pad } : undefined;
}
