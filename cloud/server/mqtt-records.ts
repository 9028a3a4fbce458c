/**
 * The records of all MQTT sessions that are kept, on all servers of a cloud: last values on `$mqtt/session/CLIENT`.
 *
 * Every server holds a copy, which follows the broker; what this server writes is in its copy at once. They are bounded
 * in number and age; whichever server notices removes what is too old.
 */

import { type Broker, type BrokerMessage, publishJson, type Subscription } from '../broker/index.ts';
import type { Json } from '../protocol/index.ts';
import { decodeRecord, encodeRecord, type MqttRecord, type MqttState } from './mqtt-record.ts';

const prefix = '$mqtt/session/';

export interface RecordLimits {
  /** Sessions kept; beyond, those of clients that have been away for longest are forgotten. */
  readonly mqttSessions: number;
  /** How long they are kept. */
  readonly mqttSessionMs: number;
}

export class MqttRecords {
  readonly #broker: Broker;
  readonly #limits: RecordLimits;
  readonly #onChanged: (client: string, record: MqttRecord | undefined) => void;
  /** In the order of their writing. */
  readonly #records = new Map<string, MqttRecord>();
  /** Resolved by the next change of a client's record. */
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #writing = new Set<Promise<void>>();
  #subscription: Subscription | undefined;
  #stopped = false;

  /** @param onChanged called when a record has come from the broker, those that this server has written included */
  constructor(
    broker: Broker,
    limits: RecordLimits,
    onChanged: (client: string, record: MqttRecord | undefined) => void,
  ) {
    this.#broker = broker;
    this.#limits = limits;
    this.#onChanged = onChanged;
  }

  get size(): number {
    return this.#records.size;
  }

  async start(): Promise<void> {
    const onGap = () => this.#beginAgain().catch(() => {});
    this.#subscription = await this.#broker.subscribe(`${prefix}#`, (message) => this.#take(message), { onGap });
  }

  /** Resolves when the broker has accepted, or refused, what was to be written. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.allSettled([...this.#writing]);
    await this.#subscription?.unsubscribe();
  }

  get(client: string): MqttRecord | undefined {
    return this.#records.get(client);
  }

  /** Resolves when the broker has accepted it. Rejects as the broker does. */
  write(client: string, state: MqttState, holder: string | undefined): Promise<void> {
    const atMs = Date.now();
    this.#set(client, { state, holder, atMs });
    return this.#publish(client, encodeRecord(state, holder, atMs));
  }

  forget(client: string): Promise<void> {
    this.#set(client, undefined);
    return this.#publish(client, null);
  }

  /** Resolves at the next change of a record, or after a time. */
  changed(client: string, timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(client) ?? new Set();
      this.#waiting.set(client, waiting);
      const end = () => {
        clearTimeout(timer);
        waiting.delete(end);
        if (waiting.size === 0 && this.#waiting.get(client) === waiting) this.#waiting.delete(client);
        resolve();
      };
      const timer = setTimeout(end, timeoutMs);
      waiting.add(end);
    });
  }

  /** Removes what is too old, or too much. */
  forgetOld(): void {
    const before = Date.now() - this.#limits.mqttSessionMs;
    let tooMany = this.#records.size - this.#limits.mqttSessions;
    for (const [client, { atMs, holder }] of this.#records) {
      // Those that somebody holds are written again and again.
      if (atMs >= before && (tooMany <= 0 || holder !== undefined)) continue;
      tooMany -= 1;
      this.forget(client).catch(() => {});
    }
  }

  async #beginAgain(): Promise<void> {
    if (this.#stopped) return;
    const earlier = this.#subscription;
    await this.start();
    await earlier?.unsubscribe();
  }

  #take({ topic, data }: BrokerMessage): void {
    const client = topic.slice(prefix.length);
    const record = decodeRecord(data);
    this.#set(client, record);
    this.#onChanged(client, record);
  }

  #set(client: string, record: MqttRecord | undefined): void {
    this.#records.delete(client);
    if (record) this.#records.set(client, record);
    for (const resolve of [...(this.#waiting.get(client) ?? [])]) resolve();
  }

  #publish(client: string, record: Json): Promise<void> {
    const writing = publishJson(this.#broker, prefix + client, record, { retain: true });
    this.#writing.add(writing);
    const written = () => this.#writing.delete(writing);
    writing.then(written, written);
    return writing;
  }
}
