/**
 * One kind of record of a cloud's directory: each session keeps one retained record per path on `$name/path/session`; a
 * topic has one writer, so records of two sessions cannot overwrite each other, whatever the order in which a broker
 * carries them. The newest record of a path wins: `since` is a clock in Lamport's sense, wall time that never goes back
 * behind a record already seen.
 */

import { type Broker, type BrokerMessage, publishJson, type Subscription } from '../broker/index.ts';
import type { Json } from '../protocol/index.ts';

export type RecordContent = { readonly [field: string]: Json };

export interface BookOptions<Kept> {
  /** What is kept in memory of a record's content; undefined for what is no record. */
  readonly keep: (content: RecordContent) => Kept | undefined;
  /** Another server has removed a record of this one, taking it for dead. Default: it is written again. */
  readonly onLost?: (path: string, session: string) => void;
  /** The records of a server that has died, the oldest first, before they are removed. */
  readonly onDeath?: (records: readonly Entry<Kept>[]) => Promise<void>;
}

export interface Entry<Kept> {
  readonly path: string;
  readonly session: string;
  readonly since: number;
  readonly kept: Kept;
}

/** The clock of all books of a server. */
export interface BookClock {
  /** Greater than every `since` that was seen. */
  next(): number;
  saw(since: number, session: string): void;
}

/** Path to session to record. */
type Records<Kept> = Map<string, Map<string, Entry<Kept>>>;

export class Book<Kept> {
  readonly #broker: Broker;
  readonly #prefix: string;
  readonly #options: BookOptions<Kept>;
  readonly #clock: BookClock;
  #records: Records<Kept> = new Map();
  /** What this server's own sessions have announced, by topic. */
  readonly #own = new Map<string, RecordContent>();
  /** Calls waiting until a record is seen, by its topic. */
  readonly #awaited = new Map<string, (() => void)[]>();
  readonly #watchers: ((path: string, session: string) => void)[] = [];
  #subscription: Subscription | undefined;
  #stopped = false;

  constructor(broker: Broker, name: string, options: BookOptions<Kept>, clock: BookClock) {
    this.#broker = broker;
    this.#prefix = `${name}/`;
    this.#options = options;
    this.#clock = clock;
  }

  async start(): Promise<void> {
    this.#subscription = await this.#subscribe(this.#records);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#subscription?.unsubscribe();
    for (const topic of [...this.#awaited.keys()]) this.#seen(topic);
  }

  /** Calls back when a record has come, changed or gone. */
  watch(changed: (path: string, session: string) => void): void {
    this.#watchers.push(changed);
  }

  /** The record of a path that was announced last. */
  newest(path: string): Entry<Kept> | undefined {
    let newest: Entry<Kept> | undefined;
    for (const record of this.#records.get(path)?.values() ?? []) {
      if (!newest || record.since > newest.since || (record.since === newest.since && record.session > newest.session))
        newest = record;
    }
    return newest;
  }

  has(path: string, session: string): boolean {
    return this.#records.get(path)?.has(session) ?? false;
  }

  paths(): Iterable<string> {
    return this.#records.keys();
  }

  /**
   * Resolves with its `since` when this server itself has seen the record, so that what is sent to the session
   * afterwards finds it. Replaces the session's earlier record of the path.
   */
  async announce(path: string, session: string, content: RecordContent = {}): Promise<number> {
    const since = this.#clock.next();
    const record = { ...content, since };
    this.#own.set(this.#topicOf(path, session), record);
    await this.#write(this.#topicOf(path, session), record);
    return since;
  }

  /** Resolves when this server itself has seen that the record is gone. */
  withdraw(path: string, session: string): Promise<void> {
    this.#own.delete(this.#topicOf(path, session));
    return this.#write(this.#topicOf(path, session), null);
  }

  /** Removes the older records of other sessions of the path, whose owners may be dead already. */
  supersede(path: string, session: string): void {
    const since = this.#records.get(path)?.get(session)?.since ?? 0;
    for (const other of [...(this.#records.get(path)?.values() ?? [])]) {
      if (other.since < since) this.#publish(this.#topicOf(path, other.session), null);
    }
  }

  /** Removes the records of sessions whose server has died. Rejects when the broker does not take what is due. */
  async bury(isOfDead: (session: string) => boolean): Promise<void> {
    const records = [...this.#records.values()].flatMap((sessions) => [...sessions.values()]);
    const left = records.filter(({ session }) => isOfDead(session)).sort((a, b) => a.since - b.since);
    if (left.length === 0) return;
    await this.#options.onDeath?.(left);
    for (const { path, session } of left) {
      remove(this.#records, path, session);
      this.#changed(path, session);
      this.#publish(this.#topicOf(path, session), null);
    }
  }

  /** Reads the whole content of all records again from the broker. */
  async read(take: (path: string, session: string, content: RecordContent) => void): Promise<void> {
    const subscription = await this.#broker.subscribe(`${this.#prefix}#`, ({ topic, data }) => {
      const content = contentOf(data);
      if (content !== undefined) take(...this.#placeOf(topic), content);
    });
    await subscription.unsubscribe();
  }

  #subscribe(into: Records<Kept>): Promise<Subscription> {
    const onGap = () => this.#begin().catch(() => {});
    return this.#broker.subscribe(`${this.#prefix}#`, (message) => this.#note(message, into), { onGap });
  }

  /** Begins anew after messages were lost: with the records that the broker has, and its own. */
  async #begin(): Promise<void> {
    if (this.#stopped) return;
    const before = this.#records;
    const fresh: Records<Kept> = new Map();
    const subscription = await this.#subscribe(fresh);
    await this.#subscription?.unsubscribe();
    this.#subscription = subscription;
    this.#records = fresh;
    for (const topic of [...this.#awaited.keys()]) if (!this.#own.has(topic)) this.#seen(topic);
    for (const [topic, record] of this.#own) this.#publish(topic, record);
    for (const records of [before, fresh]) {
      for (const [path, sessions] of records) for (const session of sessions.keys()) this.#changed(path, session);
    }
  }

  async #write(topic: string, record: RecordContent | null): Promise<void> {
    const seen = new Promise<void>((resolve) => {
      this.#awaited.set(topic, [...(this.#awaited.get(topic) ?? []), resolve]);
    });
    await publishJson(this.#broker, topic, record as Json, { retain: true });
    if (!this.#stopped) await seen;
  }

  /** What fails here is tried again at the next beat, or was for a broker that is closed. */
  #publish(topic: string, record: RecordContent | null): void {
    publishJson(this.#broker, topic, record as Json, { retain: true }).catch(() => {});
  }

  #note({ topic, data }: BrokerMessage, into: Records<Kept>): void {
    const [path, session] = this.#placeOf(topic);
    const content = contentOf(data);
    const kept = content && this.#options.keep(content);
    if (content !== undefined && kept !== undefined) {
      const since = content.since as number;
      this.#clock.saw(since, session);
      const sessions = into.get(path) ?? new Map<string, Entry<Kept>>();
      into.set(path, sessions.set(session, { path, session, since, kept }));
    } else {
      remove(into, path, session);
      this.#onRemoved(topic, path, session);
    }
    if (into === this.#records) this.#changed(path, session);
    this.#seen(topic);
  }

  #onRemoved(topic: string, path: string, session: string): void {
    const own = this.#own.get(topic);
    if (own === undefined) return;
    if (this.#options.onLost === undefined) {
      this.#publish(topic, own);
      return;
    }
    this.#own.delete(topic);
    this.#options.onLost(path, session);
  }

  #changed(path: string, session: string): void {
    for (const changed of this.#watchers) changed(path, session);
  }

  #seen(topic: string): void {
    for (const resolve of this.#awaited.get(topic) ?? []) resolve();
    this.#awaited.delete(topic);
  }

  #topicOf(path: string, session: string): string {
    return `${this.#prefix}${path}/${session}`;
  }

  #placeOf(topic: string): [path: string, session: string] {
    const end = topic.lastIndexOf('/');
    return [topic.slice(this.#prefix.length, end), topic.slice(end + 1)];
  }
}

function contentOf(data: Json | undefined): RecordContent | undefined {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return undefined;
  return typeof data.since === 'number' ? data : undefined;
}

function remove<Kept>(records: Records<Kept>, path: string, session: string): void {
  const sessions = records.get(path);
  sessions?.delete(session);
  if (sessions?.size === 0) records.delete(path);
}
