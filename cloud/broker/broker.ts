/**
 * The seam between sessions and whatever routes messages: in-process now, Redis and NATS later.
 *
 * Guarantees every implementation gives, and test/contract/broker.contract.ts checks: messages of one publisher on one
 * topic reach each subscriber in order; a message is delivered at most once per subscription call, however many filters
 * match; `publish` resolves when the broker has accepted the message, after which it reaches every subscription that was
 * acknowledged before. A subscriber that throws does not disturb the others.
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
   * Delivers matching messages to `deliver`, beginning with the retained ones. Filters are validated by the caller.
   */
  subscribe(filter: string, deliver: (message: BrokerMessage) => void): Promise<Subscription>;
  /**
   * Accepts a message. With `dedupe` a (publisher, seq) not greater than the last accepted one is accepted again
   * without delivery. `retain` keeps it as the topic's last value; `data: null` with `retain` forgets it.
   */
  publish(topic: string, data: Json, options?: PublishOptions): Promise<void>;
  close(): Promise<void>;
}

export interface PublishOptions {
  readonly retain?: boolean;
  readonly dedupe?: { readonly publisher: string; readonly seq: number };
}
