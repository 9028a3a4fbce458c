/**
 * Last values in streams of their own, one message a topic, so that they outlive the log's history.
 *
 * The server that wrote a message copies it there before the message counts as accepted. Two servers that write one
 * topic at once may copy in another order than the log has: who then sees a newer value in the log than it copied itself
 * copies that as well.
 */

import type { JsMsg } from '@nats-io/jetstream';
import { headers } from '@nats-io/transport-node';
import { isReserved } from '../protocol/index.ts';
import type { NatsLog } from './nats-log.ts';
import { subjectOf, topicOf } from './nats-subjects.ts';
import type { LastValue } from './replica.ts';

const offsetHeader = 'Earl-Offset';
/** Topics of own copies that are remembered; the oldest are forgotten. */
const mostCopied = 10_000;

export class NatsLastValues {
  readonly #log: NatsLog;
  readonly #onError: (error: unknown) => void;
  /** Offsets of own copies, by topic. */
  readonly #copied = new Map<string, number>();

  /** @param onError called when a value that another server should have copied cannot be */
  constructor(log: NatsLog, onError: (error: unknown) => void) {
    this.#log = log;
    this.#onError = onError;
  }

  /** Values up to an offset; newer ones will come with the log. */
  async load(upTo: number): Promise<LastValue[]> {
    const values: LastValue[] = [];
    for (const [stream, subjects] of this.#log.lastValueStreams) {
      await this.#log.all(stream, (message) => {
        const offset = offsetOf(message);
        if (offset > upTo) return;
        values.push({ topic: topicOf(subjects, message.subject), payload: Buffer.from(message.data), offset });
      });
    }
    return values.sort((one, other) => one.offset - other.offset);
  }

  /** Copies own values of one batch: the newest of each topic. */
  async copy(values: readonly LastValue[]): Promise<void> {
    const newest = new Map(values.map((value) => [value.topic, value]));
    await Promise.all([...newest.values()].map((value) => this.#copy(value)));
  }

  /** Another server's value has come by the log. */
  notice({ topic, payload, offset }: LastValue): void {
    const own = this.#copied.get(topic);
    if (own === undefined) return;
    this.#copied.delete(topic);
    if (own < offset) this.#copy({ topic, payload: Buffer.from(payload), offset }).catch(this.#onError);
  }

  async #copy({ topic, payload, offset }: LastValue): Promise<void> {
    this.#copied.delete(topic);
    this.#copied.set(topic, offset);
    if (this.#copied.size > mostCopied) this.#copied.delete(this.#copied.keys().next().value!);
    const [ofTopics, ofServers] = this.#log.lastValueStreams.map(([, subjects]) => subjects);
    const about = headers();
    about.set(offsetHeader, String(offset));
    const subject = subjectOf(isReserved(topic) ? ofServers! : ofTopics!, topic);
    await this.#log.setLastValue(subject, payload, about);
  }
}

function offsetOf(message: JsMsg): number {
  return Number(message.headers?.get(offsetHeader) || 0);
}
