/**
 * The connection that asks Redis for something: the scripts as functions with types, usable once the data has been opened
 * (redis-scripts.ts, openScript). When it is lost, what was under way is rejected and the connection is made again.
 */

import { randomBytes } from 'node:crypto';
import { Redis, type RedisOptions } from 'ioredis';
import { EarlError, errorMessage } from '../../errors/index.ts';
import type { BrokerMessage, Position } from './message.ts';
import { changedScript, openScript, publishScript, readScript, snapshotScript } from './redis-scripts.ts';
import { decodeEntry, interestOf } from './redis-wire.ts';

type Argument = string | number | Buffer;
type Reply = readonly Buffer[];

interface Scripted {
  earlPublish(...values: Argument[]): Promise<number>;
  earlOpen(...values: Argument[]): Promise<[epoch: string, last: string]>;
  earlSnapshotBuffer(...values: Argument[]): Promise<Reply>;
  earlChangedBuffer(...values: Argument[]): Promise<Reply>;
  earlReadBuffer(...values: Argument[]): Promise<Reply>;
}

export interface Bounds {
  readonly historyPerTopic: number;
  readonly historyBytes: number;
  readonly retainedTopics: number;
  readonly retainedBytes: number;
  readonly publishers: number;
}

export interface RedisCommandsOptions {
  readonly connection: RedisOptions;
  readonly prefix: string;
  readonly bounds: Bounds;
  readonly onOpen: () => void;
  readonly onLost: () => void;
  readonly log: (line: string) => void;
}

export interface Snapshot {
  readonly position: Position;
  readonly retained: readonly BrokerMessage[];
}

export class RedisCommands {
  readonly #redis: Redis & Scripted;
  readonly #options: RedisCommandsOptions;
  readonly #writer = randomBytes(8).toString('hex');
  #opened: PromiseWithResolve = promiseWithResolve();
  #closed: EarlError | undefined;
  #warned = false;

  constructor(options: RedisCommandsOptions) {
    this.#options = options;
    const settings: RedisOptions & { replyMapping: 'legacy' } = {
      ...options.connection,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      // What is under way when the connection is lost is rejected, not left unanswered.
      maxRetriesPerRequest: 0,
      replyMapping: 'legacy',
      scripts: {
        earlPublish: { lua: publishScript, numberOfKeys: 0 },
        earlOpen: { lua: openScript, numberOfKeys: 0 },
        earlSnapshot: { lua: snapshotScript, numberOfKeys: 0 },
        earlChanged: { lua: changedScript, numberOfKeys: 0 },
        earlRead: { lua: readScript, numberOfKeys: 0 },
      },
    };
    this.#redis = new Redis(settings) as Redis & Scripted;
    this.#redis.on('error', () => {});
    this.#redis.on('ready', () => {
      this.#open().catch((error: unknown) => {
        this.#options.log(`opening the data in Redis: ${errorMessage(error)}`);
        this.#redis.disconnect(true);
      });
    });
    this.#redis.on('close', () => {
      if (!this.#opened.isResolved) return;
      this.#opened = promiseWithResolve();
      this.#options.onLost();
    });
  }

  /** The first connection. Rejects with what went wrong. */
  async connect(): Promise<void> {
    const failed = new Promise<never>((_, reject) => this.#redis.once('error', reject));
    await Promise.race([failed, this.#redis.connect().then(() => this.#opened.promise)]);
  }

  /** Executes a batch of records; a number of this process that was executed before changes nothing. */
  async publish(number: number, records: Buffer): Promise<void> {
    const { historyPerTopic, historyBytes, retainedTopics, retainedBytes, publishers } = this.#options.bounds;
    const bounds = [historyPerTopic, historyBytes, retainedTopics, retainedBytes, publishers];
    for (;;) {
      await this.#opened.promise;
      const executed = await this.#redis.earlPublish(this.#options.prefix, this.#writer, number, ...bounds, records);
      if (executed === 1) return;
      // Somebody has emptied the database.
      await this.#openData();
    }
  }

  /** What a filter selects of the last values; `marker` is published on the channel when that holds. */
  async snapshot(filter: string, retained: boolean, channel: string, marker: string): Promise<Snapshot> {
    await this.#opened.promise;
    const { prefix } = this.#options;
    const wanted = retained ? snapshotArguments(filter) : ['none', ''];
    const [epoch, last, ...values] = await this.#redis.earlSnapshotBuffer(prefix, channel, marker, ...wanted);
    return { position: positionOf(epoch, last), retained: decodeEntries(values, true) };
  }

  /** Topics of lanes (one empty: of all lanes) that had messages since an offset, and the place up to which that holds. */
  async changed(since: number, lanes: readonly string[]): Promise<{ position: Position; topics: string[] }> {
    await this.#opened.promise;
    const [epoch, last, ...topics] = await this.#redis.earlChangedBuffer(this.#options.prefix, since, ...lanes);
    return { position: positionOf(epoch, last), topics: topics.map((topic) => topic.toString()) };
  }

  /** Messages of topics after one offset and up to another, in no order; undefined when some are gone or too many. */
  async read(
    since: number,
    upTo: number,
    most: number,
    topics: readonly string[],
  ): Promise<{ position: Position; messages: BrokerMessage[] | undefined }> {
    await this.#opened.promise;
    const bounds = [since, Number.isFinite(upTo) ? upTo : Number.MAX_SAFE_INTEGER, most];
    const reply = await this.#redis.earlReadBuffer(this.#options.prefix, ...bounds, ...topics);
    const [epoch, last, complete, ...entries] = reply;
    const messages = Number(complete) === 1 ? decodeEntries(entries, false) : undefined;
    return { position: positionOf(epoch, last), messages };
  }

  /** Resolves when the data is open. Rejects with `BROKER_CLOSED`. */
  opened(): Promise<void> {
    return this.#opened.promise;
  }

  close(error: EarlError): void {
    this.#closed = error;
    this.#opened.reject(error);
    if (this.#opened.isResolved) {
      this.#opened = promiseWithResolve();
      this.#opened.reject(error);
    }
    this.#redis.disconnect();
  }

  async #open(): Promise<void> {
    await this.#openData();
    if (this.#closed) return;
    this.#opened.resolve();
    this.#options.onOpen();
  }

  async #openData(): Promise<void> {
    const run = /^run_id:(\S+)/m.exec(await this.#redis.info('server'))?.[1] ?? '';
    const durable = await this.#isDurable();
    await this.#redis.earlOpen(this.#options.prefix, run, durable ? 1 : 0, randomBytes(8).toString('hex'));
  }

  /** Whether Redis answers only when the disk has what it answers for; false when it may not be asked. */
  async #isDurable(): Promise<boolean> {
    const memory = await this.#redis.info('memory');
    const policy = /^maxmemory_policy:(\S+)/m.exec(memory)?.[1];
    const setting = async (name: string) => ((await this.#redis.config('GET', name)) as string[])[1];
    const appendOnly = await setting('appendonly').catch(() => undefined);
    const durable = appendOnly === 'yes' && (await setting('appendfsync').catch(() => undefined)) === 'always';
    if (!this.#warned) this.#warn(durable, policy);
    return durable;
  }

  #warn(durable: boolean, policy: string | undefined): void {
    this.#warned = true;
    if (!durable) {
      const loss = 'what was acknowledged may be lost when it crashes';
      this.#options.log(`Redis does not run with appendonly yes and appendfsync always: ${loss}`);
    }
    if (policy !== undefined && policy !== 'noeviction') {
      this.#options.log(`Redis evicts keys (maxmemory-policy ${policy}), which breaks histories: set it to noeviction`);
    }
  }
}

function snapshotArguments(filter: string): [kind: string, name: string] {
  if (!/(^|\/)[+#](\/|$)/.test(filter)) return ['topic', filter];
  const interest = interestOf(filter);
  return interest.kind === 'lane' ? ['lane', interest.lane] : ['lanes', interest.prefix];
}

function positionOf(epoch: Buffer | undefined, last: Buffer | undefined): Position {
  return { epoch: String(epoch), offset: Number(last) };
}

function decodeEntries(values: readonly Buffer[], retained: boolean): BrokerMessage[] {
  const messages: BrokerMessage[] = [];
  for (let index = 0; index + 1 < values.length; index += 2) {
    messages.push(decodeEntry(values[index]!.toString(), values[index + 1]!, retained));
  }
  return messages;
}

interface PromiseWithResolve {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  readonly isResolved: boolean;
}

/** A promise that can be waited for or not. */
export function promiseWithResolve(): PromiseWithResolve {
  let resolve = () => {};
  let reject = (_error: unknown) => {};
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  promise.catch(() => {});
  const made = {
    promise,
    isResolved: false,
    resolve: () => {
      made.isResolved = true;
      resolve();
    },
    reject,
  };
  return made;
}

export function isReplyError(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

export function refusedError(cause: unknown): EarlError {
  const advice = 'see "Engines" in docs/operations.md';
  return new EarlError('BROKER_REFUSED', `Redis refused a request: ${errorMessage(cause)}; ${advice}`, { cause });
}
