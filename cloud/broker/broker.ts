/**
 * The seam between sessions and whatever routes messages: in-process now, Redis and NATS later.
 *
 * Guarantees every implementation gives, and test/contract/broker.contract.ts checks: messages of one publisher on one
 * topic reach each subscriber in order; a message is delivered at most once per subscription call, however many filters
 * match; `publish` resolves when the broker has accepted the message, after which it reaches every subscription that was
 * acknowledged before. A subscriber that throws does not disturb the others. All subscriptions in one process get a
 * message as the same object, one after the other with no other message between, so that a session with several filters
 * can tell it has it already, and its frame is built once.
 *
 * Topics whose first level begins with `$` carry the server's own traffic (commands, health); a wildcard in a filter's
 * first level does not match them. Who may use them is the caller's business.
 */

import type { Json } from '../protocol/messages.ts';

export interface BrokerMessage {
  readonly topic: string;
  readonly data: Json;
  /** True when this is the retained last value, sent because the subscription began after it was published. */
  readonly retained: boolean;
}

export interface Subscription {
  /** Stops delivery; resolves when no further call will come. */
  unsubscribe(): Promise<void>;
}

export interface Broker {
  /**
   * Delivers matching messages to `deliver`, beginning with the retained ones: when the promise resolves, they have all
   * been handed over. Filters are validated by the caller. Rejects with `BROKER_CLOSED` after `close`.
   */
  subscribe(filter: string, deliver: (message: BrokerMessage) => void): Promise<Subscription>;
  /**
   * Accepts a message. With `dedupe` a (publisher, seq) not greater than the last accepted one is accepted again
   * without delivery. `retain` keeps it as the topic's last value; `data: null` with `retain` forgets it, after the
   * subscribers have heard of it. Topics are validated by the caller, and `data` must not change afterwards. Rejects
   * with `BROKER_CLOSED` after `close`.
   */
  publish(topic: string, data: Json, options?: PublishOptions): Promise<void>;
  /** Ends all delivery. A second call does nothing. */
  close(): Promise<void>;
}

export interface PublishOptions {
  readonly retain?: boolean;
  readonly dedupe?: { readonly publisher: string; readonly seq: number };
}
