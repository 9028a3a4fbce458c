/**
 * Stores a server's batches in the stream, one after the other, and its last values beside them.
 *
 * When an answer does not come, everything that the stream has is taken first: an own batch among it needs no second
 * sending, however long ago it was. (JetStream by itself knows a batch again for two minutes.)
 */

import { randomBytes } from 'node:crypto';
import { JetStreamApiError } from '@nats-io/jetstream';
import { EarlError, errorMessage } from '../../errors/index.ts';
import { offsetOf, type StoredBatch } from './nats-batch.ts';
import type { NatsLastValues } from './nats-last-values.ts';
import type { NatsLog } from './nats-log.ts';

/** A message on its way, and its record. */
export interface Outgoing {
  readonly topic: string;
  readonly payload: Buffer;
  readonly retain: boolean;
  readonly record: Buffer;
}

export class NatsSender {
  readonly #stream: NatsLog;
  readonly #lastValues: NatsLastValues;
  readonly #taken: (sequence: number) => Promise<boolean>;
  readonly #writer = randomBytes(8).toString('hex');
  #tried = 0;
  /** The last own batch that is known to be in the stream. */
  #stored = { number: 0, sequence: 0 };

  /** @param taken whether everything up to a sequence has been taken here, given some time */
  constructor(stream: NatsLog, lastValues: NatsLastValues, taken: (sequence: number) => Promise<boolean>) {
    this.#stream = stream;
    this.#lastValues = lastValues;
    this.#taken = taken;
  }

  /** Whether a batch that has come by the stream is an own one. */
  recognise({ sequence, writer, number }: StoredBatch): boolean {
    if (writer !== this.#writer) return false;
    this.#stored = { number, sequence };
    return true;
  }

  /** As `OutboxOptions.send`. */
  async send(number: number, messages: readonly Outgoing[]): Promise<void> {
    try {
      if (this.#tried === number) await this.#takeAll();
      this.#tried = number;
      const sequence = await this.#store(number, messages);
      const values = messages.map((message, index) => ({ ...message, offset: offsetOf(sequence, index) }));
      await this.#lastValues.copy(values.filter(({ retain }) => retain));
    } catch (error) {
      throw isRefusal(error) ? refusedError(error) : error;
    }
  }

  async #store(number: number, messages: readonly Outgoing[]): Promise<number> {
    if (this.#stored.number < number) {
      const records = messages.map(({ record }) => record);
      const sequence = await this.#stream.append(this.#writer, number, records);
      this.#stored = { number, sequence };
    }
    return this.#stored.sequence;
  }

  async #takeAll(): Promise<void> {
    const { last } = await this.#stream.homeState();
    if (!(await this.#taken(last))) throw new Error('the mirror is behind');
  }
}

/** What JetStream answers, and not that it has no time or no leader now. */
function isRefusal(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.status !== 503;
}

function refusedError(cause: unknown): EarlError {
  const advice = 'see "Engines" in docs/scaling.md';
  return new EarlError('BROKER_REFUSED', `NATS refused a message: ${errorMessage(cause)}; ${advice}`, { cause });
}
