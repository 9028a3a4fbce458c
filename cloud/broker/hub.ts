/**
 * The broker of a worker: speaks to the hub of its machine (hub-server.ts), where the messages are.
 *
 * `publish` is accepted when the hub's broker has accepted it: what a turn of the event loop publishes is accepted
 * together. Subscriptions are one per filter at the hub and any number here. When the connection to the hub is lost,
 * everything that waits is rejected, subscribers hear of a gap and `onLost` is called: there is no way back, since
 * messages may be missing on either side; the process is to end.
 */

import { connect, type Socket } from 'node:net';
import { EarlError } from '../../errors/index.ts';
import {
  type Broker,
  BrokerMessage,
  type History,
  type Position,
  type PublishOptions,
  type SubscribeOptions,
  type Subscription,
} from './broker.ts';
import { FanOut, type Subscriber } from './fan-out.ts';
import { incomplete } from './history.ts';
import {
  type Fields,
  hubVersion,
  NameNumbers,
  Names,
  publishFlags,
  RecordReader,
  RecordWriter,
  toHub,
  toWorker,
  wrongRecord,
} from './hub-records.ts';
import { writeAll } from './hub-server.ts';
import { closedError } from './local.ts';

export interface HubBrokerOptions {
  /** Path of the hub's socket. */
  readonly socket: string;
  readonly secret: string;
  /** Number of this worker. */
  readonly worker: number;
  /** Bytes that may wait for the hub; beyond, messages are refused until half of that is left. Default 64 MiB. */
  readonly waitingBytes?: number;
  /** Called once, when the hub is gone and this broker was not closed. Default: nothing. */
  readonly onLost?: () => void;
  /** Called when a subscriber throws. Default: nothing. */
  readonly onSubscriberError?: (error: unknown, message: BrokerMessage) => void;
}

/** A subscription that the hub has not acknowledged. */
interface Joining {
  readonly filter: string;
  readonly deliver: (message: BrokerMessage) => void;
  readonly options: SubscribeOptions;
  readonly retained: BrokerMessage[];
  subscriber: Subscriber | undefined;
  readonly resolve: (begun: Begun) => void;
  readonly reject: (error: EarlError) => void;
}

interface Begun {
  readonly subscriber: Subscriber;
  readonly position: Position;
}

interface Reading {
  readonly messages: BrokerMessage[];
  readonly resolve: (history: History) => void;
  readonly reject: (error: EarlError) => void;
}

/** Publishes that are accepted together. */
interface Batch {
  readonly accepted: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: EarlError) => void;
}

export class HubBroker implements Broker {
  readonly #socket: Socket;
  readonly #options: HubBrokerOptions;
  readonly #mostBytes: number;
  readonly #writer = new RecordWriter();
  readonly #topics: NameNumbers;
  readonly #publishers: NameNumbers;
  readonly #names = new Names();
  readonly #fanOut: FanOut;
  /** Filters with the number of subscriptions here, those that join included. */
  readonly #uses = new Map<string, number>();
  readonly #joining = new Map<number, Joining>();
  readonly #reading = new Map<number, Reading>();
  readonly #pings = new Map<number, () => void>();
  readonly #batches = new Map<number, Batch>();
  #batch: Batch | undefined;
  #batchNumber = 0;
  #ids = 0;
  #scheduled = false;
  #overloaded = false;
  #welcomed: (() => void) | undefined;
  #ended: EarlError | undefined;

  /** Resolves when the hub has let this worker in. Rejects with `HUB_LOST`. */
  static async connect(options: HubBrokerOptions): Promise<HubBroker> {
    const socket = connect(options.socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', (error) => reject(lostError(error.message)));
    });
    const broker = new HubBroker(socket, options);
    await new Promise<void>((resolve, reject) => {
      broker.#welcomed = resolve;
      socket.once('close', () => reject(broker.#ended ?? lostError('it did not answer')));
    });
    return broker;
  }

  private constructor(socket: Socket, options: HubBrokerOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#mostBytes = options.waitingBytes ?? 64 * 1024 * 1024;
    this.#fanOut = new FanOut(() => {}, options.onSubscriberError);
    this.#topics = new NameNumbers((number, text) => this.#announce(toHub.topic, number, text));
    this.#publishers = new NameNumbers((number, text) => this.#announce(toHub.publisher, number, text));
    const reader = new RecordReader((record) => this.#take(record));
    socket.removeAllListeners('error');
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      try {
        reader.take(chunk);
      } catch (error) {
        this.#end(lostError(error instanceof Error ? error.message : String(error)));
        socket.destroy();
      }
    });
    socket.on('drain', () => this.#flush());
    socket.once('close', () => this.#onClosed());
    const { secret, worker } = options;
    const hello = this.#writer.begin(toHub.hello, 12 + 3 * secret.length);
    hello.number(hubVersion).text(secret).number(worker).end();
    this.#schedule();
  }

  /** Bytes that the hub has not taken. */
  get waitingBytes(): number {
    return this.#writer.bytes + this.#socket.writableLength;
  }

  async subscribe(
    filter: string,
    deliver: (message: BrokerMessage) => void,
    options: SubscribeOptions = {},
  ): Promise<Subscription> {
    this.#mustBeOpen();
    this.#uses.set(filter, (this.#uses.get(filter) ?? 0) + 1);
    const id = this.#nextId();
    const record = this.#writer.begin(toHub.subscribe, 9 + 3 * filter.length);
    record
      .number(id)
      .byte(Number(options.retained !== false))
      .text(filter)
      .end();
    this.#schedule();
    try {
      const { subscriber, position } = await new Promise<Begun>((resolve, reject) => {
        this.#joining.set(id, { filter, deliver, options, retained: [], subscriber: undefined, resolve, reject });
      });
      return { position, unsubscribe: async () => this.#leave(filter, subscriber) };
    } catch (error) {
      this.#release(filter);
      throw error;
    }
  }

  async read(filters: readonly string[], since: Position, most: number): Promise<History> {
    this.#mustBeOpen();
    const id = this.#nextId();
    const characters = filters.reduce((sum, filter) => sum + filter.length, since.epoch.length);
    const record = this.#writer.begin(toHub.read, 20 + 4 * filters.length + 3 * characters);
    record.number(id).double(since.offset).number(most).text(since.epoch);
    for (const filter of filters) record.text(filter);
    record.end();
    this.#schedule();
    return await new Promise((resolve, reject) => this.#reading.set(id, { messages: [], resolve, reject }));
  }

  publish(topic: string, payload: Buffer, { retain = false, dedupe }: PublishOptions = {}): Promise<void> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    if (this.#isOverloaded()) return Promise.reject(overloadedError(this.#mostBytes));
    const topicNumber = this.#topics.of(topic);
    const flags = (retain ? publishFlags.retain : 0) | (dedupe ? publishFlags.dedupe : 0);
    const publisher = dedupe ? this.#publishers.of(dedupe.publisher) : 0;
    const record = this.#writer
      .begin(toHub.publish, 17 + payload.length)
      .byte(flags)
      .number(topicNumber);
    if (dedupe) record.number(publisher).double(dedupe.seq);
    record.rest(payload).end();
    this.#schedule();
    this.#batch ??= newBatch();
    return this.#batch.accepted;
  }

  /** Time in ms for a question to the hub and its answer, everything that was on its way before it included. */
  async roundTripMs(): Promise<number> {
    this.#mustBeOpen();
    const id = this.#nextId();
    const askedAt = performance.now();
    this.#writer.begin(toHub.ping, 4).number(id).end();
    this.#schedule();
    await new Promise<void>((resolve) => this.#pings.set(id, resolve));
    return performance.now() - askedAt;
  }

  /** Resolves when everything that this process had accepted has been delivered to its subscribers. */
  async caughtUp(): Promise<void> {
    const batches = [...this.#batches.values(), ...(this.#batch ? [this.#batch] : [])];
    await Promise.allSettled(batches.map(({ accepted }) => accepted));
    await this.roundTripMs();
  }

  async close(): Promise<void> {
    if (this.#ended !== undefined) return;
    this.#flush();
    this.#end(closedError());
    const closed = new Promise<void>((resolve) => this.#socket.once('close', () => resolve()));
    // What was sent goes out; nothing that comes is of interest any more.
    this.#socket.end(() => this.#socket.destroy());
    await closed;
  }

  #take(record: Fields): void {
    switch (record.kind) {
      case toWorker.welcome:
        this.#welcomed?.();
        return;
      case toWorker.topic:
        this.#names.set(record.number(), record.text());
        return;
      case toWorker.message:
        this.#fanOut.deliver(this.#message(record, false));
        return;
      case toWorker.accepted:
        this.#settle(record.number(), (batch) => batch.resolve());
        return;
      case toWorker.refused:
        this.#settle(record.number(), (batch) => batch.reject(problemOf(record)));
        return;
      case toWorker.retained:
        this.#joining.get(record.number())?.retained.push(this.#message(record, true));
        return;
      case toWorker.joined:
        this.#joined(record.number());
        return;
      case toWorker.begun:
        this.#begun(record);
        return;
      case toWorker.failed:
        this.#failed(record.number(), problemOf(record));
        return;
      case toWorker.past:
        this.#reading.get(record.number())?.messages.push(this.#message(record, false));
        return;
      case toWorker.history:
        this.#read(record.number(), record.byte() !== 0);
        return;
      case toWorker.pong:
        this.#pong(record.number());
        return;
      case toWorker.gap:
        this.#fanOut.gap(record.text());
        return;
      default:
        throw wrongRecord(`its kind is ${record.kind}`);
    }
  }

  #message(record: Fields, retained: boolean): BrokerMessage {
    const topic = this.#names.of(record.number());
    const offset = record.double();
    return new BrokerMessage(topic, record.payload(), offset, retained);
  }

  #settle(number: number, how: (batch: Batch) => void): void {
    const batch = this.#batches.get(number);
    this.#batches.delete(number);
    if (batch) how(batch);
  }

  /** Its place in the order of messages has come. */
  #joined(id: number): void {
    const joining = this.#joining.get(id);
    if (joining === undefined) return;
    const { filter, deliver, options, retained } = joining;
    joining.subscriber = this.#fanOut.add(filter, deliver, options.onGap);
    for (const message of retained) this.#fanOut.deliverTo(joining.subscriber, message);
  }

  #begun(record: Fields): void {
    const id = record.number();
    const offset = record.double();
    const joining = this.#joining.get(id);
    this.#joining.delete(id);
    if (joining?.subscriber) {
      joining.resolve({ subscriber: joining.subscriber, position: { epoch: record.text(), offset } });
    }
  }

  #failed(id: number, error: EarlError): void {
    const joining = this.#joining.get(id);
    if (joining?.subscriber) this.#fanOut.remove(joining.filter, joining.subscriber);
    joining?.reject(error);
    this.#joining.delete(id);
    this.#reading.get(id)?.reject(error);
    this.#reading.delete(id);
  }

  #read(id: number, complete: boolean): void {
    const reading = this.#reading.get(id);
    this.#reading.delete(id);
    reading?.resolve(complete ? { messages: reading.messages, complete } : incomplete);
  }

  #pong(id: number): void {
    this.#pings.get(id)?.();
    this.#pings.delete(id);
  }

  #leave(filter: string, subscriber: Subscriber): void {
    if (!subscriber.active) return;
    this.#fanOut.remove(filter, subscriber);
    this.#release(filter);
  }

  #release(filter: string): void {
    const uses = this.#uses.get(filter)! - 1;
    if (uses > 0) {
      this.#uses.set(filter, uses);
      return;
    }
    this.#uses.delete(filter);
    if (this.#ended !== undefined) return;
    this.#writer
      .begin(toHub.unsubscribe, 4 + 3 * filter.length)
      .text(filter)
      .end();
    this.#schedule();
  }

  #announce(kind: number, number: number, text: string): void {
    this.#writer
      .begin(kind, 8 + 3 * text.length)
      .number(number)
      .text(text)
      .end();
  }

  #nextId(): number {
    this.#ids = (this.#ids + 1) % 2 ** 32;
    return this.#ids;
  }

  #isOverloaded(): boolean {
    // The socket is asked only when it cannot take all: most of the time nothing waits.
    if (!this.#overloaded && !this.#socket.writableNeedDrain) return false;
    this.#overloaded = this.waitingBytes > (this.#overloaded ? this.#mostBytes / 2 : this.#mostBytes);
    return this.#overloaded;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#scheduled = false;
    if (this.#batch !== undefined && this.#ended === undefined) {
      this.#batchNumber = (this.#batchNumber + 1) % 2 ** 32;
      this.#writer.begin(toHub.seal, 4).number(this.#batchNumber).end();
      this.#batches.set(this.#batchNumber, this.#batch);
      this.#batch = undefined;
    }
    if (!this.#socket.writableNeedDrain && !this.#socket.destroyed) writeAll(this.#socket, this.#writer.take());
  }

  #onClosed(): void {
    if (this.#ended !== undefined) return;
    const error = lostError('the connection has ended');
    this.#fanOut.gap(error.message);
    this.#end(error);
    this.#options.onLost?.();
  }

  /** Nothing comes and nothing is taken any more. */
  #end(error: EarlError): void {
    this.#ended = error;
    this.#fanOut.close();
    for (const waiting of [this.#joining, this.#reading, this.#batches]) {
      for (const { reject } of [...waiting.values()]) reject(error);
      waiting.clear();
    }
    this.#batch?.reject(error);
    for (const resolve of this.#pings.values()) resolve();
    this.#pings.clear();
  }

  #mustBeOpen(): void {
    if (this.#ended !== undefined) throw this.#ended;
  }
}

function newBatch(): Batch {
  let [resolve, reject]: [() => void, (error: EarlError) => void] = [() => {}, () => {}];
  const accepted = new Promise<void>((fulfil, refuse) => {
    resolve = fulfil;
    reject = refuse;
  });
  // Nobody may be waiting for it.
  accepted.catch(() => {});
  return { accepted, resolve, reject };
}

function problemOf(record: Fields): EarlError {
  return new EarlError(record.text(), record.text());
}

function lostError(why: string): EarlError {
  return new EarlError('HUB_LOST', `the hub that holds this cloud's messages is gone: ${why}`);
}

function overloadedError(mostBytes: number): EarlError {
  const problem = `more than ${mostBytes} bytes wait for the hub of the workers`;
  return new EarlError('BROKER_OVERLOADED', `${problem}: publish again later`);
}
