/** One worker at the hub: does what its records ask for, and writes what it is to hear (hub-server.ts, hub-records.ts). */

import { timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import { EarlError, errorMessage } from '../../errors/index.ts';
import type { Broker, Subscription } from './broker.ts';
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
import type { BrokerMessage } from './message.ts';

/** What a worker has subscribed to: one filter, for however many subscriptions it has there. */
interface Lane {
  readonly subscription: Promise<Subscription>;
}

export class HubConnection {
  worker: number | undefined;
  gaps = 0;
  readonly #link: HubLink;
  readonly #broker: Broker;
  readonly #secret: string;
  readonly #mostBytes: number;
  readonly #note: (line: string, isGap: boolean) => void;
  readonly #topics = new Names();
  readonly #publishers = new Names();
  readonly #numbers: NameNumbers;
  readonly #lanes = new Map<string, Lane>();
  /** Promises of the publishes since the last seal, each once. */
  #accepting: Promise<void>[] = [];
  /** The last message that was written, which several filters may select. */
  #last: BrokerMessage | undefined;
  /** Why messages are being dropped; told when the worker has taken what waits. */
  #dropping: string | undefined;

  constructor(
    socket: Socket,
    broker: Broker,
    secret: string,
    mostBytes: number,
    note: (line: string, isGap: boolean) => void,
  ) {
    this.#broker = broker;
    this.#secret = secret;
    this.#mostBytes = mostBytes;
    this.#note = note;
    this.#numbers = new NameNumbers((number, text) => {
      this.#writer
        .begin(toWorker.topic, 8 + 3 * text.length)
        .number(number)
        .text(text)
        .end();
    });
    this.#link = new HubLink(socket, {
      onRecord: (record) => this.#take(record),
      onWrong: (problem) => this.#note(`worker ${this.worker ?? '(unknown)'} is cut off: ${problem}`, false),
      onClosed: () => this.#onClosed(),
      onTaken: () => this.#onTaken(),
    });
  }

  get waitingBytes(): number {
    return this.#link.waitingBytes;
  }

  get #writer(): RecordWriter {
    return this.#link.writer;
  }

  /** Sends what is written and ends. */
  end(): Promise<void> {
    return this.#link.end();
  }

  #take(record: Fields): void {
    if (this.worker === undefined && record.kind !== toHub.hello) throw wrongRecord('the first is no hello');
    switch (record.kind) {
      case toHub.hello:
        this.#hello(record);
        return;
      case toHub.topic:
        this.#topics.set(record.number(), record.text());
        return;
      case toHub.publisher:
        this.#publishers.set(record.number(), record.text());
        return;
      case toHub.publish:
        this.#publish(record);
        return;
      case toHub.seal:
        this.#seal(record.number());
        return;
      case toHub.subscribe:
        this.#subscribe(record.number(), record.byte() !== 0, record.text());
        return;
      case toHub.unsubscribe:
        this.#unsubscribe(record.text());
        return;
      case toHub.read:
        this.#read(record);
        return;
      case toHub.ping:
        this.#writer.begin(toWorker.pong, 4).number(record.number()).end();
        this.#link.schedule();
        return;
      default:
        throw wrongRecord(`its kind is ${record.kind}`);
    }
  }

  #hello(record: Fields): void {
    const version = record.number();
    if (version !== hubVersion) throw wrongRecord(`version ${version} of Earl's hub, this one speaks ${hubVersion}`);
    const shown = Buffer.from(record.text());
    const secret = Buffer.from(this.#secret);
    if (shown.length !== secret.length || !timingSafeEqual(shown, secret)) throw wrongRecord('the secret is another');
    this.worker = record.number();
    this.#writer.begin(toWorker.welcome, 0).end();
    this.#link.schedule();
  }

  #publish(record: Fields): void {
    const flags = record.byte();
    const topic = this.#topics.of(record.number());
    const retain = (flags & publishFlags.retain) !== 0;
    const dedupe =
      (flags & publishFlags.dedupe) === 0
        ? undefined
        : { publisher: this.#publishers.of(record.number()), seq: record.double() };
    const accepted = this.#broker.publish(topic, record.payload(), dedupe ? { retain, dedupe } : { retain });
    if (accepted === undefined || accepted === this.#accepting.at(-1)) return;
    accepted.catch(() => {});
    this.#accepting.push(accepted);
  }

  #seal(batch: number): void {
    const accepting = this.#accepting;
    if (accepting.length === 0) {
      this.#accepted(batch);
      return;
    }
    this.#accepting = [];
    Promise.all(accepting).then(
      () => this.#accepted(batch),
      (error: unknown) => this.#problem(toWorker.refused, batch, error),
    );
  }

  #accepted(batch: number): void {
    this.#writer.begin(toWorker.accepted, 4).number(batch).end();
    this.#link.schedule();
  }

  #subscribe(id: number, retained: boolean, filter: string): void {
    const lane = this.#lanes.get(filter);
    const handOver = (message: BrokerMessage): void => {
      if (message.retained) this.#stored(toWorker.retained, id, message);
      else if (lane === undefined) this.#message(message);
    };
    const subscription = this.#broker.subscribe(filter, handOver, {
      retained,
      onGap: (reason) => {
        if (lane === undefined) this.#drop(reason);
      },
    });
    this.#writer.begin(toWorker.joined, 4).number(id).end();
    if (lane === undefined) this.#lanes.set(filter, { subscription });
    this.#link.schedule();
    subscription.then(
      (begun) => {
        const { epoch, offset } = begun.position;
        const record = this.#writer.begin(toWorker.begun, 16 + 3 * epoch.length);
        record.number(id).double(offset).text(epoch).end();
        this.#link.schedule();
        // It was for the last values and the place only.
        if (lane !== undefined) leave({ subscription });
      },
      (error: unknown) => {
        if (lane === undefined) this.#lanes.delete(filter);
        this.#problem(toWorker.failed, id, error);
      },
    );
  }

  #unsubscribe(filter: string): void {
    const lane = this.#lanes.get(filter);
    this.#lanes.delete(filter);
    leave(lane);
  }

  #read(record: Fields): void {
    const id = record.number();
    const offset = record.double();
    const most = record.number();
    const epoch = record.text();
    const filters: string[] = [];
    while (!record.isAtEnd) filters.push(record.text());
    this.#broker.read(filters, { epoch, offset }, most).then(
      ({ messages, complete }) => {
        for (const message of messages) this.#stored(toWorker.past, id, message);
        this.#writer.begin(toWorker.history, 5).number(id).byte(Number(complete)).end();
        this.#link.schedule();
      },
      (error: unknown) => this.#problem(toWorker.failed, id, error),
    );
  }

  /** A live message, once however many filters select it. */
  #message(message: BrokerMessage): void {
    if (message === this.#last || this.#dropping !== undefined) return;
    this.#last = message;
    const { topic, payload, offset } = message;
    const number = this.#numbers.of(topic);
    const record = this.#writer.begin(toWorker.message, 12 + payload.length);
    record.number(number).double(offset).rest(payload).end();
    if (this.waitingBytes > this.#mostBytes) this.#drop(`a worker has not taken ${this.#mostBytes} bytes of messages`);
    this.#link.schedule();
  }

  #stored(kind: number, id: number, { topic, payload, offset }: BrokerMessage): void {
    const number = this.#numbers.of(topic);
    const record = this.#writer.begin(kind, 16 + payload.length);
    record.number(id).number(number).double(offset).rest(payload).end();
  }

  #problem(kind: number, id: number, error: unknown): void {
    const code = error instanceof EarlError ? error.code : 'BROKER_FAILED';
    const text = errorMessage(error);
    const record = this.#writer.begin(kind, 12 + 3 * (code.length + text.length));
    record.number(id).text(code).text(text).end();
    this.#link.schedule();
  }

  #drop(reason: string): void {
    if (this.#dropping !== undefined) return;
    this.#dropping = reason;
    this.gaps += 1;
    this.#note(`messages for worker ${this.worker} are dropped, its clients will resume: ${reason}`, true);
    this.#link.pause();
    this.#link.schedule();
  }

  /** The worker has taken everything: it is told now that something was missing, and heard again. */
  #onTaken(): void {
    const reason = this.#dropping;
    if (reason === undefined) return;
    this.#dropping = undefined;
    this.#writer
      .begin(toWorker.gap, 4 + 3 * reason.length)
      .text(reason)
      .end();
    this.#link.schedule();
    this.#link.resume();
  }

  #onClosed(): void {
    this.#dropping = 'the worker is gone';
    for (const lane of this.#lanes.values()) leave(lane);
    this.#lanes.clear();
    this.#writer.take();
  }
}

function leave(lane: Lane | undefined): void {
  lane?.subscription.then((subscription) => subscription.unsubscribe()).catch(() => {});
}
