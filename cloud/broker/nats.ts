/**
 * A broker over NATS with JetStream, for servers that share it.
 *
 * Messages are in one stream; the offset is the sequence in it, the epoch its creation. Every server takes the whole
 * stream in order and delivers from it, so nobody has a message that the stream has not, and after a lost connection it
 * goes on after the last one. Last values are in a stream of their own with one message per topic; the server's `$`
 * topics go by plain NATS, and only their last values are stored.
 *
 * Left out: interest (each server gets every message), and an order between last values that two servers write on one
 * topic at once. A publisher's repetition is known by the numbers that this process has seen, and by the id of the
 * message, which JetStream remembers for two minutes.
 */

import { randomBytes } from 'node:crypto';
import {
  type ConsumerMessages,
  DeliverPolicy,
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
  jetstream,
  jetstreamManager,
  StorageType,
} from '@nats-io/jetstream';
import { connect, headers, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { EarlError, errorMessage } from '../../errors/index.ts';
import { isReserved, matches } from '../protocol/index.ts';
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
import { FanOut, type Subscriber } from './fan-out.ts';
import { incomplete } from './history.ts';
import { closedError } from './local.ts';
import { subjectFilterOf, subjectOf, topicOf } from './nats-subjects.ts';
import { RetainedStore } from './retained-store.ts';
import { SequenceMemory } from './sequence-memory.ts';

export interface NatsBrokerOptions {
  /** `nats://[user:password@]host[:port]`. */
  readonly url: string;
  /** First token of every subject and name of the streams. Default `earl`. */
  readonly prefix?: string;
  /** Most bytes of history in NATS; the oldest messages go first. Default 64 MiB. */
  readonly historyBytes?: number;
  /** Most last values; the one not renewed for longest is forgotten. Default 10,000. */
  readonly retainedTopics?: number;
  /** Publishers whose last sequence number this process remembers; least recently heard forgotten. Default 10,000. */
  readonly publishers?: number;
  /** Bytes that may wait for NATS. Default 64 MiB. */
  readonly waitingBytes?: number;
  /** Called when a subscriber throws. Default: nothing. */
  readonly onSubscriberError?: (error: unknown, message: BrokerMessage) => void;
  /** Called with a line for each thing an operator should know. Default: nothing. */
  readonly log?: (line: string) => void;
}

interface Outgoing {
  readonly topic: string;
  readonly payload: Buffer;
  readonly retain: boolean;
  readonly id: string;
  readonly dedupe: PublishOptions['dedupe'];
}

const twoMinutesInNs = 120e9;
const publishTimeoutMs = 3_000;
const readTimeoutMs = 5_000;
const retainHeader = 'Earl-Retain';
const publisherHeader = 'Earl-Publisher';
const seqHeader = 'Earl-Seq';
const offsetHeader = 'Earl-Offset';

export class NatsBroker implements Broker {
  readonly #options: NatsBrokerOptions;
  readonly #prefix: string;
  readonly #nats: NatsConnection;
  readonly #client: JetStreamClient;
  readonly #manager: JetStreamManager;
  readonly #writer = randomBytes(8).toString('hex');
  readonly #outbox: EngineOutbox<Outgoing>;
  readonly #fanOut: FanOut;
  readonly #retained: RetainedStore;
  readonly #sequences: SequenceMemory;
  readonly #reserved = new Set<Subscriber>();
  readonly #waiting = new Set<{ offset: number; resolve: () => void }>();
  #epoch = '';
  #delivered = 0;
  #accepted = 0;
  #numbers = 0;
  #consuming: ConsumerMessages | undefined;
  #closed = false;

  /** Resolves when JetStream has answered. Rejects with `BACKPLANE_BAD_URL` or `BACKPLANE_UNREACHABLE`. */
  static async connect(options: NatsBrokerOptions): Promise<NatsBroker> {
    const url = URL.canParse(options.url) ? new URL(options.url) : undefined;
    if (url?.protocol !== 'nats:' || url.hostname === '') {
      throw new EarlError('BACKPLANE_BAD_URL', 'the address of NATS must be like nats://127.0.0.1:4222');
    }
    let nats: NatsConnection | undefined;
    try {
      nats = await connect({
        servers: url.host,
        ...(url.username ? { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) } : {}),
        maxReconnectAttempts: -1,
        reconnectTimeWait: 100,
        reconnectJitter: 200,
        ignoreAuthErrorAbort: true,
      });
      const broker = new NatsBroker(options, nats, await jetstreamManager(nats));
      await broker.#start();
      return broker;
    } catch (error) {
      await nats?.close();
      const advice = 'is nats-server running there with JetStream (-js)?';
      const problem = `no use of NATS at ${url.host}: ${errorMessage(error)}; ${advice}`;
      throw new EarlError('BACKPLANE_UNREACHABLE', problem, { cause: error });
    }
  }

  private constructor(options: NatsBrokerOptions, nats: NatsConnection, manager: JetStreamManager) {
    this.#options = options;
    this.#prefix = options.prefix ?? 'earl';
    this.#nats = nats;
    this.#manager = manager;
    this.#client = jetstream(nats, { timeout: publishTimeoutMs });
    this.#retained = new RetainedStore(options.retainedTopics ?? 10_000, 64 * 1024 * 1024);
    this.#sequences = new SequenceMemory(options.publishers ?? 10_000);
    this.#fanOut = new FanOut(() => {}, options.onSubscriberError);
    this.#outbox = new EngineOutbox({
      send: (_, messages) => this.#sendAll(messages),
      mostBytes: options.waitingBytes ?? 64 * 1024 * 1024,
    });
  }

  async subscribe(
    filter: string,
    deliver: (message: BrokerMessage) => void,
    options: SubscribeOptions = {},
  ): Promise<Subscription> {
    if (this.#closed) throw closedError();
    const subscriber = this.#fanOut.add(filter, deliver, options.onGap);
    if (isReserved(filter)) this.#reserved.add(subscriber);
    if (options.retained !== false) {
      for (const message of this.#retained.selectedBy(filter)) this.#fanOut.deliverTo(subscriber, message);
    }
    return {
      position: { epoch: this.#epoch, offset: this.#delivered },
      unsubscribe: async () => {
        this.#reserved.delete(subscriber);
        if (subscriber.active) this.#fanOut.remove(filter, subscriber);
      },
    };
  }

  async read(filters: readonly string[], since: Position, most: number): Promise<History> {
    if (this.#closed) throw closedError();
    const { created, state } = await this.#manager.streams.info(this.#prefix);
    const last = state.last_seq;
    if (created !== since.epoch || since.offset > last || since.offset + 1 < state.first_seq) return incomplete;
    const own = filters.filter((filter) => !isReserved(filter));
    if (since.offset === last || own.length === 0) return { messages: [], complete: true };
    const wanted = own.length === 1 ? subjectFilterOf(this.#messages, own[0]!) : `${this.#messages}.>`;
    const messages: BrokerMessage[] = [];
    const complete = await this.#stored(this.#prefix, wanted, since.offset + 1, ({ seq, subject, data }) => {
      const topic = topicOf(this.#messages, subject);
      if (seq > last || !own.some((filter) => matches(filter, topic))) return true;
      if (messages.length < most) messages.push(new BrokerMessage(topic, Buffer.from(data), seq, false));
      else return false;
      return true;
    });
    if (!complete) return incomplete;
    const { state: after } = await this.#manager.streams.info(this.#prefix);
    return since.offset + 1 < after.first_seq ? incomplete : { messages, complete: true };
  }

  publish(topic: string, payload: Buffer, { retain = false, dedupe }: PublishOptions = {}): Promise<void> {
    if (this.#closed) return Promise.reject(closedError());
    const id = dedupe ? `p:${dedupe.publisher}:${dedupe.seq}` : `w:${this.#writer}:${++this.#numbers}`;
    return this.#outbox.append({ topic, payload, retain, id, dedupe }, topic.length + payload.length);
  }

  /** Resolves when everything that this process had accepted has been delivered to its subscribers. */
  async caughtUp(): Promise<void> {
    await this.#nats.flush();
    const offset = this.#accepted;
    if (this.#delivered < offset) {
      await new Promise<void>((resolve) => this.#waiting.add({ offset, resolve }));
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#fanOut.close();
    this.#outbox.close(closedError());
    for (const { resolve } of this.#waiting) resolve();
    await this.#nats.close();
  }

  get #messages(): string {
    return `${this.#prefix}.m`;
  }

  get #server(): string {
    return `${this.#prefix}.s`;
  }

  get #last(): string {
    return `${this.#prefix}.r`;
  }

  async #start(): Promise<void> {
    await this.#openStreams();
    this.#nats.subscribe(`${this.#server}.>`, { callback: (_, message) => this.#onServerMessage(message) });
    await this.#nats.flush();
    await this.#load();
    await this.#begin();
    void this.#watch();
  }

  async #openStreams(): Promise<void> {
    const storage = StorageType.File;
    const common = { storage, discard: DiscardPolicy.Old, duplicate_window: twoMinutesInNs };
    await this.#manager.streams.add({
      ...common,
      name: this.#prefix,
      subjects: [`${this.#messages}.>`],
      max_bytes: this.#options.historyBytes ?? 64 * 1024 * 1024,
    });
    const lastValues = { ...common, max_msgs_per_subject: 1, max_msgs: this.#options.retainedTopics ?? 10_000 };
    await this.#manager.streams.add({ ...lastValues, name: `${this.#prefix}-last`, subjects: [`${this.#last}.>`] });
    await this.#manager.streams.add({
      ...lastValues,
      name: `${this.#prefix}-server`,
      subjects: [`${this.#prefix}.q.>`],
      max_msgs: 100_000,
    });
  }

  /** Takes over the last values, and where the stream is. */
  async #load(): Promise<void> {
    const { created, state } = await this.#manager.streams.info(this.#prefix);
    this.#epoch = created;
    this.#delivered = state.last_seq;
    for (const [stream, prefix] of [
      [`${this.#prefix}-last`, this.#last],
      [`${this.#prefix}-server`, `${this.#prefix}.q`],
    ] as const) {
      await this.#stored(stream, `${prefix}.>`, 1, (message) => {
        this.#take(topicOf(prefix, message.subject), Buffer.from(message.data), offsetOf(message));
        return true;
      });
    }
  }

  /**
   * Hands over what a stream has on a subject from a sequence on until `take` says false; whether all was taken. The end
   * is looked up first: how many messages a consumer says are pending is not exact in nats-server 2.9.
   */
  async #stored(stream: string, subject: string, from: number, take: (message: JsMsg) => boolean): Promise<boolean> {
    const end = (await this.#manager.streams.getMessage(stream, { last_by_subj: subject }))?.seq ?? 0;
    if (end < from) return true;
    const consumer = await this.#client.consumers.get(stream, {
      filter_subjects: subject,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: from,
    });
    try {
      for (let reached = from - 1, before = -1; reached < end; ) {
        if (reached === before) return false;
        before = reached;
        for await (const message of await consumer.fetch({ max_messages: 500, expires: readTimeoutMs })) {
          reached = message.seq;
          if (!take(message)) return false;
          if (reached >= end) break;
        }
      }
      return true;
    } finally {
      await consumer.delete();
    }
  }

  #take(topic: string, payload: Buffer, offset: number): void {
    if (payload.length === 0) this.#retained.forget(topic);
    else this.#retained.set(topic, new BrokerMessage(topic, payload, offset, true));
  }

  /** Delivers the stream from the last place on; the consumer makes itself anew after lost connections. */
  async #begin(): Promise<void> {
    const consumer = await this.#client.consumers.get(this.#prefix, {
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: this.#delivered + 1,
    });
    this.#consuming = await consumer.consume({ max_messages: 2_000, callback: (message) => this.#onMessage(message) });
  }

  #onMessage(message: JsMsg): void {
    const offset = message.seq;
    if (offset <= this.#delivered || this.#closed) return;
    const jumped = offset > this.#delivered + 1;
    this.#delivered = offset;
    if (jumped) this.#fanOut.gap('the stream no longer has messages that were missed');
    const topic = topicOf(this.#messages, message.subject);
    const payload = Buffer.from(message.data);
    const publisher = message.headers?.get(publisherHeader);
    if (publisher) this.#sequences.accept(publisher, Number(message.headers!.get(seqHeader)));
    if (message.headers?.has(retainHeader)) this.#take(topic, payload, offset);
    this.#fanOut.deliver(new BrokerMessage(topic, payload, offset, false));
    for (const waiting of this.#waiting) {
      if (waiting.offset > offset) continue;
      this.#waiting.delete(waiting);
      waiting.resolve();
    }
  }

  #onServerMessage(message: Msg): void {
    const topic = topicOf(this.#server, message.subject);
    const payload = Buffer.from(message.data);
    if (message.headers?.has(retainHeader)) this.#take(topic, payload, 0);
    this.#fanOut.deliver(new BrokerMessage(topic, payload, 0, false));
  }

  async #sendAll(messages: readonly Outgoing[]): Promise<void> {
    const sent = await Promise.allSettled(messages.map((message) => this.#send(message)));
    const failed = sent.find((outcome) => outcome.status === 'rejected');
    if (failed === undefined) return;
    if (failed.reason instanceof JetStreamApiError) {
      const problem = `NATS refused a message: ${errorMessage(failed.reason)}; see "Engines" in docs/operations.md`;
      throw new EarlError('BROKER_REFUSED', problem, { cause: failed.reason });
    }
    throw failed.reason;
  }

  async #send({ topic, payload, retain, id, dedupe }: Outgoing): Promise<void> {
    if (dedupe && this.#sequences.has(dedupe.publisher, dedupe.seq)) return;
    const about = headers();
    if (retain) about.set(retainHeader, '1');
    if (isReserved(topic)) {
      // Stored first: a server that begins in between has it, and hears of it again.
      if (retain) await this.#client.publish(subjectOf(`${this.#prefix}.q`, topic), payload, { msgID: id });
      this.#nats.publish(subjectOf(this.#server, topic), payload, { headers: about });
      await this.#nats.flush();
      return;
    }
    if (dedupe) {
      about.set(publisherHeader, dedupe.publisher);
      about.set(seqHeader, String(dedupe.seq));
    }
    const { seq } = await this.#client.publish(subjectOf(this.#messages, topic), payload, {
      msgID: id,
      headers: about,
    });
    if (retain) {
      about.set(offsetHeader, String(seq));
      await this.#client.publish(subjectOf(this.#last, topic), payload, { msgID: id, headers: about });
    }
    if (dedupe) this.#sequences.accept(dedupe.publisher, dedupe.seq);
    this.#accepted = Math.max(this.#accepted, seq);
  }

  /** After a lost connection: messages of the server's own topics may be missing, and the stream may be another. */
  async #watch(): Promise<void> {
    for await (const status of this.#nats.status()) {
      if (status.type === 'disconnect') {
        this.#outbox.pause();
        this.#options.log?.('the connection to NATS is lost: messages wait until it is back');
      } else if (status.type === 'reconnect') {
        this.#outbox.resume();
        this.#check().catch((error: unknown) => this.#options.log?.(`coming back to NATS: ${errorMessage(error)}`));
      }
    }
  }

  async #check(): Promise<void> {
    const { created, state } = await this.#manager.streams.info(this.#prefix).catch(async () => {
      await this.#openStreams();
      return await this.#manager.streams.info(this.#prefix);
    });
    const another = created !== this.#epoch || state.last_seq < this.#delivered;
    if (another) {
      this.#epoch = created;
      this.#delivered = state.last_seq;
    }
    // The old consumer would notice by itself, half a minute later.
    this.#consuming?.stop();
    await this.#begin();
    if (another) this.#fanOut.gap('the stream in NATS is another one');
    for (const subscriber of [...this.#reserved]) subscriber.onGap?.('the connection to NATS was lost for a while');
  }
}

function offsetOf(message: JsMsg): number {
  return Number(message.headers?.get(offsetHeader) || 0);
}
