/**
 * A broker over Redis, for any number of servers that share it: what one accepts, all deliver.
 *
 * `publish` is accepted when Redis has executed it: one script removes repetitions, gives the offset, keeps history and
 * last value, and publishes to the servers that are interested in the topic's lane (redis-scripts.ts). Every server
 * delivers what arrives in the order of offsets. A subscription begins at a place in that order: its marker goes through
 * Redis and comes back in the stream of messages.
 *
 * After a lost connection a server subscribes again, reads from the histories what it has missed, delivers that and goes
 * on; when something of it is gone, or Redis has another epoch, subscribers hear of a gap. Messages of the server's own
 * `$` topics have no history: their subscribers hear of a gap after every lost connection. Messages that wait for Redis
 * are sent again when it is back, and executed once.
 *
 * What Redis must be told so that nothing is lost, and what it holds at most: docs/scaling.md, "Engines".
 */

import { randomBytes } from 'node:crypto';
import { errorMessage } from '../../errors/index.ts';
import { matches } from '../protocol/index.ts';
import type { SubscribeOptions, Subscription } from './broker.ts';
import { type Broker, BrokerMessage, type History, type Position, type PublishOptions } from './broker.ts';
import { EngineOutbox } from './engine-outbox.ts';
import { encodeRecord } from './engine-record.ts';
import { EngineSubscribers } from './engine-subscribers.ts';
import type { Subscriber } from './fan-out.ts';
import { closedError } from './local.ts';
import { promiseWithResolve } from './promise-with-resolve.ts';
import { parseRedisAddress, unreachableError } from './redis-address.ts';
import { type Arrival, RedisArrivals } from './redis-arrivals.ts';
import { isReplyError, RedisCommands, refusedError, type Snapshot } from './redis-commands.ts';
import { RedisFeed } from './redis-feed.ts';
import { RedisHistory } from './redis-history.ts';
import { Joining } from './redis-joining.ts';
import {
  boundsOf,
  defaultAnswerTimeoutMs,
  defaultMissedMessages,
  defaultWaitingBytes,
  type RedisBrokerOptions,
} from './redis-options.ts';
import { decodeArrived, interestOf } from './redis-wire.ts';

export type { RedisBrokerOptions } from './redis-options.ts';

/** A subscription that has begun, and where. */
interface Joined {
  readonly subscriber: Subscriber;
  readonly position: Position;
}

export class RedisBroker implements Broker {
  readonly #options: RedisBrokerOptions;
  readonly #host: string;
  readonly #commands: RedisCommands;
  readonly #feed: RedisFeed;
  readonly #outbox: EngineOutbox<Buffer>;
  readonly #subscribers: EngineSubscribers;
  readonly #history: RedisHistory;
  readonly #arrivals = new RedisArrivals((arrival) => this.#take(arrival));
  readonly #channel: string;
  readonly #mostWaiting: number;
  readonly #joining = new Joining<Joined>(() => this.#arrivals.takeAll());
  #attached = promiseWithResolve();
  #attachments = 0;
  /** Which process of Redis the feed leads to; the commands must lead to the same. */
  #feedRun = '';
  #epoch = '';
  /** Last offset, and last count of `$` messages, that has been delivered. */
  #delivered = 0;
  #deliveredReserved = 0;
  #connected = false;
  #closed = false;

  /** Resolves when Redis has answered. Rejects with `BACKPLANE_BAD_URL` or `BACKPLANE_UNREACHABLE`. */
  static async connect(options: RedisBrokerOptions): Promise<RedisBroker> {
    const broker = new RedisBroker(options);
    try {
      await Promise.all([broker.#commands.connect(), broker.#feed.connect()]);
      await broker.#attached.promise;
      broker.#connected = true;
    } catch (error) {
      await broker.close();
      throw unreachableError(broker.#host, error);
    }
    return broker;
  }

  private constructor(options: RedisBrokerOptions) {
    const { host, database, ...address } = parseRedisAddress(options.url, () => this.#connected);
    const answerTimeoutMs = options.answerTimeoutMs ?? defaultAnswerTimeoutMs;
    const connection = { ...address.connection, commandTimeout: answerTimeoutMs };
    this.#host = host;
    const prefix = `${options.prefix ?? 'earl'}:${database}`;
    const log = options.log ?? (() => {});
    this.#options = options;
    this.#mostWaiting = options.waitingBytes ?? defaultWaitingBytes;
    this.#channel = `${prefix}:s:${randomBytes(8).toString('hex')}`;
    this.#subscribers = new EngineSubscribers(options.onSubscriberError);
    this.#outbox = new EngineOutbox({
      send: (number, records) => this.#publish(number, Buffer.concat(records)),
      mostBytes: this.#mostWaiting,
    });
    this.#commands = new RedisCommands({
      connection,
      prefix,
      bounds: boundsOf(options),
      onOpen: () => {
        this.#outbox.resume();
        if (this.#feedRun !== '' && this.#feedRun !== this.#commands.run) this.#feed.reconnect();
      },
      onLost: () => {
        this.#outbox.pause();
        if (!this.#closed) log('the connection to Redis is lost: messages wait until it is back');
      },
      log,
    });
    this.#history = new RedisHistory(this.#commands);
    this.#feed = new RedisFeed({
      connection,
      prefix,
      own: this.#channel,
      pingMs: answerTimeoutMs,
      onMessage: (frame) => this.#arrive({ kind: 'message', frame }),
      onMarker: (id) => this.#arrive({ kind: 'marker', id }),
      onEpoch: (position) => this.#arrive({ kind: 'epoch', position }),
      onAttached: (run) => void this.#attach(run),
      onLost: () => this.#lose(),
    });
  }

  async subscribe(
    filter: string,
    deliver: (message: BrokerMessage) => void,
    options: SubscribeOptions = {},
  ): Promise<Subscription> {
    const { subscriber, position } = await this.#untilDone(async () => {
      await this.#attached.promise;
      return await this.#join(filter, deliver, options);
    });
    return {
      position,
      unsubscribe: async () => {
        if (this.#subscribers.remove(filter, subscriber)) this.#feed.release(interestOf(filter));
      },
    };
  }

  async read(filters: readonly string[], since: Position, most: number): Promise<History> {
    return await this.#untilDone(() => this.#history.read(filters, since, most));
  }

  publish(topic: string, payload: Buffer, options: PublishOptions = {}): Promise<void> {
    if (this.#closed) return Promise.reject(closedError());
    const { dedupe, retain = false } = options;
    const { publisher, seq } = dedupe ?? { publisher: '', seq: 0 };
    const record = encodeRecord({ topic, payload, retain, publisher, seq });
    return this.#outbox.append(record, record.length);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#subscribers.close();
    this.#outbox.close(closedError());
    this.#attached.reject(closedError());
    this.#commands.close(closedError());
    this.#feed.close();
    this.#lose();
    this.#attached.reject(closedError());
  }

  async #publish(number: number, records: Buffer): Promise<void> {
    try {
      await this.#commands.publish(number, records);
    } catch (error) {
      throw isReplyError(error) ? refusedError(error) : error;
    }
  }

  /** Repeats what a lost connection interrupted. */
  async #untilDone<Result>(attempt: () => Promise<Result>): Promise<Result> {
    for (;;) {
      if (this.#closed) throw closedError();
      try {
        return await attempt();
      } catch (error) {
        if (isReplyError(error)) throw refusedError(error);
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }

  async #join(filter: string, deliver: Subscriber['deliver'], options: SubscribeOptions): Promise<Joined> {
    const interest = interestOf(filter);
    await this.#feed.open(interest);
    try {
      return await this.#joining.begin((id) =>
        this.#commands.snapshot(filter, options.retained !== false, this.#channel, id).then((snapshot) => {
          return () => this.#activate(filter, deliver, options, snapshot);
        }),
      );
    } catch (error) {
      this.#feed.release(interest);
      throw error;
    }
  }

  #arrive(arrival: Arrival): void {
    this.#arrivals.push(arrival);
    if (this.#arrivals.bytes > this.#mostWaiting) this.#feed.reconnect();
  }

  #take(arrival: Arrival): boolean {
    if (arrival.kind === 'marker') return this.#joining.take(arrival.id);
    if (arrival.kind === 'message') this.#deliver(arrival.frame);
    else if (arrival.position.epoch !== this.#epoch) {
      this.#begin(arrival.position, 'the data in Redis was lost or went back');
    }
    return true;
  }

  #deliver(frame: Buffer): void {
    const { place, topic, payload } = decodeArrived(frame);
    if (place > 0) {
      if (place <= this.#delivered) return;
      this.#delivered = place;
    } else {
      if (-place <= this.#deliveredReserved) return;
      this.#deliveredReserved = -place;
    }
    this.#subscribers.deliver(new BrokerMessage(topic, payload, Math.max(place, 0), false));
  }

  #activate(
    filter: string,
    deliver: Subscriber['deliver'],
    options: SubscribeOptions,
    { position, retained }: Snapshot,
  ): Joined {
    if (position.epoch === this.#epoch) this.#delivered = Math.max(this.#delivered, position.offset);
    const lastValues = retained
      .filter((message) => matches(filter, message.topic))
      .sort((one, other) => one.offset - other.offset);
    return { subscriber: this.#subscribers.add(filter, deliver, options.onGap, lastValues), position };
  }

  #lose(): void {
    this.#attachments += 1;
    this.#arrivals.hold();
    if (this.#attached.isResolved) this.#attached = promiseWithResolve();
    this.#joining.fail(new Error('the connection to Redis was lost'));
  }

  /** The feed is connected: makes up for what it missed, then lets go on what has arrived since. */
  async #attach(run: string): Promise<void> {
    const attachment = ++this.#attachments;
    this.#feedRun = run;
    try {
      await this.#commands.opened();
      if (attachment !== this.#attachments || this.#closed) return;
      if (run !== this.#commands.run) throw new Error('the two connections lead to two processes of Redis');
      const { missed, position } = await this.#missed();
      if (attachment !== this.#attachments || this.#closed) return;
      if (missed === undefined) this.#begin(position, 'messages were missed while the connection to Redis was lost');
      else for (const message of missed) this.#subscribers.deliver(message);
      this.#delivered = position.offset;
      this.#deliveredReserved = 0;
      this.#subscribers.gapReserved('messages may have been missed while the connection to Redis was lost');
    } catch (error) {
      if (attachment !== this.#attachments || this.#closed) return;
      this.#options.log?.(`making up for missed messages: ${errorMessage(error)}`);
      this.#feed.reconnect();
      return;
    }
    this.#attached.resolve();
    this.#arrivals.release();
  }

  /** What was published since the last delivery on topics that somebody here wants. */
  #missed(): ReturnType<RedisHistory['missed']> {
    const since = { epoch: this.#epoch, offset: this.#delivered };
    const wants = (topic: string) => this.#subscribers.wants(topic);
    const most = this.#options.missedMessages ?? defaultMissedMessages;
    return this.#history.missed(this.#subscribers.filters, wants, since, most);
  }

  /** Another order of messages than before begins here. */
  #begin({ epoch, offset }: Position, reason: string): void {
    const first = this.#epoch === '';
    this.#epoch = epoch;
    this.#delivered = offset;
    this.#deliveredReserved = 0;
    if (!first) this.#subscribers.gap(reason);
  }
}
