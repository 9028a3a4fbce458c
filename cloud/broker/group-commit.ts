/**
 * Gathers changes while a batch is being written and writes them as the next one: however slow the disk, one write at a
 * time, and nobody waits for more than two.
 *
 * A write that fails is the end: what came after it in memory would contradict the disk.
 */

import type { Change } from './journal.ts';
import type { BrokerMessage } from './message.ts';

class Batch {
  readonly changes: Change[] = [];
  readonly messages: BrokerMessage[] = [];
  readonly written: Promise<void>;
  resolve = () => {};
  reject = (_error: unknown) => {};

  constructor() {
    this.written = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // Nobody may be waiting: what is only forgotten belongs to no publisher.
    this.written.catch(() => {});
  }
}

export interface GroupCommitOptions {
  readonly write: (changes: readonly Change[]) => Promise<void>;
  /** Called with the messages of a batch once it is written, in their order. */
  readonly onWritten: (message: BrokerMessage) => void;
  readonly onFailed: (error: unknown) => void;
}

export class GroupCommit {
  readonly #options: GroupCommitOptions;
  #next = new Batch();
  #writing: Batch | undefined;
  #scheduled = false;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  /** Notes a change that goes with the next batch, e.g. what had to make room. */
  note(change: Change): void {
    this.#next.changes.push(change);
    this.#schedule();
  }

  /** Resolves when the message and the changes noted before are written and it has been passed to `onWritten`. */
  append(message: BrokerMessage, retain: boolean): Promise<void> {
    this.#next.changes.push({ kind: 'append', message, retain });
    this.#next.messages.push(message);
    this.#schedule();
    return this.#next.written;
  }

  /** Resolves when everything so far is written. */
  settled(): Promise<void> | undefined {
    if (this.#next.changes.length > 0) return this.#next.written;
    return this.#writing?.written;
  }

  #schedule(): void {
    if (this.#scheduled || this.#writing) return;
    this.#scheduled = true;
    setImmediate(() => void this.#write());
  }

  async #write(): Promise<void> {
    this.#scheduled = false;
    const batch = this.#next;
    this.#next = new Batch();
    this.#writing = batch;
    try {
      await this.#options.write(batch.changes);
    } catch (error) {
      batch.reject(error);
      this.#next.reject(error);
      this.#options.onFailed(error);
      return;
    }
    this.#writing = undefined;
    for (const message of batch.messages) this.#options.onWritten(message);
    batch.resolve();
    if (this.#next.changes.length > 0) this.#schedule();
  }
}
