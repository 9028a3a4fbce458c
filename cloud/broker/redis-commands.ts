/**
 * The connection that asks Redis for something: the scripts as functions with types, usable once the data has been opened
 * (redis-scripts.ts, openScript). When it is lost, what was under way is rejected and the connection is made again.
 */

import { randomBytes } from 'node:crypto';
import { Redis, type RedisOptions } from 'ioredis';
import { EarlError, errorMessage } from '../../errors/index.ts';
import type { BrokerMessage, Position } from './message.ts';
import { type PromiseWithResolve, promiseWithResolve } from './promise-with-resolve.ts';
import { changedScript, openScript, publishScript, readScript, snapshotScript } from './redis-scripts.ts';
import { readSettings } from './redis-settings.ts';
import { decodeEntry, interestOf } from './redis-wire.ts';

const reopenMs = 500;

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
  #run = '';
  #onFirstFailure = (_error: unknown) => {};
  #lastProblem = '';

  constructor(options: RedisCommandsOptions) {
    this.#options = options;
    const settings: RedisOptions & { replyMapping: 'legacy' } = {
      ...options.connection,
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
      this.#open().catch((error: unknown) => this.#failToOpen(error));
    });
    this.#redis.on('close', () => {
      if (!this.#opened.isResolved) return;
      this.#opened = promiseWithResolve();
      this.#options.onLost();
    });
  }

  /** Of the Redis process that was opened last. */
  get run(): string {
    return this.#run;
  }

  /** The first connection. Rejects with what went wrong. */
  async connect(): Promise<void> {
    const failed = new Promise<never>((_, reject) => {
      this.#redis.once('error', reject);
      this.#onFirstFailure = reject;
    });
    await Promise.race([failed, this.#redis.connect().then(() => this.#opened.promise)]);
    this.#onFirstFailure = () => {};
  }

  /** Executes a batch of records; a number of this process that was executed before changes nothing. */
  async publish(number: number, records: Buffer): Promise<void> {
    const { historyPerTopic, historyBytes, retainedTopics, retainedBytes, publishers } = this.#options.bounds;
    const bounds = [historyPerTopic, historyBytes, retainedTopics, retainedBytes, publishers];
    for (;;) {
      const executed = await this.#ask(() =>
        this.#redis.earlPublish(this.#options.prefix, this.#writer, number, ...bounds, records),
      );
      if (executed === 1) return;
      // Somebody has emptied the database.
      await this.#ask(() => this.#openData());
    }
  }

  /** What a filter selects of the last values; `marker` is published on the channel when that holds. */
  async snapshot(filter: string, retained: boolean, channel: string, marker: string): Promise<Snapshot> {
    const { prefix } = this.#options;
    const wanted = retained ? snapshotArguments(filter) : ['none', ''];
    const [epoch, last, ...values] = await this.#ask(() =>
      this.#redis.earlSnapshotBuffer(prefix, channel, marker, ...wanted),
    );
    return { position: positionOf(epoch, last), retained: decodeEntries(values, true) };
  }

  /** Topics of lanes (one empty: of all lanes) that had messages since an offset, and the place up to which that holds. */
  async changed(since: number, lanes: readonly string[]): Promise<{ position: Position; topics: string[] }> {
    const [epoch, last, ...topics] = await this.#ask(() =>
      this.#redis.earlChangedBuffer(this.#options.prefix, since, ...lanes),
    );
    return { position: positionOf(epoch, last), topics: topics.map((topic) => topic.toString()) };
  }

  /** Messages of topics after one offset and up to another, in no order; undefined when some are gone or too many. */
  async read(
    since: number,
    upTo: number,
    most: number,
    topics: readonly string[],
  ): Promise<{ position: Position; messages: BrokerMessage[] | undefined }> {
    const bounds = [since, Number.isFinite(upTo) ? upTo : Number.MAX_SAFE_INTEGER, most];
    const reply = await this.#ask(() => this.#redis.earlReadBuffer(this.#options.prefix, ...bounds, ...topics));
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

  /**
   * Asks when the data is open. A Redis that hangs, or is not the one to ask any more, is left: the next connection may
   * lead to another, and what rejects here may be asked again.
   */
  async #ask<Answer>(request: () => Promise<Answer>): Promise<Answer> {
    await this.#opened.promise;
    try {
      return await request();
    } catch (error) {
      if (!isPassing(error)) throw error;
      this.#tell(`Redis cannot be used: ${errorMessage(error)}`);
      this.#redis.disconnect(true);
      throw new Error(errorMessage(error));
    }
  }

  #failToOpen(error: unknown): void {
    this.#onFirstFailure(error);
    if (this.#closed) return;
    this.#tell(`opening the data in Redis: ${errorMessage(error)}`);
    setTimeout(() => {
      if (!this.#closed) this.#redis.disconnect(true);
    }, reopenMs);
  }

  /** A problem that goes on is told once. */
  #tell(problem: string): void {
    if (problem !== this.#lastProblem) this.#options.log(problem);
    this.#lastProblem = problem;
  }

  async #open(): Promise<void> {
    await this.#openData();
    if (this.#closed) return;
    this.#lastProblem = '';
    this.#opened.resolve();
    this.#options.onOpen();
  }

  async #openData(): Promise<void> {
    const { run, durable, warnings } = await readSettings(this.#redis);
    await this.#redis.earlOpen(this.#options.prefix, run, durable ? 1 : 0, randomBytes(8).toString('hex'));
    if (run !== this.#run) for (const warning of warnings) this.#options.log(warning);
    this.#run = run;
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

export function isReplyError(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

/** Errors of a Redis that will not or cannot answer now, while another, or it itself later, may. */
function isPassing(error: unknown): boolean {
  const text = errorMessage(error);
  return isReplyError(error) ? /^(READONLY|LOADING|MASTERDOWN)/.test(text) : text === 'Command timed out';
}

export function refusedError(cause: unknown): EarlError {
  const advice = 'see "Engines" in docs/scaling.md';
  return new EarlError('BROKER_REFUSED', `Redis refused a request: ${errorMessage(cause)}; ${advice}`);
}
