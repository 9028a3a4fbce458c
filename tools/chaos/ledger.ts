/**
 * The checker: takes what publishers and observers of a run experienced and says what was lost, doubled or swapped.
 *
 * It sees nothing but the trace, event by event, and the trace is what is written to the evidence: whoever doubts a
 * verdict feeds it the file again. Promised is (docs/protocol.md): a message that was acknowledged reaches every
 * observer, once, in the order of its publisher on its topic. A message that was never acknowledged may arrive or not,
 * but not twice and not out of order either.
 */

export type TraceEvent =
  /** Somebody who is to see every message from now on. */
  | { readonly t: 'observer'; readonly at: number; readonly observer: string }
  /** A message exists. `seq` grows by one along a publisher. */
  | {
      readonly t: 'issued';
      readonly at: number;
      readonly publisher: string;
      readonly seq: number;
      readonly topic: string;
    }
  /** All messages from `seq` to `to` that are not acknowledged went out on this connection. */
  | {
      readonly t: 'sent';
      readonly at: number;
      readonly publisher: string;
      readonly seq: number;
      readonly to: number;
      readonly connection: string;
    }
  | {
      readonly t: 'accepted';
      readonly at: number;
      readonly publisher: string;
      readonly seq: number;
      readonly connection: string;
    }
  | {
      readonly t: 'refused';
      readonly at: number;
      readonly publisher: string;
      readonly seq: number;
      readonly why: string;
    }
  | {
      readonly t: 'delivered';
      readonly at: number;
      readonly observer: string;
      readonly publisher: string;
      readonly seq: number;
      readonly topic: string;
      /** Absent where the client does not show it. */
      readonly offset?: number;
    }
  /** Something arrived that nobody sent. */
  | { readonly t: 'corrupted'; readonly at: number; readonly observer: string; readonly what: string }
  /** The cloud said that messages are missing (`recovered: false`). */
  | { readonly t: 'told'; readonly at: number; readonly observer: string; readonly why: string }
  /** What was done to the system under test, and what clients noticed: for the reader of the trace. */
  | { readonly t: 'note'; readonly at: number; readonly what: string };

export interface WrongMessage {
  readonly problem: 'lost' | 'duplicated' | 'reordered';
  readonly observer: string;
  readonly publisher: string;
  readonly seq: number;
  readonly topic: string;
  /** Everything that the trace says of this message, in order. */
  readonly history: readonly string[];
}

export interface Verdict {
  readonly acknowledged: number;
  /** Messages that were acknowledged and that some observer did not see. */
  readonly lost: number;
  /** Messages that some observer saw more than once, or that have two offsets. */
  readonly duplicated: number;
  /** Messages that some observer saw after a later one of the same publisher and topic. */
  readonly reordered: number;
  /** Arrivals that nobody sent. */
  readonly corrupted: number;
  readonly unacknowledged: number;
  readonly unacknowledgedDelivered: number;
  /** How often an observer was told that messages are missing. */
  readonly told: number;
  /** The first of each kind. */
  readonly wrong: readonly WrongMessage[];
}

interface Sighting {
  readonly observer: string;
  readonly at: number;
  readonly offset: number | undefined;
}

interface Message {
  readonly publisher: string;
  readonly seq: number;
  readonly topic: string;
  readonly issuedAt: number;
  readonly attempts: string[];
  readonly sightings: Sighting[];
  acknowledgedAt: number | undefined;
}

/** How many wrong messages of each kind are told with their history. */
const mostTold = 10;

export class Ledger {
  readonly #publishers = new Map<string, Message[]>();
  readonly #observers = new Set<string>();
  /** Highest number seen, by observer, publisher and topic. */
  readonly #highest = new Map<string, number>();
  readonly #duplicated = new Map<Message, string>();
  readonly #reordered = new Map<Message, string>();
  /** Acknowledged messages that an observer has not seen. */
  readonly #awaited = new Map<string, number>();
  #acknowledged = 0;
  #corrupted = 0;
  #told = 0;

  get observers(): ReadonlySet<string> {
    return this.#observers;
  }

  /** Acknowledged messages that this observer has still to see. */
  awaitedBy(observer: string): number {
    return this.#awaited.get(observer) ?? 0;
  }

  /** When a message was issued; undefined when it never was. */
  issuedAt(publisher: string, seq: number): number | undefined {
    return this.#find(publisher, seq)?.issuedAt;
  }

  /** Topics that messages were issued on. */
  topics(): Set<string> {
    const topics = new Set<string>();
    for (const messages of this.#publishers.values()) for (const { topic } of messages) topics.add(topic);
    return topics;
  }

  take(event: TraceEvent): void {
    switch (event.t) {
      case 'observer':
        this.#observers.add(event.observer);
        this.#awaited.set(event.observer, this.#acknowledged);
        return;
      case 'issued':
        this.#issue(event);
        return;
      case 'sent':
        for (let seq = event.seq; seq <= event.to; seq++) this.#sent(event, seq);
        return;
      case 'accepted':
        this.#accept(event);
        return;
      case 'refused':
        this.#find(event.publisher, event.seq)?.attempts.push(`${time(event.at)} refused: ${event.why}`);
        return;
      case 'delivered':
        this.#deliver(event);
        return;
      case 'corrupted':
        this.#corrupted += 1;
        return;
      case 'told':
        this.#told += 1;
        return;
      case 'note':
        return;
      default:
        event satisfies never;
    }
  }

  verdict(): Verdict {
    const lost = new Map<Message, string>();
    let unacknowledged = 0;
    let unacknowledgedDelivered = 0;
    for (const message of this.#all()) {
      if (message.acknowledgedAt === undefined) {
        unacknowledged += 1;
        if (message.sightings.length > 0) unacknowledgedDelivered += 1;
        continue;
      }
      const blind = [...this.#observers].filter((observer) => !hasSeen(message, observer));
      if (blind.length > 0) lost.set(message, blind.join(', '));
    }
    const wrong = (problem: WrongMessage['problem'], messages: Map<Message, string>) =>
      [...messages].slice(0, mostTold).map(([message, observer]) => wrongMessage(problem, observer, message));
    return {
      acknowledged: this.#acknowledged,
      lost: lost.size,
      duplicated: this.#duplicated.size,
      reordered: this.#reordered.size,
      corrupted: this.#corrupted,
      unacknowledged,
      unacknowledgedDelivered,
      told: this.#told,
      wrong: [...wrong('lost', lost), ...wrong('duplicated', this.#duplicated), ...wrong('reordered', this.#reordered)],
    };
  }

  #issue({ publisher, seq, topic, at }: Extract<TraceEvent, { t: 'issued' }>): void {
    const messages = this.#publishers.get(publisher) ?? [];
    this.#publishers.set(publisher, messages);
    if (seq !== messages.length + 1) throw new RangeError(`${publisher} issues ${seq} after ${messages.length}`);
    messages.push({ publisher, seq, topic, issuedAt: at, attempts: [], sightings: [], acknowledgedAt: undefined });
  }

  #sent({ publisher, at, connection }: Extract<TraceEvent, { t: 'sent' }>, seq: number): void {
    const message = this.#find(publisher, seq);
    if (message?.acknowledgedAt === undefined) message?.attempts.push(`${time(at)} sent on ${connection}`);
  }

  #accept({ publisher, seq, at, connection }: Extract<TraceEvent, { t: 'accepted' }>): void {
    const message = this.#find(publisher, seq);
    if (message === undefined || message.acknowledgedAt !== undefined) return;
    message.acknowledgedAt = at;
    message.attempts.push(`${time(at)} acknowledged on ${connection}`);
    this.#acknowledged += 1;
    for (const observer of this.#observers) if (!hasSeen(message, observer)) this.#await(observer, 1);
  }

  #deliver({ observer, publisher, seq, topic, offset, at }: Extract<TraceEvent, { t: 'delivered' }>): void {
    const message = this.#find(publisher, seq);
    if (message === undefined || message.topic !== topic) {
      this.#corrupted += 1;
      return;
    }
    const again = hasSeen(message, observer);
    const elsewhere = message.sightings.find((sighting) => sighting.offset !== undefined);
    if (again || (offset !== undefined && elsewhere !== undefined && elsewhere.offset !== offset)) {
      this.#duplicated.set(message, observer);
    }
    message.sightings.push({ observer, at, offset });
    if (again) return;
    if (message.acknowledgedAt !== undefined) this.#await(observer, -1);
    const key = `${observer}\n${publisher}\n${topic}`;
    const highest = this.#highest.get(key) ?? 0;
    if (seq < highest) this.#reordered.set(message, observer);
    else this.#highest.set(key, seq);
  }

  #await(observer: string, change: number): void {
    this.#awaited.set(observer, (this.#awaited.get(observer) ?? 0) + change);
  }

  #find(publisher: string, seq: number): Message | undefined {
    return this.#publishers.get(publisher)?.[seq - 1];
  }

  *#all(): Generator<Message> {
    for (const messages of this.#publishers.values()) yield* messages;
  }
}

function hasSeen(message: Message, observer: string): boolean {
  return message.sightings.some((sighting) => sighting.observer === observer);
}

function wrongMessage(problem: WrongMessage['problem'], observer: string, message: Message): WrongMessage {
  const { publisher, seq, topic, issuedAt, attempts, sightings } = message;
  const seen = sightings.map((sighting) => {
    const offset = sighting.offset === undefined ? '' : ` at offset ${sighting.offset}`;
    return `${time(sighting.at)} seen by ${sighting.observer}${offset}`;
  });
  return { problem, observer, publisher, seq, topic, history: [`${time(issuedAt)} issued`, ...attempts, ...seen] };
}

/** Seconds since the round began. */
function time(atMs: number): string {
  return (atMs / 1000).toFixed(3);
}
