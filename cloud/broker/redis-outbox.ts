/**
 * What waits for Redis: gathers messages into batches and sends one at a time, in order, again after a lost connection.
 *
 * A batch keeps its number and its contents from the first attempt on, so Redis can tell one that it has executed. What
 * Redis refuses is refused to all who wait, so that no later message overtakes an earlier one of its publisher.
 */

import { EarlError, errorMessage } from '../../errors/index.ts';
import { Queue } from './queue.ts';

const mostRecords = 256;
const mostBatchBytes = 1024 * 1024;

class Batch {
  readonly number: number;
  readonly records: Buffer[] = [];
  readonly executed: Promise<void>;
  bytes = 0;
  sealed = false;
  resolve = () => {};
  reject = (_error: unknown) => {};

  constructor(number: number) {
    this.number = number;
    this.executed = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.executed.catch(() => {});
  }

  get isFull(): boolean {
    return this.sealed || this.records.length >= mostRecords || this.bytes >= mostBatchBytes;
  }
}

export interface OutboxOptions {
  /** Executes a batch. Rejects with a `ReplyError` when it was refused, with anything else when it may be sent again. */
  readonly send: (number: number, records: Buffer) => Promise<void>;
  /** Bytes that may wait; beyond, messages are refused until half of that is left. */
  readonly mostBytes: number;
}

export class RedisOutbox {
  readonly #options: OutboxOptions;
  readonly #batches = new Queue<Batch>();
  #last: Batch | undefined;
  #numbers = 0;
  #bytes = 0;
  #overloaded = false;
  #connected = true;
  #scheduled = false;
  #sending = false;
  #closed: EarlError | undefined;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Messages' bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Resolves when Redis has executed the batch with the record. Rejects with `BROKER_OVERLOADED` or `BROKER_REFUSED`. */
  append(record: Buffer): Promise<void> {
    if (this.#closed) return Promise.reject(this.#closed);
    if (this.#isOverloaded(record.length)) return Promise.reject(overloadedError(this.#options.mostBytes));
    if (this.#last === undefined || this.#last.isFull) {
      this.#last = new Batch(++this.#numbers);
      this.#batches.push(this.#last);
    }
    this.#last.records.push(record);
    this.#last.bytes += record.length;
    this.#bytes += record.length;
    this.#schedule();
    return this.#last.executed;
  }

  /** The connection is gone: what is under way will be sent again. */
  pause(): void {
    this.#connected = false;
  }

  resume(): void {
    this.#connected = true;
    this.#schedule();
  }

  close(error: EarlError): void {
    this.#closed = error;
    this.#rejectAll(error);
  }

  #isOverloaded(added: number): boolean {
    const { mostBytes } = this.#options;
    this.#overloaded = this.#bytes + added > (this.#overloaded ? mostBytes / 2 : mostBytes);
    return this.#overloaded;
  }

  #schedule(): void {
    if (this.#scheduled || this.#sending || !this.#connected) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      void this.#sendAll();
    });
  }

  async #sendAll(): Promise<void> {
    if (this.#sending) return;
    this.#sending = true;
    while (this.#connected && this.#batches.length > 0) {
      const batch = this.#batches.at(0)!;
      batch.sealed = true;
      try {
        await this.#options.send(batch.number, Buffer.concat(batch.records, batch.bytes));
      } catch (error) {
        if (!isReplyError(error)) break;
        this.#rejectAll(refusedError(error));
        continue;
      }
      if (this.#batches.at(0) !== batch) continue;
      this.#batches.shift();
      this.#bytes -= batch.bytes;
      batch.resolve();
    }
    this.#sending = false;
    // The connection may have come back while the failure was on its way here.
    if (this.#batches.length > 0) this.#schedule();
  }

  #rejectAll(error: EarlError): void {
    for (let batch = this.#batches.shift(); batch !== undefined; batch = this.#batches.shift()) batch.reject(error);
    this.#last = undefined;
    this.#bytes = 0;
  }
}

export function isReplyError(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

export function refusedError(cause: unknown): EarlError {
  const advice = 'see "Engines" in docs/operations.md';
  return new EarlError('BROKER_REFUSED', `Redis refused a request: ${errorMessage(cause)}; ${advice}`, { cause });
}

function overloadedError(mostBytes: number): EarlError {
  const problem = `more than ${mostBytes} bytes wait for the engine, which is slow or away`;
  return new EarlError('BROKER_OVERLOADED', `${problem}: publish again later`);
}
