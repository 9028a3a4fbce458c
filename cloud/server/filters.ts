/**
 * What one session has subscribed to: begins, resumes and ends subscriptions at the broker, and hands every message to
 * the session once, however many of its filters match.
 *
 * A resumption subscribes first and holds live messages back, reads what was published since the client's last place,
 * delivers that and then what was held back and is newer (after Centrifugo's recovery): no gap, nothing twice. When the
 * broker no longer has all of it, the client begins anew, with the last values, and is told so.
 */

import type { Broker, BrokerMessage, Position, Subscription } from '../broker/index.ts';
import { errorCodes } from '../protocol/index.ts';
import { RequestError } from './request-error.ts';

export interface FilterLimits {
  /** Filters of one session. */
  readonly subscriptions: number;
  /** Messages that a resumption may bring; more and it begins anew. */
  readonly resumedMessages: number;
}

export interface Begun {
  readonly position: Position;
  /** Present when `since` was given: whether everything since then has been delivered. */
  readonly recovered?: boolean;
}

/** One filter of the client; no longer `active` from the moment it unsubscribes, whenever the broker follows. */
interface Subscribed {
  active: boolean;
  begun: Promise<Subscription> | undefined;
}

export class SessionFilters {
  readonly #broker: Broker;
  readonly #limits: FilterLimits;
  readonly #deliver: (message: BrokerMessage) => void;
  readonly #onGap: (reason: string) => void;
  readonly #subscribed = new Map<string, Subscribed>();
  #last: BrokerMessage | undefined;

  /** @param onGap called when the broker may have lost messages: the client must reconnect and resume */
  constructor(
    broker: Broker,
    limits: FilterLimits,
    deliver: (message: BrokerMessage) => void,
    onGap: (reason: string) => void,
  ) {
    this.#broker = broker;
    this.#limits = limits;
    this.#deliver = deliver;
    this.#onGap = onGap;
  }

  /** Subscribes to filters that the caller has checked. Rejects with a `RequestError` or what the broker says. */
  async subscribe(filters: readonly string[], since?: Position): Promise<Begun> {
    this.#checkRoom(filters);
    if (since === undefined) return { position: await this.#begin(filters, true, (message) => this.#once(message)) };
    const held: BrokerMessage[] = [];
    let take = (message: BrokerMessage): void => {
      if (held.length < this.#limits.resumedMessages) held.push(message);
      else this.#onGap('too much was published while the subscription was resumed');
    };
    const position = await this.#begin(filters, false, (message) => take(message));
    const history = await this.#broker.read(filters, since, this.#limits.resumedMessages);
    if (!history.complete) {
      const fresh = await this.#begin(filters, true, (message) => this.#once(message));
      return { position: fresh, recovered: false };
    }
    for (const message of history.messages) this.#deliver(message);
    const read = history.messages.at(-1)?.offset ?? since.offset;
    take = (message) => {
      if (message.offset > read) this.#once(message);
    };
    for (const message of held) take(message);
    return { position, recovered: true };
  }

  async unsubscribe(filters: readonly string[]): Promise<void> {
    const ended = filters.map((filter) => this.#subscribed.get(filter));
    for (const filter of filters) this.#subscribed.delete(filter);
    await Promise.all(ended.map(end));
  }

  close(): void {
    for (const subscribed of this.#subscribed.values()) end(subscribed).catch(() => {});
    this.#subscribed.clear();
  }

  #checkRoom(filters: readonly string[]): void {
    const most = this.#limits.subscriptions;
    const added = filters.filter((filter) => !this.#subscribed.has(filter)).length;
    if (this.#subscribed.size + added <= most) return;
    throw new RequestError(errorCodes.tooMany, `a connection may have ${most} subscriptions: use wildcards`);
  }

  /** Replaces what the session has on these filters; the place from which all of them are live. */
  async #begin(
    filters: readonly string[],
    retained: boolean,
    deliver: (message: BrokerMessage) => void,
  ): Promise<Position> {
    const positions = await Promise.all(filters.map((filter) => this.#beginOne(filter, retained, deliver)));
    return positions.reduce((least, position) => (position.offset < least.offset ? position : least));
  }

  async #beginOne(filter: string, retained: boolean, deliver: (message: BrokerMessage) => void): Promise<Position> {
    const earlier = this.#subscribed.get(filter);
    const subscribed: Subscribed = { active: true, begun: undefined };
    this.#subscribed.set(filter, subscribed);
    subscribed.begun = this.#broker.subscribe(
      filter,
      (message) => {
        if (subscribed.active) deliver(message);
      },
      { retained, onGap: this.#onGap },
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

  /** A message that several filters match comes once per filter, one right after the other. */
  #once(message: BrokerMessage): void {
    if (!message.retained) {
      if (message === this.#last) return;
      this.#last = message;
    }
    this.#deliver(message);
  }
}

async function end(subscribed: Subscribed | undefined): Promise<void> {
  if (subscribed === undefined) return;
  subscribed.active = false;
  await (await subscribed.begun)?.unsubscribe();
}
