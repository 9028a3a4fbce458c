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
import { FanOut } from './fan-out.ts';
import { incomplete } from './history.ts';
import { HubBatches } from './hub-batches.ts';
import { HubLink } from './hub-link.ts';
import { NameNumbers, Names } from './hub-names.ts';
import {
  type Fields,
  hubVersion,
  publishFlags,
  type RecordWriter,
  toHub,
  toWorker,
  wrongRecord,
} from './hub-records.ts';
import { HubSubscriptions } from './hub-subscriptions.ts';
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

interface Reading {
  readonly messages: BrokerMessage[];
  readonly resolve: (history: History) => void;
  readonly reject: (error: EarlError) => void;
}

export class HubBroker implements Broker {
  readonly #link: HubLink;
  readonly #options: HubBrokerOptions;
  readonly #mostBytes: number;
  readonly #topics: NameNumbers;
  readonly #publishers: NameNumbers;
  readonly #names = new Names();
  readonly #fanOut: FanOut;
  readonly #subscriptions: HubSubscriptions;
  readonly #batches = new HubBatches();
  readonly #reading = new Map<number, Reading>();
  readonly #pings = new Map<number, () => void>();
  #ids = 0;
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
    this.#options = options;
    this.#mostBytes = options.waitingBytes ?? 64 * 1024 * 1024;
    this.#fanOut = new FanOut(() => {}, options.onSubscriberError);
    this.#subscriptions = new HubSubscriptions(this.#fanOut, (filter) => this.#unsubscribe(filter));
    this.#topics = new NameNumbers((number, text) => this.#announce(toHub.topic, number, text));
    this.#publishers = new NameNumbers((number, text) => this.#announce(toHub.publisher, number, text));
    socket.removeAllListeners('error');
    this.#link = new HubLink(socket, {
      onRecord: (record) => this.#take(record),
      onWrong: (problem) => this.#lose(problem),
      onClosed: () => this.#lose('the connection has ended'),
      beforeFlush: () => this.#seal(),
    });
    const { secret, worker } = options;
    const hello = this.#writer.begin(toHub.hello, 12 + 3 * secret.length);
    hello.number(hubVersion).text(secret).number(worker).end();
    this.#link.schedule();
  }

  /** Bytes that the hub has not taken. */
  get waitingBytes(): number {
    return this.#link.waitingBytes;
  }

  async subscribe(
    filter: string,
    deliver: (message: BrokerMessage) => void,
    options: SubscribeOptions = {},
  ): Promise<Subscription> {
    this.#mustBeOpen();
    const id = this.#nextId();
    const record = this.#writer.begin(toHub.subscribe, 9 + 3 * filter.length);
    record
      .number(id)
      .byte(Number(options.retained !== false))
      .text(filter)
      .end();
    this.#link.schedule();
    return await this.#subscriptions.begin(id, filter, deliver, options);
  }

  async read(filters: readonly string[], since: Position, most: number): Promise<History> {
    this.#mustBeOpen();
    const id = this.#nextId();
    const characters = filters.reduce((sum, filter) => sum + filter.length, since.epoch.length);
    const record = this.#writer.begin(toHub.read, 20 + 4 * filters.length + 3 * characters);
    record.number(id).double(since.offset).number(most).text(since.epoch);
    for (const filter of filters) record.text(filter);
    record.end();
    this.#link.schedule();
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
    this.#link.schedule();
    return this.#batches.accepted;
  }

  /** Time in ms for a question to the hub and its answer, everything that was on its way before it included. */
  async roundTripMs(): Promise<number> {
    this.#mustBeOpen();
    const id = this.#nextId();
    const askedAt = performance.now();
    this.#writer.begin(toHub.ping, 4).number(id).end();
    this.#link.schedule();
    await new Promise<void>((resolve) => this.#pings.set(id, resolve));
    return performance.now() - askedAt;
  }

  /** Resolves when everything that this process had accepted has been delivered to its subscribers. */
  async caughtUp(): Promise<void> {
    await this.#batches.settled();
    await this.roundTripMs();
  }

  async close(): Promise<void> {
    if (this.#ended !== undefined) return;
    const ended = this.#link.end();
    this.#end(closedError());
    await ended;
  }

  get #writer(): RecordWriter {
    return this.#link.writer;
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
        this.#batches.accept(record.number());
        return;
      case toWorker.refused:
        this.#batches.refuse(record.number(), problemOf(record));
        return;
      case toWorker.retained:
        this.#subscriptions.retained(record.number(), this.#message(record, true));
        return;
      case toWorker.joined:
        this.#subscriptions.joined(record.number());
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

  #begun(record: Fields): void {
    const id = record.number();
    const offset = record.double();
    this.#subscriptions.begun(id, { epoch: record.text(), offset });
  }

  #failed(id: number, error: EarlError): void {
    this.#subscriptions.failed(id, error);
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

  #unsubscribe(filter: string): void {
    if (this.#ended !== undefined) return;
    this.#writer
      .begin(toHub.unsubscribe, 4 + 3 * filter.length)
      .text(filter)
      .end();
    this.#link.schedule();
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
    // Most of the time nothing waits.
    if (!this.#overloaded && !this.#link.isStalled) return false;
    this.#overloaded = this.waitingBytes > (this.#overloaded ? this.#mostBytes / 2 : this.#mostBytes);
    return this.#overloaded;
  }

  /** What was published in this turn is accepted together. */
  #seal(): void {
    const batch = this.#batches.seal();
    if (batch !== undefined) this.#writer.begin(toHub.seal, 4).number(batch).end();
  }

  #lose(why: string): void {
    if (this.#ended !== undefined) return;
    const error = lostError(why);
    this.#fanOut.gap(error.message);
    this.#end(error);
    this.#options.onLost?.();
  }

  /** Nothing comes and nothing is taken any more. */
  #end(error: EarlError): void {
    this.#ended = error;
    this.#fanOut.close();
    this.#subscriptions.end(error);
    this.#batches.end(error);
    for (const { reject } of this.#reading.values()) reject(error);
    this.#reading.clear();
    for (const resolve of this.#pings.values()) resolve();
    this.#pings.clear();
  }

  #mustBeOpen(): void {
    if (this.#ended !== undefined) throw this.#ended;
  }
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
