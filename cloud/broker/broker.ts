/**
 * The seam between sessions and whatever routes messages: in one process, over a log on disk, or over an engine.
 *
 * Guarantees every implementation gives, and test/contract/broker.contract.ts checks: messages of one publisher on one
 * topic reach each subscriber in order; a message is delivered at most once per subscription; when `publish` has
 * accepted a message, it reaches every subscription that was acknowledged before, unless `onGap` says otherwise. A
 * subscriber that throws does not disturb the others. All subscriptions in one process get a message as the same
 * object, one after the other with no other message between, so that a session with several filters can tell it has it
 * already, and its frame is built once. Offsets grow along each topic, and along the deliveries to one subscriber.
 *
 * Topics whose first level begins with `$` carry the server's own traffic (commands, health): they have no history, and
 * a wildcard in a filter's first level does not match them. Who may use them is the caller's business.
 */

import type { Json } from '../protocol/messages.ts';
import type { BrokerMessage, Position } from './message.ts';

export type { Position } from './message.ts';
export { BrokerMessage } from './message.ts';

export interface Subscription {
  /** Everything after this place is delivered live; for `read`. */
  readonly position: Position;
  /** Stops delivery; resolves when no further call will come. */
  unsubscribe(): Promise<void>;
}

export interface SubscribeOptions {
  /** Whether the last values are handed over first. Default true. */
  readonly retained?: boolean;
  /** Delivery was interrupted and messages may be missing from here on: subscribe again, from the last place known. */
  readonly onGap?: (reason: string) => void;
}

/** What was published on some topics since a place. */
export interface History {
  readonly messages: readonly BrokerMessage[];
  /** False when the broker no longer has all of it, or never had: `messages` is empty then, rather than partial. */
  readonly complete: boolean;
}

export interface Broker {
  /**
   * Delivers matching messages to `deliver`, beginning with the retained ones: when the promise resolves, they have all
   * been handed over. Filters are validated by the caller. Rejects with `BROKER_CLOSED` after `close`.
   */
  subscribe(
    filter: string,
    deliver: (message: BrokerMessage) => void,
    options?: SubscribeOptions,
  ): Promise<Subscription>;
  /**
   * Everything that was published on topics that one of the filters matches after `since` and up to now, in order. At
   * most `most` messages: more are answered as incomplete. Rejects with `BROKER_CLOSED` after `close`.
   */
  read(filters: readonly string[], since: Position, most: number): Promise<History>;
  /**
   * Accepts a message: `undefined` when it has been accepted already, else a promise of that. With `dedupe` a
   * (publisher, seq) not greater than the last accepted one is accepted again without delivery. `retain` keeps it as
   * the topic's last value; an empty payload with `retain` forgets it, after the subscribers have heard of it. Topics
   * are validated by the caller, and the payload must not change afterwards. Never throws; rejects with `BROKER_CLOSED`
   * after `close`.
   *
   * When a message is refused, so are those of its publisher that came after it and before the rejection was heard:
   * a greater number that was accepted would make the refused one a repetition when it is published again.
   */
  publish(topic: string, payload: Buffer, options?: PublishOptions): Promise<void> | undefined;
  /** A topic for a publisher that uses it again and again; `topicPublisher` does it for brokers without. */
  topicPublisher?(topic: string): TopicPublisher;
  /** Ends all delivery. A second call does nothing. */
  close(): Promise<void>;
}

/** One topic, looked up once. */
export interface TopicPublisher {
  readonly topic: string;
  /** As `Broker.publish`, for a payload from `start` to `end` of bytes that may change afterwards. */
  publish(
    bytes: Uint8Array,
    start: number,
    end: number,
    retain: boolean,
    dedupe: Dedupe | undefined,
  ): Promise<void> | undefined;
}

export interface Dedupe {
  readonly publisher: string;
  readonly seq: number;
}

export interface PublishOptions {
  readonly retain?: boolean;
  readonly dedupe?: Dedupe;
  /** What the payload says, when the caller knows: spares subscribers to parse it. */
  readonly json?: Json;
}

/** Publishes a JSON value; `null` with `retain` forgets the last value. */
export async function publishJson(
  broker: Broker,
  topic: string,
  data: Json,
  options: Omit<PublishOptions, 'json'> = {},
): Promise<void> {
  await broker.publish(topic, jsonPayload(data, options.retain), { ...options, json: data });
}

/** As `Broker.topicPublisher`, at any broker. */
export function topicPublisher(broker: Broker, topic: string): TopicPublisher {
  return broker.topicPublisher?.(topic) ?? copyingPublisher(broker, topic);
}

/** Publishes copies by `Broker.publish`. */
function copyingPublisher(broker: Broker, topic: string): TopicPublisher {
  return {
    topic,
    publish: (bytes, start, end, retain, dedupe) =>
      broker.publish(topic, Buffer.from(bytes.subarray(start, end)), { retain, ...(dedupe ? { dedupe } : {}) }),
  };
}

const nothing = Buffer.alloc(0);

/** The bytes of a JSON value as a payload. */
export function jsonPayload(data: Json, retain = false): Buffer {
  return retain && data === null ? nothing : Buffer.from(JSON.stringify(data));
}
