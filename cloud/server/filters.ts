/**
 * What one session has subscribed to: begins, resumes and ends subscriptions at the broker, and hands every message to
 * the session once, however many of its filters match.
 *
 * A resumption subscribes first and holds live messages back, reads what was published since the client's last place,
 * delivers that and then what was held back and is newer (after Centrifugo's recovery): no gap, nothing twice. When the
 * broker no longer has all of it, the client begins anew, with the last values, and is told so.
 */

import type { Broker, BrokerMessage, Position, Subscription } from '../broker/index.ts';
import { errorCodes, matches } from '../protocol/index.ts';
import type { Delivery } from './delivery.ts';
import {
  type DirectConnection,
  type DirectDelivery,
  type DirectSubscription,
  directDelivery,
} from './direct-delivery.ts';
import { MeasuredBroker } from './measured-broker.ts';
import { Pace } from './pace.ts';
import { RequestError } from './request-error.ts';

export interface FilterLimits {
  /** Filters of one session. */
  readonly subscriptions: number;
  /** Messages that a resumption may bring; more and it begins anew. */
  readonly resumedMessages: number;
}

/** What a client wants of a subscription beyond its filters. */
export interface Wishes {
  /** Deliver what was published after this place first. */
  readonly since?: Position;
  /** Hold live messages back for up to this long, to deliver them together. Default 0. */
  readonly maxDelayMs?: number;
  /** Of what is held back, only the newest of each topic. */
  readonly latest?: boolean;
}

export interface Begun {
  readonly position: Position;
  /** Present when `since` was given: whether everything since then has been delivered. */
  readonly recovered?: boolean;
}

/** One filter of the client; no longer `active` from the moment it unsubscribes, whenever the broker follows. */
class Subscribed {
  readonly pace: Pace | undefined;
  /** Set while live messages are held back until the history has been read, and may be older than it. */
  resumption: Resumption | undefined;
  begun: Promise<Subscription> | undefined;
  active = true;

  constructor(pace: Pace | undefined, resumption: Resumption | undefined) {
    this.pace = pace;
    this.resumption = resumption;
  }

  end(): void {
    this.active = false;
  }
}

/** One whose messages may come without passing the session. */
class DirectSubscribed extends Subscribed implements DirectSubscription {
  readonly connection: DirectConnection;
  readonly bundler: DirectDelivery;
  told = 0;

  constructor(
    pace: Pace | undefined,
    resumption: Resumption | undefined,
    connection: DirectConnection,
    bundler: DirectDelivery,
  ) {
    super(pace, resumption);
    this.connection = connection;
    this.bundler = bundler;
  }

  get subscription(): this {
    return this;
  }

  get isIndirect(): boolean {
    return !this.active || this.pace !== undefined;
  }

  get isResuming(): boolean {
    return this.resumption !== undefined;
  }

  override end(): void {
    super.end();
    this.bundler.version += 1;
  }
}

interface Resumption {
  /** Live messages; undefined when the history has been delivered. */
  held: BrokerMessage[] | undefined;
  /** What the client has of it. */
  upTo: number;
}

export class SessionFilters {
  readonly #broker: Broker;
  readonly #limits: FilterLimits;
  readonly #delivery: Delivery;
  readonly #onGap: (reason: string) => void;
  #subscribed: Map<string, Subscribed> | undefined;
  #last: BrokerMessage | undefined;

  /** @param onGap called when the broker may have lost messages: the client must reconnect and resume */
  constructor(broker: Broker, limits: FilterLimits, delivery: Delivery, onGap: (reason: string) => void) {
    this.#broker = broker;
    this.#limits = limits;
    this.#delivery = delivery;
    this.#onGap = onGap;
  }

  /** Subscribes to filters that the caller has checked. Rejects with a `RequestError` or what the broker says. */
  async subscribe(filters: readonly string[], wishes: Wishes = {}): Promise<Begun> {
    this.#checkRoom(filters);
    const { since, maxDelayMs = 0, latest = false } = wishes;
    const pace = maxDelayMs > 0 ? new Pace(maxDelayMs, latest, this.#delivery) : undefined;
    if (since === undefined) return { position: await this.#begin(filters, pace) };
    const resumption: Resumption = { held: [], upTo: since.offset };
    const position = await this.#begin(filters, pace, resumption);
    const history = await this.#broker.read(filters, since, this.#limits.resumedMessages);
    if (!history.complete) return { position: await this.#begin(filters, pace), recovered: false };
    await this.#catchUp(filters, history.messages, resumption);
    // A server whose mirror of the messages was behind the client's last place has caught up meanwhile.
    return { position: since.offset > position.offset ? since : position, recovered: true };
  }

  async unsubscribe(filters: readonly string[]): Promise<void> {
    const ended = filters.map((filter) => this.#subscribed?.get(filter));
    for (const filter of filters) this.#subscribed?.delete(filter);
    await Promise.all(ended.map(end));
  }

  /** Ends what may not be heard any more, at once. */
  async keep(may: (filter: string) => boolean): Promise<void> {
    const ended = [...(this.#subscribed ?? [])].filter(([filter]) => !may(filter));
    for (const [, subscribed] of ended) subscribed.end();
    await this.unsubscribe(ended.map(([filter]) => filter));
  }

  close(): void {
    for (const subscribed of this.#subscribed?.values() ?? []) {
      subscribed.pace?.close();
      end(subscribed).catch(() => {});
    }
    this.#subscribed?.clear();
  }

  #checkRoom(filters: readonly string[]): void {
    const most = this.#limits.subscriptions;
    const added = filters.filter((filter) => !this.#subscribed?.has(filter)).length;
    if ((this.#subscribed?.size ?? 0) + added <= most) return;
    throw new RequestError(errorCodes.tooMany, `a connection may have ${most} subscriptions: use wildcards`);
  }

  /** Replaces what the session has on these filters; the place from which all of them are live. */
  async #begin(filters: readonly string[], pace: Pace | undefined, resumption?: Resumption): Promise<Position> {
    const positions = await Promise.all(filters.map((filter) => this.#beginOne(filter, pace, resumption)));
    return positions.reduce((least, position) => (position.offset < least.offset ? position : least));
  }

  async #beginOne(filter: string, pace: Pace | undefined, resumption: Resumption | undefined): Promise<Position> {
    this.#subscribed ??= new Map();
    const earlier = this.#subscribed.get(filter);
    const subscribed = this.#newSubscribed(pace, resumption);
    this.#subscribed.set(filter, subscribed);
    const options = { retained: resumption === undefined, onGap: this.#onGap };
    subscribed.begun = this.#broker.subscribe(
      filter,
      (message) => {
        if (subscribed.active) this.#live(message, subscribed);
      },
      subscribed instanceof DirectSubscribed ? { ...options, ...{ member: subscribed } } : options,
    );
    try {
      return (await subscribed.begun).position;
    } catch (error) {
      if (this.#subscribed.get(filter) === subscribed) this.#subscribed.delete(filter);
      throw error;
    } finally {
      await end(earlier);
    }
  }

  /**
   * Delivers what was missed, and what has come meanwhile, in parts as the client takes them: only a client that does not
   * read is too slow, not one that has much to read.
   */
  async #catchUp(filters: readonly string[], missed: readonly BrokerMessage[], resumption: Resumption): Promise<void> {
    let behind = missed;
    do {
      for (const part of partsOf(behind)) {
        const active = filters.filter((filter) => this.#subscribed?.get(filter)?.resumption === resumption);
        const isWhole = active.length === filters.length;
        // Unsubscribed meanwhile, or not allowed any more.
        this.#delivery.many(isWhole ? part : part.filter(({ topic }) => active.some((one) => matches(one, topic))));
        resumption.upTo = part.at(-1)!.offset;
        const drained = this.#delivery.drained?.();
        if (drained !== undefined) await drained;
      }
      behind = newerOf(resumption.held ?? [], resumption.upTo);
      resumption.held = [];
    } while (behind.length > 0);
    resumption.held = undefined;
  }

  #newSubscribed(pace: Pace | undefined, resumption: Resumption | undefined): Subscribed {
    const { direct } = this.#delivery;
    const broker = this.#broker;
    if (direct === undefined || !(broker instanceof MeasuredBroker)) return new Subscribed(pace, resumption);
    const { connection, frames } = direct;
    const bundler = directDelivery(connection, frames, (message, count) => broker.handed(message, count));
    return new DirectSubscribed(pace, resumption, connection, bundler);
  }

  #live(message: BrokerMessage, subscribed: Subscribed): void {
    const { pace, resumption } = subscribed;
    if (resumption === undefined) this.#once(message, pace);
    else if (resumption.held === undefined) {
      if (message.offset <= resumption.upTo) return;
      subscribed.resumption = undefined;
      this.#once(message, pace);
    } else if (resumption.held.length < this.#limits.resumedMessages) resumption.held.push(message);
    else this.#onGap('too much was published while the subscription was resumed');
  }

  /** A message that several filters match comes once per filter, one right after the other. */
  #once(message: BrokerMessage, pace: Pace | undefined): void {
    if (message.retained) {
      this.#delivery.one(message);
      return;
    }
    if (message === this.#last) return;
    this.#last = message;
    if (pace) pace.push(message);
    else this.#delivery.one(message);
  }
}

/** Bytes of payload that are sent before the client has taken what was sent before. */
const partBytes = 32 * 1024;

function* partsOf(messages: readonly BrokerMessage[]): Generator<BrokerMessage[]> {
  let part: BrokerMessage[] = [];
  let bytes = 0;
  for (const message of messages) {
    part.push(message);
    bytes += message.length;
    if (bytes < partBytes) continue;
    yield part;
    part = [];
    bytes = 0;
  }
  if (part.length > 0) yield part;
}

/** Those after an offset, each once: several filters may have selected one. */
function newerOf(messages: readonly BrokerMessage[], offset: number): BrokerMessage[] {
  let last = offset;
  return messages.filter((message) => {
    const isNew = message.offset > last;
    if (isNew) last = message.offset;
    return isNew;
  });
}

async function end(subscribed: Subscribed | undefined): Promise<void> {
  if (subscribed === undefined) return;
  subscribed.end();
  await (await subscribed.begun)?.unsubscribe();
}
