/**
 * The publishing half of a client: what waits, what leaves when (end-of-turn.ts), and what became of it.
 *
 * All messages leave in the order in which they were published, except that what was refused for now, or stands behind a
 * window of acknowledged ones, lets unacknowledged ones pass.
 */

import { EarlError } from '../../errors/index.ts';
import { errorCodes, isReserved, type Json, jsonProblem, limits, topicProblem } from '../protocol/index.ts';
import { AcknowledgedQueue, type QueueLimits } from './acknowledged-queue.ts';
import type { PublishOptions, QueueState } from './client.ts';
import { EndOfTurn } from './end-of-turn.ts';
import { NumberedPublishes } from './numbered-publishes.ts';
import type { Outgoing, PublishWriter } from './publish-writers.ts';
import { serverError } from './requests.ts';
import { type AwayOptions, Unacknowledged } from './unacknowledged.ts';

export interface PublisherOptions {
  readonly queue: QueueLimits;
  readonly away: AwayOptions;
  readonly batchMs: number;
  /** Of the last message under this publisher's name; undefined when that is not known, so that none may be numbered. */
  readonly lastSeq: number | undefined;
  readonly onDropped: (topic: string) => void;
  readonly onError: (error: unknown) => void;
}

/** A connection, as publishes see it. */
export interface PublishPath {
  readonly writer: PublishWriter;
  /** Bytes that the socket has not sent. */
  readonly bufferedAmount: () => number;
  readonly mostMessageBytes: number;
}

/** Most bytes in the socket before messages wait here. */
const mostBufferedBytes = 1024 * 1024;
/** Between two looks at a socket that is full. */
const fullPauseMs = 20;
/** Topics that are remembered to be right. */
const mostChecked = 10_000;
/** Bytes of a publish beside its topic and data, at most. */
const frameBytes = 128;

export class Publisher {
  readonly #options: PublisherOptions;
  readonly #queue: AcknowledgedQueue;
  readonly #numbered = new NumberedPublishes();
  readonly #loose: Unacknowledged;
  readonly #turn = new EndOfTurn(() => this.#leave());
  #path: PublishPath | undefined;
  #mostMessageBytes: number;
  /** Topics that can be published to. */
  readonly #checked = new Set<string>();
  #order = 0;
  #isNumbered: boolean | undefined;
  #fullTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: PublisherOptions, mostMessageBytes: number) {
    this.#options = options;
    this.#mostMessageBytes = mostMessageBytes;
    this.#queue = new AcknowledgedQueue(options.queue, options.lastSeq ?? 0, () => this.#turn.want(0));
    this.#loose = new Unacknowledged(options.away, options.onDropped);
  }

  get state(): QueueState {
    const { messages, bytes, lastSeq } = this.#queue;
    return { acknowledged: { messages: messages + this.#numbered.messages, bytes, lastSeq }, loose: this.#loose.state };
  }

  /** A connection begins. */
  up(path: PublishPath): void {
    this.#path = path;
    this.#mostMessageBytes = path.mostMessageBytes;
    this.#queue.restart();
    this.#turn.want(0);
  }

  /** It has ended. */
  down(error: EarlError): void {
    this.#path = undefined;
    this.#turn.stop();
    clearTimeout(this.#fullTimer);
    this.#fullTimer = undefined;
    this.#queue.restart();
    this.#numbered.rejectAll(error);
  }

  /** There will be no other. */
  end(error: EarlError): void {
    this.down(error);
    this.#queue.rejectAll(error);
  }

  publish(topic: string, data: Json, { retain = false, batchMs }: PublishOptions): boolean {
    const json = this.#jsonOf(topic, data, retain);
    const isAway = this.#path === undefined || this.#isFull;
    if (!isAway && this.#loose.isFull) this.#turn.now();
    const isKept = this.#loose.push({ topic, json, retain, seq: undefined, order: ++this.#order }, isAway);
    if (isKept) this.#want(batchMs);
    return isKept;
  }

  /** @param seq the caller's own number, if it numbers its messages */
  acknowledged(topic: string, data: Json, seq: number | undefined, options: PublishOptions): Promise<void> {
    const { retain = false, batchMs } = options;
    this.#decideWhoNumbers(seq);
    const json = this.#jsonOf(topic, data, retain);
    const order = ++this.#order;
    const publishing =
      seq === undefined
        ? this.#queue.push(topic, json, retain, order, topic.length + json.length)
        : this.#numbered.push(topic, json, retain, order, seq);
    this.#want(batchMs);
    return publishing;
  }

  accepted(seq: number, upTo: boolean): void {
    if (this.#isNumbered) this.#numbered.accepted(seq, upTo);
    else this.#queue.accepted(seq, upTo);
  }

  /** @param seq 0 when it had none */
  refused(seq: number, code: number, message: string): void {
    if (seq === 0) this.#options.onError(serverError(code, message));
    else if (this.#isNumbered) this.#numbered.refused(seq, code, message);
    else this.#queue.refused(seq, code, message);
  }

  /** Sends what waits for the end of the turn or of a window: something else is about to leave. */
  hurry(): void {
    this.#turn.hurry();
  }

  #want(batchMs = this.#options.batchMs): void {
    if (this.#path !== undefined && this.#fullTimer === undefined) this.#turn.want(batchMs);
  }

  #leave(): void {
    if (this.#path === undefined) return;
    const { writer } = this.#path;
    while (!this.#isFull) {
      const loose = this.#loose.peek();
      const source = this.#isNumbered ? this.#numbered : this.#queue;
      const acknowledged = source.peek();
      if (acknowledged !== undefined && acknowledged.order < (loose?.order ?? Number.POSITIVE_INFINITY)) {
        this.#write(writer, source.take()!);
      } else if (loose !== undefined) {
        this.#write(writer, this.#loose.take()!);
      } else {
        writer.flush();
        return;
      }
    }
    writer.flush();
    // Sockets of browsers do not say when they have room again.
    this.#fullTimer ??= setTimeout(() => {
      this.#fullTimer = undefined;
      this.#leave();
    }, fullPauseMs);
  }

  /** What was taken in for one server may be too long for the next, which would end the connection again and again. */
  #write(writer: PublishWriter, message: Outgoing): void {
    if (this.#isTooLong(message.topic, message.json)) {
      this.refused(message.seq ?? 0, errorCodes.tooLarge, this.#tooLong);
    } else {
      writer.write(message);
    }
  }

  get #isFull(): boolean {
    return this.#path !== undefined && this.#path.bufferedAmount() > mostBufferedBytes;
  }

  #jsonOf(topic: string, data: Json, retain: boolean): string {
    if (!this.#checked.has(topic)) this.#check(topic);
    const json = JSON.stringify(data);
    // What is short cannot be deep.
    const problem = json === undefined || json.length > 2 * limits.jsonDepth ? jsonProblem('data', data) : undefined;
    if (problem !== undefined) throw new EarlError('CLOUD_BAD_DATA', `${problem}, to be published on ${topic}`);
    if (this.#isTooLong(topic, json)) throw new EarlError('CLOUD_TOO_LARGE', this.#tooLong);
    return retain && data === null ? '' : json;
  }

  #isTooLong(topic: string, json: string): boolean {
    const most = this.#mostMessageBytes - frameBytes;
    // A UTF-16 code unit becomes at most three bytes of UTF-8.
    if ((topic.length + json.length) * 3 <= most) return false;
    return new TextEncoder().encode(json).length + 3 * topic.length > most;
  }

  get #tooLong(): string {
    return `the message is longer than the ${this.#mostMessageBytes} bytes that the cloud takes`;
  }

  #check(topic: string): void {
    checkTopic(topic);
    if (this.#checked.size >= mostChecked) this.#checked.clear();
    this.#checked.add(topic);
  }

  /** Numbers of two origins would collide. */
  #decideWhoNumbers(seq: number | undefined): void {
    if (seq !== undefined && !(Number.isSafeInteger(seq) && seq > 0)) {
      throw new EarlError('CLOUD_BAD_SEQUENCE', 'a sequence number is a whole number from 1 to 2^53 - 1');
    }
    const isNumbered = seq !== undefined;
    if (this.#isNumbered !== undefined && this.#isNumbered !== isNumbered) {
      throw new EarlError('CLOUD_BAD_SEQUENCE', 'either all acknowledged publishes of a client have a seq, or none');
    }
    if (!isNumbered && this.#options.lastSeq === undefined) {
      const problem = 'the cloud takes lower numbers under a publisher’s name for repetitions';
      const remedy = 'leave "publisher" out, or say with "lastSeq" which number was used last under it';
      throw new EarlError('CLOUD_BAD_SEQUENCE', `${problem}: ${remedy}`);
    }
    this.#isNumbered = isNumbered;
  }
}

/** Throws `CLOUD_BAD_TOPIC` for what cannot be published to. */
export function checkTopic(topic: string): void {
  const problem = isReserved(topic) ? 'the topic must not begin with $' : topicProblem(topic);
  if (problem !== undefined) throw new EarlError('CLOUD_BAD_TOPIC', `${problem}: ${JSON.stringify(topic)}`);
}
