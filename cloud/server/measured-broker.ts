/**
 * A broker as its sessions see it, which counts what is handed to them and measures how long a message takes from being
 * published to being written to the sockets of its subscribers, at the end of that turn of the event loop.
 *
 * Measured is the first message that is published after each `tick`, so that the others cost one comparison.
 * What reaches no subscriber of this server within seconds is not counted.
 */

import {
  type Broker,
  type BrokerMessage,
  type History,
  LocalBroker,
  type Position,
  type PublishOptions,
  type SubscribeOptions,
  type Subscription,
  type TopicPublisher,
  topicPublisher,
} from '../broker/index.ts';

/** After which a message that was not delivered is forgotten. */
const patienceMs = 5_000;

interface Sample {
  readonly topic: string;
  readonly payload: Buffer;
  /** The message will have this payload, not an equal one. */
  readonly same: boolean;
  readonly publishedMs: number;
}

export class MeasuredBroker implements Broker {
  readonly #broker: Broker;
  readonly #keepsObjects: boolean;
  readonly #observe: (seconds: number) => void;
  readonly #onSample: () => void;
  #due = false;
  #sample: Sample | undefined;
  #deliveries = 0;

  /**
   * @param observe called with each measured time
   * @param onSample called when a message is going to be measured
   */
  constructor(broker: Broker, observe: (seconds: number) => void, onSample: () => void = () => {}) {
    this.#broker = broker;
    this.#keepsObjects = broker instanceof LocalBroker;
    this.#observe = observe;
    this.#onSample = onSample;
  }

  /** Messages handed to subscriptions: one that two filters of a client select counts twice. */
  get deliveries(): number {
    return this.#deliveries;
  }

  /** The next message that is published is to be measured, unless one is on its way. */
  tick(): void {
    this.#due = this.#sample === undefined || performance.now() - this.#sample.publishedMs > patienceMs;
  }

  subscribe(
    filter: string,
    deliver: (message: BrokerMessage) => void,
    options?: SubscribeOptions,
  ): Promise<Subscription> {
    const counting = (message: BrokerMessage): void => {
      this.#deliveries += 1;
      deliver(message);
      if (this.#sample !== undefined) this.#delivered(message);
    };
    return this.#broker.subscribe(filter, counting, options);
  }

  /** A message has been handed to so many subscriptions otherwise than by `subscribe` (direct-delivery.ts). */
  handed(message: BrokerMessage, count: number): void {
    this.#deliveries += count;
    if (this.#sample !== undefined && count > 0) this.#delivered(message);
  }

  read(filters: readonly string[], since: Position, most: number): Promise<History> {
    return this.#broker.read(filters, since, most);
  }

  publish(topic: string, payload: Buffer, options?: PublishOptions): Promise<void> | undefined {
    if (this.#due) this.#begin(topic, payload, this.#keepsObjects);
    return this.#broker.publish(topic, payload, options);
  }

  topicPublisher(topic: string): TopicPublisher {
    const to = topicPublisher(this.#broker, topic);
    return {
      topic,
      publish: (bytes, start, end, retain, dedupe) => {
        if (this.#due) this.#begin(topic, Buffer.from(bytes.subarray(start, end)), false);
        return to.publish(bytes, start, end, retain, dedupe);
      },
    };
  }

  close(): Promise<void> {
    return this.#broker.close();
  }

  #begin(topic: string, payload: Buffer, same: boolean): void {
    this.#due = false;
    this.#sample = { topic, payload, same, publishedMs: performance.now() };
    this.#onSample();
  }

  #delivered(message: BrokerMessage): void {
    const sample = this.#sample!;
    if (!isIt(message, sample)) return;
    this.#sample = undefined;
    // After the sockets' writes of this turn, which were asked for before.
    setImmediate(() => this.#observe((performance.now() - sample.publishedMs) / 1000));
  }
}

/** An engine brings a message back as other objects; an equal one before it may then be taken for it. */
function isIt({ topic, bytes, start, end, retained }: BrokerMessage, { same, ...sample }: Sample): boolean {
  if (same) return bytes === sample.payload;
  return !retained && topic === sample.topic && sample.payload.equals(bytes.subarray(start, end));
}
