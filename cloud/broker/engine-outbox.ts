/**
 * What waits for an engine: gathers messages into batches and sends one at a time, in order, again
 * after a failure.
 *
 * A message that comes alone goes at once; under load a batch begins every 5 ms, unless it is full before.
 *
 * A batch keeps its number and its contents from the first attempt on, so the engine can tell one that it has taken. What
 * it refuses is refused to all who wait, so that no later message overtakes an earlier one of its publisher.
 */

import { EarlError } from '../../errors/index.ts';
import { Queue } from './queue.ts';

/** Between the beginnings of two batches, unless the first is full: each costs server and engine more than its items. */
const spacingMs = 5;
const leastRetryMs = 50;
const mostRetryMs = 2_000;

class Batch<Item> {
  readonly number: number;
  readonly items: Item[] = [];
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

  hasRoom(bytes: number, { mostItems = 256, mostBatchBytes = 1024 * 1024 }: OutboxOptions<Item>): boolean {
    return !this.sealed && this.items.length < mostItems && this.bytes + bytes <= mostBatchBytes;
  }
}

export interface OutboxOptions<Item> {
  /** Executes a batch. Rejects with an `EarlError` when it was refused, with anything else when it may be sent again. */
  readonly send: (number: number, items: readonly Item[]) => Promise<void>;
  /** Bytes that may wait; beyond, messages are refused until half of that is left. */
  readonly mostBytes: number;
  /** Items of a batch. Default 256. */
  readonly mostItems?: number;
  /** Bytes of a batch; a longer message makes a batch alone. Default 1 MiB. */
  readonly mostBatchBytes?: number;
}

export class EngineOutbox<Item> {
  readonly #options: OutboxOptions<Item>;
  readonly #batches = new Queue<Batch<Item>>();
  #last: Batch<Item> | undefined;
  #numbers = 0;
  #bytes = 0;
  #overloaded = false;
  #connected = true;
  #scheduled = false;
  #sending = false;
  #retry: NodeJS.Timeout | undefined;
  #failures = 0;
  #sentAt = Number.NEGATIVE_INFINITY;
  #closed: EarlError | undefined;

  constructor(options: OutboxOptions<Item>) {
    this.#options = options;
  }

  /** Messages' bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Resolves when the engine has taken the batch with the item. Rejects with `BROKER_OVERLOADED` or `BROKER_REFUSED`. */
  append(item: Item, bytes: number): Promise<void> {
    if (this.#closed) return Promise.reject(this.#closed);
    if (this.#isOverloaded(bytes)) return Promise.reject(overloadedError(this.#options.mostBytes));
    if (!this.#last?.hasRoom(bytes, this.#options)) {
      this.#last = new Batch<Item>(++this.#numbers);
      this.#batches.push(this.#last);
    }
    this.#last.items.push(item);
    this.#last.bytes += bytes;
    this.#bytes += bytes;
    this.#schedule();
    return this.#last.executed;
  }

  /** The connection is gone: what is under way will be sent again. */
  pause(): void {
    this.#connected = false;
  }

  resume(): void {
    this.#connected = true;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#schedule();
  }

  close(error: EarlError): void {
    this.#closed = error;
    clearTimeout(this.#retry);
    this.#rejectAll(error);
  }

  #isOverloaded(added: number): boolean {
    const { mostBytes } = this.#options;
    this.#overloaded = this.#bytes + added > (this.#overloaded ? mostBytes / 2 : mostBytes);
    return this.#overloaded;
  }

  #schedule(): void {
    if (this.#scheduled || this.#sending || !this.#connected || this.#retry) return;
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
      const earlyMs = this.#sentAt + spacingMs - performance.now();
      if (earlyMs > 0 && this.#batches.length === 1 && !batch.sealed) {
        await new Promise((resolve) => setTimeout(resolve, earlyMs));
        if (!this.#connected || this.#batches.at(0) !== batch) continue;
      }
      batch.sealed = true;
      this.#sentAt = performance.now();
      try {
        await this.#options.send(batch.number, batch.items);
      } catch (error) {
        if (!(error instanceof EarlError)) {
          this.#sending = false;
          this.#tryLater();
          return;
        }
        this.#rejectAll(error);
        continue;
      }
      this.#failures = 0;
      if (this.#batches.at(0) !== batch) continue;
      this.#batches.shift();
      this.#bytes -= batch.bytes;
      batch.resolve();
    }
    this.#sending = false;
    if (this.#batches.length > 0) this.#schedule();
  }

  /** Whether the connection is lost or the engine does not answer: neither gets better by asking without a pause. */
  #tryLater(): void {
    if (this.#closed) return;
    const delayMs = Math.min(mostRetryMs, leastRetryMs * 2 ** this.#failures++) * (0.5 + Math.random() / 2);
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#schedule();
    }, delayMs);
  }

  #rejectAll(error: EarlError): void {
    for (let batch = this.#batches.shift(); batch !== undefined; batch = this.#batches.shift()) batch.reject(error);
    this.#last = undefined;
    this.#bytes = 0;
  }
}

function overloadedError(mostBytes: number): EarlError {
  const problem = `more than ${mostBytes} bytes wait for the engine, which is slow or away`;
  return new EarlError('BROKER_OVERLOADED', `${problem}: publish again later`);
}
