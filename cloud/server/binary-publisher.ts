/**
 * The publishing half of `earl.v1` (cloud/protocol/binary.ts): topics declared once, then records of number and payload.
 *
 * Acknowledgements are cumulative: `accepted` names the highest sequence number before which nothing is open or refused
 * for now, at most once per binary message or turn of the event loop, however many publishes came. A topic that may not
 * be published to is no wrong record: what is published to it is refused, and all else of the message is taken.
 */

import type { Dedupe, TopicPublisher } from '../broker/index.ts';
import {
  acceptedRecord,
  type ErrorCode,
  errorCodes,
  FieldProblem,
  isReserved,
  RecordReader,
  recordFlags,
  recordKinds,
  refusedRecord,
  topicProblem,
} from '../protocol/index.ts';
import { frame, opcodes } from './frames.ts';
import { outOfOrder, PublishOrder } from './publish-order.ts';

export interface PublisherRights {
  topicPublisher(topic: string): TopicPublisher;
  mayPublish(topic: string): boolean;
  /** Counts one publish. */
  count(): void;
  /** One that the broker has not accepted yet. */
  begin(accepting: Promise<void>): void;
  /** What went wrong with a publish that the broker refused. */
  refusal(error: unknown): { readonly code: ErrorCode; readonly message: string };
  send(frame: Buffer): void;
}

/** An acknowledged publish that the broker has not accepted yet, or that waits for one before it. */
interface Open {
  readonly seq: number;
  settled: boolean;
}

/** From here on an error means: later (docs/protocol.md, "What goes wrong"). */
const firstPassingCode = 200;

export class BinaryPublisher {
  readonly #rights: PublisherRights;
  readonly #order: PublishOrder;
  readonly #publisher: string | undefined;
  readonly #mostTopics: number;
  readonly #topics = new Map<number, TopicPublisher>();
  /** The topic that was published to last: most clients have one. */
  #lastNumber = -1;
  #lastTopic: TopicPublisher | undefined;
  /** Numbers of topics that may not be published to. */
  readonly #forbidden = new Map<number, string>();
  readonly #open: Open[] = [];
  #accepted = -1;
  /** Something was accepted, perhaps again, since `accepted` was last told. */
  #news = false;
  #telling = false;

  /**
   * @param publisher name of the sender, without which nothing can be acknowledged
   * @param order of all numbered publishes of the connection
   */
  constructor(
    rights: PublisherRights,
    publisher: string | undefined,
    mostTopics: number,
    order: PublishOrder = new PublishOrder(),
  ) {
    this.#rights = rights;
    this.#order = order;
    this.#publisher = publisher;
    this.#mostTopics = mostTopics;
  }

  /** Takes one binary message. Throws a `FieldProblem`; what came before the wrong record has been published. */
  receive(bytes: Uint8Array, start = 0, end = bytes.length): void {
    const reader = new RecordReader(bytes, start, end);
    try {
      while (!reader.isAtEnd) this.#record(reader);
    } finally {
      this.#tell();
    }
  }

  /** Some of the topics may not be published to any more. */
  keep(may: (topic: string) => boolean): void {
    this.#lastNumber = -1;
    for (const [number, { topic }] of this.#topics) {
      if (may(topic)) continue;
      this.#topics.delete(number);
      this.#forbidden.set(number, topic);
    }
  }

  #record(reader: RecordReader): void {
    const head = reader.byte();
    switch (head & 0x0f) {
      case recordKinds.topic:
        this.#declare(reader.number(), reader.text());
        return;
      case recordKinds.publish:
        this.#publish(head, reader);
        return;
      default:
        throw new FieldProblem(`there is no record of kind ${head & 0x0f}`);
    }
  }

  #declare(number: number, topic: string): void {
    const problem = isReserved(topic) ? 'topics must not begin with $' : topicProblem(topic);
    if (problem !== undefined) throw new FieldProblem(problem, errorCodes.badTopic);
    this.#lastNumber = -1;
    this.#topics.delete(number);
    this.#forbidden.delete(number);
    if (this.#topics.size + this.#forbidden.size >= this.#mostTopics) {
      throw new FieldProblem(`a connection may have numbers for ${this.#mostTopics} topics`, errorCodes.tooMany);
    }
    if (this.#rights.mayPublish(topic)) this.#topics.set(number, this.#rights.topicPublisher(topic));
    else this.#forbidden.set(number, topic);
  }

  #publish(head: number, reader: RecordReader): void {
    const number = reader.number();
    const seq = head & recordFlags.sequence ? reader.number() : undefined;
    if (seq === 0) throw new FieldProblem('sequence numbers begin at 1');
    reader.skipPayload();
    if (number !== this.#lastNumber) {
      this.#lastTopic = this.#topics.get(number);
      this.#lastNumber = number;
    }
    const topic = this.#lastTopic;
    if (topic === undefined) {
      this.#forbid(number, seq ?? 0);
      return;
    }
    const retain = (head & recordFlags.retain) !== 0;
    if (seq !== undefined) this.#publishNumbered(topic, reader, retain, seq);
    else this.#toBroker(topic, reader, retain)?.catch((error: unknown) => this.#refuse(0, error));
  }

  #publishNumbered(topic: TopicPublisher, reader: RecordReader, retain: boolean, seq: number): void {
    if (this.#publisher === undefined) throw new FieldProblem('an acknowledged publish needs a "publisher" in hello');
    const missing = this.#order.missing(seq);
    if (missing !== undefined) {
      this.#sendRefused(seq, errorCodes.overloaded, outOfOrder(missing));
      return;
    }
    const accepting = this.#toBroker(topic, reader, retain, { publisher: this.#publisher, seq });
    if (accepting === undefined && this.#open.length === 0) this.#accept(seq);
    else this.#wait(seq, accepting);
  }

  /** The payload that was read last. */
  #toBroker(
    topic: TopicPublisher,
    { bytes, payloadStart, position }: RecordReader,
    retain: boolean,
    dedupe?: Dedupe,
  ): Promise<void> | undefined {
    this.#rights.count();
    const accepting = topic.publish(bytes, payloadStart, position, retain, dedupe);
    if (accepting) this.#rights.begin(accepting);
    return accepting;
  }

  #forbid(number: number, seq: number): void {
    const topic = this.#forbidden.get(number);
    if (topic === undefined) throw new FieldProblem(`no topic has the number ${number}`, errorCodes.badTopic);
    this.#sendRefused(seq, errorCodes.forbidden, `the token does not allow to publish to ${topic}`);
  }

  #accept(seq: number): void {
    this.#order.accept(seq);
    this.#accepted = Math.max(this.#accepted, seq);
    this.#news = true;
  }

  #wait(seq: number, accepting: Promise<void> | undefined): void {
    const open: Open = { seq, settled: accepting === undefined };
    this.#open.push(open);
    if (accepting === undefined) this.#order.accept(seq);
    accepting
      ?.then(
        () => this.#order.accept(seq),
        (error: unknown) => this.#refuse(seq, error),
      )
      .then(() => {
        open.settled = true;
        while (this.#open[0]?.settled) {
          const { seq: settled } = this.#open.shift()!;
          if (!this.#order.isHeldUp(settled)) this.#accept(settled);
        }
        if (this.#telling || !this.#news) return;
        this.#telling = true;
        setImmediate(() => {
          this.#telling = false;
          this.#tell();
        });
      });
  }

  #tell(): void {
    if (!this.#news) return;
    this.#news = false;
    this.#rights.send(frame(opcodes.binary, [acceptedRecord(this.#accepted)]));
  }

  #refuse(seq: number, error: unknown): void {
    const { code, message } = this.#rights.refusal(error);
    const isPassing = seq > 0 && code >= firstPassingCode;
    // One that was sent twice and taken once has been taken, which is told again.
    if (!isPassing || this.#order.refuse(seq)) this.#sendRefused(seq, code, message);
  }

  #sendRefused(seq: number, code: ErrorCode, message: string): void {
    this.#rights.send(frame(opcodes.binary, [refusedRecord(seq, code, message)]));
  }
}
