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
 * What Redis must be told so that nothing is lost, and what it holds at most: docs/operations.md, "Engines".
 */

import { randomBytes } from 'node:crypto';
import type { RedisOptions } from 'ioredis';
import { EarlError, errorMessage } from '../../errors/index.ts';
import { isReserved, isWildcard, matches } from '../protocol/index.ts';
import {
  type Broker,
  BrokerMessage,
  type History,
  type Position,
  type PublishOptions,
  type SubscribeOptions,
  type Subscription,
} from './broker.ts';
import { EngineOutbox } from './engine-outbox.ts';
import { encodeRecord } from './engine-record.ts';
import { FanOut, type Subscriber } from './fan-out.ts';
import { incomplete } from './history.ts';
import { closedError } from './local.ts';
import { Queue } from './queue.ts';
import { isReplyError, promiseWithResolve, RedisCommands, refusedError, type Snapshot } from './redis-commands.ts';
import { RedisFeed } from './redis-feed.ts';
import { decodeArrived, interestOf } from './redis-wire.ts';

export interface RedisBrokerOptions {
  /** `redis://[user:password@]host[:port][/database]`, or `rediss:` for TLS. */
  readonly url: string;
  /** First part of every key and channel. Default `earl`. Clouds that share a database must differ in it. */
  readonly prefix?: string;
  /** Most messages of one topic in the history; the oldest go first. Default 1024. */
  readonly historyPerTopic?: number;
  /** Most bytes of history in Redis; the oldest messages go first. Default 64 MiB. */
  readonly historyBytes?: number;
  /** Most last values; the one not renewed for longest is forgotten. Default 10,000. */
  readonly retainedTopics?: number;
  /** Most bytes of last values, same policy. Default 16 MiB. */
  readonly retainedBytes?: number;
  /** Publishers whose last sequence number is remembered; least recently heard forgotten. Default 10,000. */
  readonly publishers?: number;
  /** Bytes that may wait for Redis, in either direction. Default 64 MiB. */
  readonly waitingBytes?: number;
  /** Messages that are made up for after a lost connection; more are a gap. Default 100,000. */
  readonly missedMessages?: number;
  /** Called when a subscriber throws. Default: nothing. */
  readonly onSubscriberError?: (error: unknown, message: BrokerMessage) => void;
  /** Called with a line for each thing an operator should know. Default: nothing. */
  readonly log?: (line: string) => void;
}

/** A subscription whose place in the stream has not come yet. */
interface Joining {
  readonly filter: string;
  readonly deliver: (message: BrokerMessage) => void;
  readonly options: SubscribeOptions;
  snapshot: Snapshot | undefined;
  readonly resolve: (begun: { subscriber: Subscriber; position: Position }) => void;
  readonly reject: (error: unknown) => void;
}

type Arrival =
  | { readonly kind: 'message'; readonly frame: Buffer }
  | { readonly kind: 'marker'; readonly id: string }
  | { readonly kind: 'epoch'; readonly position: Position };

/** Topics in one request for history. */
const topicsPerRead = 512;

export class RedisBroker implements Broker {
  readonly #options: RedisBrokerOptions;
  readonly #commands: RedisCommands;
  readonly #feed: RedisFeed;
  readonly #outbox: EngineOutbox<Buffer>;
  readonly #fanOut: FanOut;
  readonly #channel: string;
  readonly #mostWaiting: number;
  readonly #joining = new Map<string, Joining>();
  /** Filters that somebody uses, for what must be made up for, and subscribers of `$` topics. */
  readonly #filters = new Map<string, number>();
  readonly #reserved = new Set<Subscriber>();
  readonly #arrivals = new Queue<Arrival>();
  #arrivedBytes = 0;
  /** Arrivals wait while what was missed before them is read. */
  #catchingUp = true;
  #pumping = false;
  #attached = promiseWithResolve();
  #attachments = 0;
  #markers = 0;
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
      const { host } = new URL(options.url);
      const advice = 'is redis-server running there, and does the URL name the right user, password and port?';
      throw new EarlError('BACKPLANE_UNREACHABLE', `no use of Redis at ${host}: ${errorMessage(error)}; ${advice}`, {
        cause: error,
      });
    }
    return broker;
  }

  private constructor(options: RedisBrokerOptions) {
    const { connection, database } = connectionOptions(options.url, () => this.#connected);
    const prefix = `${options.prefix ?? 'earl'}:${database}`;
    const log = options.log ?? (() => {});
    this.#options = options;
    this.#mostWaiting = options.waitingBytes ?? 64 * 1024 * 1024;
    this.#channel = `${prefix}:s:${randomBytes(8).toString('hex')}`;
    this.#fanOut = new FanOut(() => {}, options.onSubscriberError);
    this.#outbox = new EngineOutbox({
      send: (number, records) => this.#publish(number, Buffer.concat(records)),
      mostBytes: this.#mostWaiting,
    });
    this.#commands = new RedisCommands({
      connection,
      prefix,
      bounds: {
        historyPerTopic: options.historyPerTopic ?? 1024,
        historyBytes: options.historyBytes ?? 64 * 1024 * 1024,
        retainedTopics: options.retainedTopics ?? 10_000,
        retainedBytes: options.retainedBytes ?? 16 * 1024 * 1024,
        publishers: options.publishers ?? 10_000,
      },
      onOpen: () => this.#outbox.resume(),
      onLost: () => {
        this.#outbox.pause();
        if (!this.#closed) log('the connection to Redis is lost: messages wait until it is back');
      },
      log,
    });
    this.#feed = new RedisFeed({
      connection,
      prefix,
      own: this.#channel,
      onMessage: (frame) => this.#arrive({ kind: 'message', frame }, frame.length),
      onMarker: (id) => this.#arrive({ kind: 'marker', id }, 0),
      onEpoch: (position) => this.#arrive({ kind: 'epoch', position }, 0),
      onAttached: () => void this.#attach(),
      onLost: () => this.#lose(),
    });
  }

  /** Bytes of messages that wait for Redis to accept them. */
  get waitingBytes(): number {
    return this.#outbox.bytes;
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
        if (subscriber.active) this.#leave(filter, subscriber);
      },
    };
  }

  async read(filters: readonly string[], since: Position, most: number): Promise<History> {
    const own = filters.filter((filter) => !isReserved(filter));
    const named = new Set(own.filter((filter) => !filter.split('/').some(isWildcard)));
    const wild = own.filter((filter) => !named.has(filter));
    const wanted = (topic: string) => wild.some((filter) => matches(filter, topic));
    return await this.#untilDone(() => this.#read(since, most, lanesOf(wild), wanted, named));
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
    this.#fanOut.close();
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

  async #join(
    filter: string,
    deliver: Joining['deliver'],
    options: SubscribeOptions,
  ): Promise<{ subscriber: Subscriber; position: Position }> {
    const interest = interestOf(filter);
    await this.#feed.open(interest);
    const id = String(++this.#markers);
    try {
      return await new Promise((resolve, reject) => {
        const joining: Joining = { filter, deliver, options, snapshot: undefined, resolve, reject };
        this.#joining.set(id, joining);
        this.#commands.snapshot(filter, options.retained !== false, this.#channel, id).then((snapshot) => {
          joining.snapshot = snapshot;
          this.#pump();
        }, reject);
      });
    } catch (error) {
      this.#joining.delete(id);
      this.#feed.release(interest);
      this.#pump();
      throw error;
    }
  }

  #leave(filter: string, subscriber: Subscriber): void {
    this.#fanOut.remove(filter, subscriber);
    this.#reserved.delete(subscriber);
    const uses = this.#filters.get(filter)! - 1;
    if (uses > 0) this.#filters.set(filter, uses);
    else this.#filters.delete(filter);
    this.#feed.release(interestOf(filter));
  }

  #arrive(arrival: Arrival, bytes: number): void {
    this.#arrivals.push(arrival);
    this.#arrivedBytes += bytes;
    this.#pump();
    if (this.#arrivedBytes > this.#mostWaiting) this.#feed.reconnect();
  }

  /** Deals with what has arrived, in order, as far as possible. */
  #pump(): void {
    if (this.#pumping || this.#catchingUp) return;
    this.#pumping = true;
    for (let next = this.#arrivals.at(0); next !== undefined; next = this.#arrivals.at(0)) {
      const joining = next.kind === 'marker' ? this.#joining.get(next.id) : undefined;
      // The answer to the request comes on the other connection, and must be here first.
      if (joining && joining.snapshot === undefined) break;
      this.#arrivals.shift();
      if (next.kind === 'message') {
        this.#arrivedBytes -= next.frame.length;
        this.#deliver(next.frame);
      } else if (next.kind === 'epoch') {
        if (next.position.epoch === this.#epoch) continue;
        this.#begin(next.position, 'the data in Redis was lost or went back');
      } else if (joining) {
        this.#joining.delete(next.id);
        this.#activate(joining, joining.snapshot!);
      }
    }
    this.#pumping = false;
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
    this.#fanOut.deliver(new BrokerMessage(topic, payload, Math.max(place, 0), false));
  }

  #activate(joining: Joining, { position, retained }: Snapshot): void {
    const { filter, deliver, options } = joining;
    const subscriber = this.#fanOut.add(filter, deliver, options.onGap);
    if (isReserved(filter)) this.#reserved.add(subscriber);
    this.#filters.set(filter, (this.#filters.get(filter) ?? 0) + 1);
    if (position.epoch === this.#epoch) this.#delivered = Math.max(this.#delivered, position.offset);
    for (const message of [...retained].sort((one, other) => one.offset - other.offset)) {
      if (matches(filter, message.topic)) this.#fanOut.deliverTo(subscriber, message);
    }
    joining.resolve({ subscriber, position });
  }

  #lose(): void {
    this.#attachments += 1;
    this.#catchingUp = true;
    if (this.#attached.isResolved) this.#attached = promiseWithResolve();
    while (this.#arrivals.shift() !== undefined);
    this.#arrivedBytes = 0;
    const lost = new Error('the connection to Redis was lost');
    for (const joining of this.#joining.values()) joining.reject(lost);
    this.#joining.clear();
  }

  /** The feed is connected: makes up for what it missed, then lets go on what has arrived since. */
  async #attach(): Promise<void> {
    const attachment = ++this.#attachments;
    try {
      await this.#commands.opened();
      const { missed, position } = await this.#missed();
      if (attachment !== this.#attachments || this.#closed) return;
      if (missed === undefined) this.#begin(position, 'messages were missed while the connection to Redis was lost');
      else for (const message of missed) this.#fanOut.deliver(message);
      this.#delivered = position.offset;
      this.#deliveredReserved = 0;
      const reason = 'messages may have been missed while the connection to Redis was lost';
      for (const subscriber of [...this.#reserved]) subscriber.onGap?.(reason);
    } catch (error) {
      if (attachment !== this.#attachments || this.#closed) return;
      this.#options.log?.(`making up for missed messages: ${errorMessage(error)}`);
      this.#feed.reconnect();
      return;
    }
    this.#catchingUp = false;
    this.#attached.resolve();
    this.#pump();
  }

  /** What was published since the last delivery on topics that somebody here wants; undefined when that is not known. */
  async #missed(): Promise<{ missed: readonly BrokerMessage[] | undefined; position: Position }> {
    const since = { epoch: this.#epoch, offset: this.#delivered };
    const filters = [...this.#filters.keys()].filter((filter) => !isReserved(filter));
    const { position, topics } = await this.#commands.changed(since.offset, lanesOf(filters));
    if (position.epoch !== since.epoch || position.offset < since.offset) return { missed: undefined, position };
    const wanted = topics.filter((topic) => this.#fanOut.wants(topic));
    const most = this.#options.missedMessages ?? 100_000;
    const { messages, complete } = await this.#readTopics(since, position, most, wanted);
    return { missed: complete ? messages : undefined, position };
  }

  async #read(
    since: Position,
    most: number,
    lanes: readonly string[],
    wanted: (topic: string) => boolean,
    named: ReadonlySet<string>,
  ): Promise<History> {
    const { position, topics } = await this.#commands.changed(since.offset, lanes);
    if (position.epoch !== since.epoch || position.offset < since.offset) return incomplete;
    const all = new Set([...named, ...topics.filter(wanted)]);
    return await this.#readTopics(since, position, most, [...all]);
  }

  async #readTopics(since: Position, upTo: Position, most: number, topics: readonly string[]): Promise<History> {
    const found: BrokerMessage[] = [];
    // Asked even for no topics at all: others may have been forgotten.
    for (let first = 0; first === 0 || first < topics.length; first += topicsPerRead) {
      const some = topics.slice(first, first + topicsPerRead);
      const { position, messages } = await this.#commands.read(since.offset, upTo.offset, most - found.length, some);
      if (messages === undefined || position.epoch !== since.epoch) return incomplete;
      for (const message of messages) found.push(message);
    }
    return { messages: found.sort((one, other) => one.offset - other.offset), complete: true };
  }

  /** Another order of messages than before begins here. */
  #begin({ epoch, offset }: Position, reason: string): void {
    const first = this.#epoch === '';
    this.#epoch = epoch;
    this.#delivered = offset;
    this.#deliveredReserved = 0;
    if (!first) this.#fanOut.gap(reason);
  }
}

/** Lanes of filters, an empty one for all; without filters none, so that nothing is asked for. */
function lanesOf(filters: readonly string[]): string[] {
  const interests = filters.map(interestOf);
  if (interests.some(({ kind }) => kind === 'lanes')) return [''];
  return [...new Set(interests.map((interest) => (interest.kind === 'lane' ? interest.lane : '')))];
}

function connectionOptions(text: string, isUsed: () => boolean): { connection: RedisOptions; database: number } {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const database = Number(url?.pathname.slice(1) || 0);
  if (url === undefined || !/^rediss?:$/.test(url.protocol) || url.hostname === '' || !Number.isInteger(database)) {
    const example = 'redis://127.0.0.1:6379 or redis://user:password@host:6379/0';
    throw new EarlError('BACKPLANE_BAD_URL', `the address of Redis must be like ${example}`);
  }
  return {
    database,
    connection: {
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: Number(url.port || 6379),
      db: database,
      lazyConnect: true,
      connectTimeout: 5_000,
      ...(url.username ? { username: decodeURIComponent(url.username) } : {}),
      ...(url.password ? { password: decodeURIComponent(url.password) } : {}),
      ...(url.protocol === 'rediss:' ? { tls: {} } : {}),
      // The first connection is the operator's to correct; later ones come back, not all servers at once.
      retryStrategy: (attempt) => (isUsed() ? Math.min(2_000, 50 * 2 ** attempt) * (0.5 + Math.random()) : null),
    },
  };
}
