/**
 * A broker over NATS with JetStream, for servers that share it, in one region or in several.
 *
 * All messages are in one stream (nats-log.ts), in batches. Every server takes the whole stream in order (replica.ts) and
 * delivers from it, so nobody has a message that the stream has not, and after a lost connection it goes on after the
 * last one. An offset is a batch's sequence and a place in the batch: a mirror of the stream in another region has the
 * same, and so have its servers. A message is accepted when the stream has it, and delivered when it has come back,
 * also to subscribers of the server that published it: there is one order, and it is made in one place.
 *
 * Batches of one server follow each other, each after the answer to the one before. When an answer does not come, the
 * server first takes all that the stream has: its own batch among it needs no second sending, however long ago it was.
 *
 * Left out: interest (each server gets every message).
 */

import { randomBytes } from 'node:crypto';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { EarlError, errorMessage } from '../../errors/index.ts';
import type {
  Broker,
  BrokerMessage,
  History,
  Position,
  PublishOptions,
  SubscribeOptions,
  Subscription,
} from './broker.ts';
import { EngineOutbox } from './engine-outbox.ts';
import { decodeRecords, type EngineRecord, encodeRecord } from './engine-record.ts';
import { incomplete } from './history.ts';
import { closedError } from './local.ts';
import { parseNatsAddress } from './nats-address.ts';
import { mostRecords, offsetOf, type StoredBatch, sequenceOf } from './nats-batch.ts';
import { NatsLastValues } from './nats-last-values.ts';
import { NatsLog } from './nats-log.ts';
import {
  defaultMirrorWaitMs,
  defaultWaitingBytes,
  defaultWatchMs,
  logOptions,
  type NatsBrokerOptions,
  replicaOptions,
} from './nats-options.ts';
import { NatsSender, type Outgoing } from './nats-sender.ts';
import { NatsWatch } from './nats-watch.ts';
import { Reached } from './reached.ts';
import { Replica } from './replica.ts';

export type { NatsBrokerOptions } from './nats-options.ts';

/** Below this a message that Earl's clients may send would not fit. */
const leastPayload = 66 * 1024;
const headersBytes = 1024;

export class NatsBroker implements Broker {
  readonly #options: NatsBrokerOptions;
  readonly #nats: NatsConnection;
  readonly #stream: NatsLog;
  readonly #lastValues: NatsLastValues;
  readonly #watch: NatsWatch;
  readonly #sender: NatsSender;
  readonly #outbox: EngineOutbox<Outgoing>;
  readonly #replica: Replica;
  readonly #mostPayload: number;
  /** Sequences of batches that have been taken, for who waits for them. */
  readonly #reached = new Reached();
  #last: Pick<StoredBatch, 'sequence' | 'writer' | 'number'> = { sequence: 0, writer: '', number: 0 };
  /** Up to this sequence, messages of the server's own topics come too late. */
  #staleUpTo = 0;
  /** What the stream had when it was read from the beginning. */
  #loadUpTo = 0;
  /** Something is missing: nothing is taken until the stream is read anew. */
  #broken = false;
  #ready: Promise<void> = Promise.resolve();
  #closed = false;

  /** Resolves when the stream has been read. Rejects with `BACKPLANE_BAD_URL`, `_FOREIGN` or `_UNREACHABLE`. */
  static async connect(options: NatsBrokerOptions): Promise<NatsBroker> {
    const address = parseNatsAddress(options.url);
    let nats: NatsConnection | undefined;
    try {
      nats = await connect(address.connection);
      const broker = new NatsBroker(options, nats, await NatsLog.open(logOptions(nats, address, options)));
      await broker.#start();
      return broker;
    } catch (error) {
      await nats?.close();
      if (error instanceof EarlError) throw error;
      const where = address.home === undefined ? '' : `, and is the domain ${address.home} connected to it`;
      const problem = `no use of NATS at ${address.host}: ${errorMessage(error)}; is nats-server there with JetStream${where}?`;
      throw new EarlError('BACKPLANE_UNREACHABLE', problem, { cause: error });
    }
  }

  private constructor(options: NatsBrokerOptions, nats: NatsConnection, stream: NatsLog) {
    this.#options = options;
    this.#nats = nats;
    this.#stream = stream;
    this.#mostPayload = (nats.info?.max_payload ?? 1024 * 1024) - headersBytes;
    this.#replica = new Replica(replicaOptions(options));
    this.#lastValues = new NatsLastValues(stream, (error) => this.#log(`keeping a last value: ${errorMessage(error)}`));
    const waitMs = options.mirrorWaitMs ?? defaultMirrorWaitMs;
    this.#sender = new NatsSender(stream, this.#lastValues, (last) => this.#reached.within(last, waitMs));
    this.#outbox = new EngineOutbox({
      send: (number, messages) => this.#sender.send(number, messages),
      mostBytes: options.waitingBytes ?? defaultWaitingBytes,
      mostItems: mostRecords,
      mostBatchBytes: Math.min(this.#mostPayload, 1024 * 1024),
    });
    this.#watch = new NatsWatch({
      nats,
      stream,
      everyMs: options.watchMs ?? defaultWatchMs,
      epoch: () => this.#replica.epoch,
      onLost: () => this.#outbox.pause(),
      onFound: () => this.#outbox.resume(),
      recover: (reconnected) => this.#recover(reconnected),
      log: (line) => this.#log(line),
    });
  }

  async subscribe(
    filter: string,
    deliver: (message: BrokerMessage) => void,
    options: SubscribeOptions = {},
  ): Promise<Subscription> {
    await this.#opened();
    return this.#replica.subscribe(filter, deliver, options);
  }

  async read(filters: readonly string[], since: Position, most: number): Promise<History> {
    await this.#opened();
    if (since.epoch !== this.#replica.epoch) return incomplete;
    if (since.offset > this.#replica.offset && !(await this.#comesTo(sequenceOf(since.offset)))) return incomplete;
    await this.#opened();
    const { epoch, offset } = this.#replica;
    return since.epoch === epoch && since.offset <= offset
      ? this.#replica.read(filters, since.offset, most)
      : incomplete;
  }

  publish(topic: string, payload: Buffer, { retain = false, dedupe }: PublishOptions = {}): Promise<void> {
    if (this.#closed) return Promise.reject(closedError());
    const { publisher, seq } = dedupe ?? { publisher: '', seq: 0 };
    if (dedupe && this.#replica.hasTaken(publisher, seq)) return Promise.resolve();
    const record = encodeRecord({ topic, payload, retain, publisher, seq });
    if (record.length > this.#mostPayload) return Promise.reject(tooLongError(record.length, this.#mostPayload));
    return this.#outbox.append({ topic, payload, retain, record }, record.length);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch.stop();
    this.#replica.close();
    this.#outbox.close(closedError());
    this.#reached.close(closedError());
    await this.#nats.close();
  }

  async #start(): Promise<void> {
    if (this.#mostPayload < leastPayload) {
      const advice = 'set max_payload of nats-server to 1MB';
      this.#log(`NATS takes messages of ${this.#mostPayload} bytes at most, longer ones will be refused: ${advice}`);
    }
    await this.#stream.make(newEpoch());
    await this.#load();
    this.#watch.start();
  }

  /** Takes over the last values and the stream. */
  async #load(): Promise<void> {
    const { epoch, first, last } = await this.#stream.state();
    const lost = Math.max(0, first - 1);
    const end = offsetOf(last + 1, -1);
    const lastValues = await this.#lastValues.load(end);
    this.#staleUpTo = Math.max(this.#staleUpTo, last);
    this.#last = { sequence: lost, writer: '', number: 0 };
    this.#loadUpTo = last;
    this.#replica.begin(epoch, offsetOf(lost + 1, -1), end, lastValues);
    this.#reached.restart(lost);
    this.#broken = false;
    await this.#stream.follow(first, (batch) => this.#take(batch));
    await this.#reached.wait(last);
  }

  #take(batch: StoredBatch): void {
    const { sequence, writer, number } = batch;
    if (sequence <= this.#last.sequence || this.#closed || this.#broken) return;
    if (sequence > this.#last.sequence + 1) {
      if (this.#last.sequence >= this.#loadUpTo) {
        this.#reload('the stream no longer has messages that were missed');
        return;
      }
      // The oldest went while the stream was read for the first time: nobody has been given anything yet.
      this.#replica.lose(offsetOf(sequence, -1));
    }
    this.#last = { sequence, writer, number };
    const own = this.#sender.recognise(batch);
    const fresh = sequence > this.#staleUpTo;
    for (const [index, record] of recordsOf(batch, (line) => this.#log(line)).entries()) {
      const offset = offsetOf(sequence, index);
      if (record.retain && !own) this.#lastValues.notice({ ...record, offset });
      this.#replica.take(record, offset, fresh);
    }
    this.#reached.advance(sequence);
  }

  /** Whether a sequence has been taken, or will be soon; a mirror may be behind what a client has seen elsewhere. */
  async #comesTo(sequence: number): Promise<boolean> {
    if (this.#reached.has(sequence)) return true;
    const home = await this.#stream.homeState().catch(() => undefined);
    if (home !== undefined && home.last < sequence) return false;
    return await this.#reached.within(sequence, this.#options.mirrorWaitMs ?? defaultMirrorWaitMs);
  }

  /** The home stream is back. It may be another one, or have lost its end: then a new epoch begins. */
  async #recover(reconnected: boolean): Promise<void> {
    if (this.#closed) return;
    await this.#stream.makeHome(newEpoch());
    const { epoch, last } = await this.#stream.homeState();
    const known = this.#replica.epoch;
    if (epoch === known && !(await this.#isSameStream())) await this.#stream.changeEpoch(known, newEpoch());
    else if (epoch === known) {
      this.#staleUpTo = Math.max(this.#staleUpTo, last);
      // The old consumer would notice by itself, half a minute later.
      if (reconnected) await this.#stream.follow(this.#last.sequence + 1, (batch) => this.#take(batch));
      this.#replica.gapReserved('NATS was away for a while');
      return;
    }
    if (this.#stream.isMirror) await this.#stream.mirror(newEpoch());
    this.#reload('the stream in NATS is another one');
    await this.#ready;
  }

  /** Whether the home stream has what was taken here, and what the mirror has beyond it. */
  async #isSameStream(): Promise<boolean> {
    if (this.#last.writer !== '' && !(await this.#stream.isAtHome(this.#last))) return false;
    if (!this.#stream.isMirror) return true;
    const { last } = await this.#stream.state();
    const newest = last > 0 ? await this.#stream.localBatch(last) : undefined;
    return newest === undefined || (await this.#stream.isAtHome(newest));
  }

  /** Reads everything anew. Subscribers hear of it first: nothing that comes later may hide from them what is missing. */
  #reload(reason: string): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#ready = this.#ready.then(async () => {
      while (!this.#closed) {
        try {
          await this.#load();
          break;
        } catch (error) {
          this.#log(`reading the stream in NATS: ${errorMessage(error)}`);
          await new Promise((resolve) => setTimeout(resolve, 1_000));
        }
      }
    });
    this.#replica.gap(reason);
  }

  async #opened(): Promise<void> {
    if (!this.#closed) await this.#ready;
    if (this.#closed) throw closedError();
  }

  #log(line: string): void {
    if (!this.#closed) this.#options.log?.(line);
  }
}

function newEpoch(): string {
  return randomBytes(8).toString('hex');
}

function recordsOf({ sequence, records }: StoredBatch, log: (line: string) => void): EngineRecord[] {
  try {
    return decodeRecords(records);
  } catch (error) {
    log(`message ${sequence} of the stream was left out: ${errorMessage(error)}`);
    return [];
  }
}

function tooLongError(bytes: number, most: number): EarlError {
  const problem = `a message of ${bytes} bytes is longer than NATS takes (${most})`;
  return new EarlError('BROKER_REFUSED', `${problem}: set max_payload of nats-server to 1MB`);
}
