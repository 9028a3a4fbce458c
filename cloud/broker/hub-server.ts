/**
 * The hub: shares one broker with the workers of this machine (docs/adr/0011-workers.md), which speak to it by
 * hub-records.ts.
 *
 * Each worker subscribes here once for each filter, whoever and how many want it there, and gets each message once. The
 * broker must be one whose `subscribe` takes effect before it returns, as LocalBroker's does: then the records of a
 * worker are in the broker's order, and a subscription begins at one place in it.
 *
 * A worker that does not read is held to `waitingBytes`: beyond, its messages are dropped until it has taken the rest,
 * then it is told of a gap, and its clients resume from the history. What answers its requests is never dropped, but its
 * requests are not read meanwhile.
 */

import { timingSafeEqual } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { EarlError, errorMessage } from '../../errors/index.ts';
import type { Broker, Subscription } from './broker.ts';
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
import type { BrokerMessage } from './message.ts';

export interface HubServerOptions {
  readonly broker: Broker;
  /** Where to listen: a path in a folder that nobody else may enter (hub-folder.ts). */
  readonly socket: string;
  /** What workers must show. */
  readonly secret: string;
  /** Bytes that may wait for one worker. Default 64 MiB. */
  readonly waitingBytes?: number;
  /** Called with a line for each thing an operator should know. Default: nothing. */
  readonly log?: (line: string) => void;
}

/** One worker as the hub sees it. */
export interface HubPeer {
  readonly worker: number;
  /** Bytes that it has not taken. */
  readonly waitingBytes: number;
  /** How often messages for it were dropped since it connected. */
  readonly gaps: number;
}

export class HubServer {
  readonly #server: Server;
  readonly #options: HubServerOptions;
  readonly #connections = new Set<HubConnection>();
  #gaps = 0;

  /** Resolves when workers may connect. Rejects with `HUB_FAILED`. The broker stays open when the hub is closed. */
  static async listen(options: HubServerOptions): Promise<HubServer> {
    const hub = new HubServer(options);
    await new Promise<void>((resolve, reject) => {
      hub.#server.once('error', (error) =>
        reject(new EarlError('HUB_FAILED', `no socket for the workers: ${error.message}`, { cause: error })),
      );
      hub.#server.listen(options.socket, resolve);
    });
    chmodSync(options.socket, 0o600);
    return hub;
  }

  private constructor(options: HubServerOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  get peers(): readonly HubPeer[] {
    return [...this.#connections].filter(({ worker }) => worker !== undefined) as readonly HubPeer[];
  }

  /** How often messages for a worker were dropped, since the start. */
  get gaps(): number {
    return this.#gaps;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections) connection.end();
    await closed;
  }

  #accept(socket: Socket): void {
    const { broker, secret, waitingBytes = 64 * 1024 * 1024, log = () => {} } = this.#options;
    const connection = new HubConnection(socket, broker, secret, waitingBytes, (line, isGap) => {
      if (isGap) this.#gaps += 1;
      log(line);
    });
    this.#connections.add(connection);
    socket.once('close', () => this.#connections.delete(connection));
  }
}

/** What a worker has subscribed to: one filter, for however many subscriptions it has there. */
interface Lane {
  readonly subscription: Promise<Subscription>;
}

class HubConnection {
  worker: number | undefined;
  gaps = 0;
  readonly #socket: Socket;
  readonly #broker: Broker;
  readonly #secret: string;
  readonly #mostBytes: number;
  readonly #note: (line: string, isGap: boolean) => void;
  readonly #writer = new RecordWriter();
  readonly #topics = new Names();
  readonly #publishers = new Names();
  readonly #numbers: NameNumbers;
  readonly #lanes = new Map<string, Lane>();
  /** Promises of the publishes since the last seal, each once. */
  #accepting: Promise<void>[] = [];
  /** The last message that was written, which several filters may select. */
  #last: BrokerMessage | undefined;
  #scheduled = false;
  /** Why messages are being dropped; told when the worker has taken what waits. */
  #dropping: string | undefined;

  constructor(
    socket: Socket,
    broker: Broker,
    secret: string,
    mostBytes: number,
    note: (line: string, isGap: boolean) => void,
  ) {
    this.#socket = socket;
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
    const reader = new RecordReader((record) => this.#take(record));
    socket.on('data', (chunk: Buffer) => {
      try {
        reader.take(chunk);
      } catch (error) {
        this.#note(`worker ${this.worker ?? '(unknown)'} is cut off: ${errorMessage(error)}`, false);
        socket.destroy();
      }
    });
    socket.on('drain', () => this.#flush());
    socket.on('error', () => {});
    socket.once('close', () => this.#onClosed());
  }

  get waitingBytes(): number {
    return this.#writer.bytes + this.#socket.writableLength;
  }

  /** Sends what is written and ends. */
  end(): void {
    for (const chunk of this.#writer.take()) this.#socket.write(chunk);
    this.#socket.end();
    this.#socket.destroySoon();
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
        this.#schedule();
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
    this.#schedule();
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
    this.#schedule();
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
    this.#schedule();
    subscription.then(
      (begun) => {
        const { epoch, offset } = begun.position;
        const record = this.#writer.begin(toWorker.begun, 16 + 3 * epoch.length);
        record.number(id).double(offset).text(epoch).end();
        this.#schedule();
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
        this.#schedule();
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
    this.#schedule();
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
    this.#schedule();
  }

  #drop(reason: string): void {
    if (this.#dropping !== undefined) return;
    this.#dropping = reason;
    this.gaps += 1;
    this.#note(`messages for worker ${this.worker} are dropped, its clients will resume: ${reason}`, true);
    this.#socket.pause();
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#flush());
  }

  /** One write for what a turn has produced; what comes while the worker does not read waits in the writer. */
  #flush(): void {
    this.#scheduled = false;
    const socket = this.#socket;
    if (socket.writableNeedDrain || socket.destroyed) return;
    writeAll(socket, this.#writer.take());
    if (this.#dropping === undefined || socket.writableNeedDrain) return;
    this.#writer
      .begin(toWorker.gap, 4 + 3 * this.#dropping.length)
      .text(this.#dropping)
      .end();
    this.#dropping = undefined;
    writeAll(socket, this.#writer.take());
    socket.resume();
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

/** Writes chunks together. */
export function writeAll(socket: Socket, chunks: readonly Buffer[]): void {
  if (chunks.length === 0) return;
  if (chunks.length > 1) socket.cork();
  for (const chunk of chunks) socket.write(chunk);
  if (chunks.length > 1) socket.uncork();
}
