/**
 * Publishers that want acknowledgements and number their messages: raw `earl.v1`, and the SDK in its two ways. What was not
 * acknowledged on a connection is repeated, in order, on the next.
 */

import { type CloudClient, connect } from '../../cloud/client/index.node.ts';
import { publishRecord, RecordReader, recordKinds, topicRecord } from '../../cloud/protocol/index.ts';
import { RawConnection } from './connection.ts';
import { Backlog, type Issued, type LoadOptions } from './load.ts';

export interface Publisher {
  readonly name: string;
  /** Messages that still want their acknowledgement; 0 when there will be no more news. */
  readonly waiting: number;
  /** No new messages; those that wait are still repeated. */
  finish(): void;
  close(): Promise<void>;
}

/** The cloud takes 64 KiB in one message. */
const mostBatchBytes = 32 * 1024;
/** After a refusal, before all is said again. */
const refusalPauseMs = 200;

/** A client of `earl.v1` by its document alone. */
export class RawPublisher implements Publisher {
  readonly name: string;
  readonly #backlog: Backlog;
  readonly #connection: RawConnection;
  readonly #numbers = new Map<string, number>();
  #connectionName = '';
  /** Sent last on this connection. */
  #sent = 0;
  /** Those of them that were refused: as long as there are any, nothing new is sent. */
  readonly #refused = new Set<number>();
  #pause: NodeJS.Timeout | undefined;

  constructor(name: string, url: string, options: LoadOptions) {
    this.name = name;
    this.#backlog = new Backlog(name, options);
    this.#connection = new RawConnection({
      owner: name,
      url,
      dialect: 'earl.v1',
      publisher: name,
      handlers: {
        onUp: (connection) => this.#up(connection),
        onBinary: (bytes) => this.#records(bytes),
        onText: (message) =>
          options.trace({ t: 'note', at: options.now(), what: `${name}: ${JSON.stringify(message)}` }),
        onDown: (reason) => options.trace({ t: 'note', at: options.now(), what: `${name}: ${reason}` }),
      },
    });
    this.#backlog.start((issued) => {
      if (this.#connection.isUp && this.#refused.size === 0) this.#send(issued);
    });
  }

  get waiting(): number {
    return this.#backlog.waiting.length;
  }

  finish(): void {
    this.#backlog.stop();
  }

  async close(): Promise<void> {
    this.finish();
    clearTimeout(this.#pause);
    this.#connection.stop();
  }

  #up(connection: string): void {
    this.#connectionName = connection;
    this.#numbers.clear();
    this.#sent = 0;
    this.#sayAgain();
  }

  #sayAgain(): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
    this.#refused.clear();
    this.#send(this.#backlog.waiting);
  }

  #send(issued: readonly Issued[]): void {
    let batch: Uint8Array[] = [];
    let bytes = 0;
    const flush = () => {
      if (batch.length > 0) this.#connection.send(Buffer.concat(batch));
      batch = [];
      bytes = 0;
    };
    for (const { seq, topic, payload } of issued) {
      if (!this.#numbers.has(topic)) {
        this.#numbers.set(topic, this.#numbers.size + 1);
        batch.push(topicRecord(this.#numbers.get(topic)!, topic));
      }
      const record = publishRecord(this.#numbers.get(topic)!, Buffer.from(payload), false, seq);
      batch.push(record);
      bytes += record.length;
      if (bytes > mostBatchBytes) flush();
    }
    flush();
    if (issued.length === 0) return;
    this.#sent = issued.at(-1)!.seq;
    this.#backlog.sent(issued[0]!.seq, this.#sent, this.#connectionName);
  }

  #records(bytes: Uint8Array): void {
    const reader = new RecordReader(bytes);
    while (!reader.isAtEnd) {
      const kind = reader.byte() & 0x0f;
      const seq = reader.number();
      if (kind === recordKinds.refused) {
        const code = reader.number();
        this.#refused.add(seq);
        this.#backlog.refused(seq, `${code} ${reader.text()}`);
      } else {
        this.#backlog.accepted((waiting) => waiting <= seq && !this.#refused.has(waiting), this.#connectionName);
      }
    }
    if (this.#refused.size > 0 && this.#pause === undefined && this.#isSettled()) {
      this.#pause = setTimeout(() => this.#sayAgain(), refusalPauseMs);
    }
  }

  /** Nothing later than a refused message is under way: all that waits can be said again, in order. */
  #isSettled(): boolean {
    return this.#backlog.waiting.every(({ seq }) => seq > this.#sent || this.#refused.has(seq));
  }
}

/** A user of the SDK, who keeps what is not acknowledged and repeats it as client.ts says. */
export class SdkPublisher implements Publisher {
  readonly name: string;
  readonly #backlog: Backlog;
  readonly #client: CloudClient;
  readonly #note: (what: string) => void;
  #connections = 0;
  #underWay = 0;
  /** Something was refused, or the connection was lost: all that waits is said again when nothing is under way. */
  #broken = true;
  #closed = false;

  constructor(name: string, url: string, options: LoadOptions) {
    this.name = name;
    this.#backlog = new Backlog(name, options);
    this.#note = (what) => options.trace({ t: 'note', at: options.now(), what: `${name}: ${what}` });
    this.#client = connect({
      url,
      publisher: name,
      keepaliveMs: 2000,
      backoffMs: { first: 50, longest: 300 },
      onHandlerError: (error) => this.#note(String(error)),
    });
    this.#client.onState((connected, reason) => {
      this.#connections += connected ? 1 : 0;
      this.#note(connected ? 'connected' : `disconnected: ${reason}`);
      if (connected) this.#sayAgain();
    });
    this.#backlog.start((issued) => {
      if (this.#client.connected && !this.#broken) this.#send(issued);
    });
  }

  get waiting(): number {
    return this.#backlog.waiting.length;
  }

  finish(): void {
    this.#backlog.stop();
  }

  async close(): Promise<void> {
    this.finish();
    this.#closed = true;
    await this.#client.close();
  }

  #sayAgain(): void {
    if (this.#underWay > 0 || this.#closed || !this.#client.connected) return;
    this.#broken = false;
    this.#send([...this.#backlog.waiting]);
  }

  #send(issued: readonly Issued[]): void {
    if (issued.length === 0) return;
    const connection = `${this.name}#${this.#connections}`;
    this.#backlog.sent(issued[0]!.seq, issued.at(-1)!.seq, connection);
    for (const { seq, topic, payload } of issued) {
      this.#underWay += 1;
      this.#client
        .publishAcknowledged(topic, JSON.parse(payload), seq)
        .then(
          () => this.#backlog.accepted((waiting) => waiting === seq, connection),
          (error: Error) => {
            this.#broken = true;
            if (!this.#closed) this.#backlog.refused(seq, error.message);
          },
        )
        .finally(() => {
          this.#underWay -= 1;
          if (this.#underWay === 0 && this.#broken) setTimeout(() => this.#sayAgain(), refusalPauseMs);
        });
    }
  }
}

/** A user of the SDK who leaves numbers, repetitions and what waits to it. */
export class SdkQueuePublisher implements Publisher {
  readonly name: string;
  readonly #backlog: Backlog;
  readonly #client: CloudClient;

  constructor(name: string, url: string, options: LoadOptions) {
    this.name = name;
    this.#backlog = new Backlog(name, options);
    const note = (what: string) => options.trace({ t: 'note', at: options.now(), what: `${name}: ${what}` });
    this.#client = connect({
      url,
      keepaliveMs: 2000,
      backoffMs: { first: 50, longest: 300 },
      onHandlerError: (error) => note(String(error)),
    });
    this.#client.onState((connected, reason) => note(connected ? 'connected' : `disconnected: ${reason}`));
    this.#backlog.start((issued) => {
      for (const one of issued) this.#publish(one);
    });
  }

  get waiting(): number {
    return this.#backlog.waiting.length;
  }

  finish(): void {
    this.#backlog.stop();
  }

  async close(): Promise<void> {
    this.finish();
    await this.#client.close();
  }

  #publish({ seq, topic, payload }: Issued): void {
    this.#backlog.sent(seq, seq, this.name);
    this.#client.publishAcknowledged(topic, JSON.parse(payload)).then(
      () => this.#backlog.accepted((waiting) => waiting === seq, this.name),
      (error: Error) => this.#backlog.refused(seq, error.message),
    );
  }
}
