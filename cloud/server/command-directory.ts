/**
 * Who answers commands for which probe, known to every server of a cloud.
 *
 * Each gateway session keeps one retained record per probe on `$serve/site/probe/session`; a topic has one writer, so
 * records of two gateways cannot overwrite each other, whatever the order in which a broker carries them. The newest
 * record wins: `since` is a clock in Lamport's sense, wall time that never goes back behind a record already seen.
 *
 * Every server says on `$alive/server` that it lives. The records of one that was not heard three times in a row count
 * no longer, and whoever notices removes them; should it live after all, it writes its own again.
 */

import { type Broker, type BrokerMessage, publishJson, type Subscription } from '../broker/index.ts';

const prefix = '$serve/';
const alive = '$alive/';

interface ServeRecord {
  readonly since: number;
}

export class CommandDirectory {
  readonly #broker: Broker;
  readonly #serverId: string;
  readonly #beatMs: number;
  /** Probe to session to `since`. */
  readonly #records = new Map<string, Map<string, number>>();
  /** What this server's own sessions have announced, by topic. */
  readonly #own = new Map<string, ServeRecord>();
  /** Other servers that sessions belong to, and when each was last heard. */
  readonly #heard = new Map<string, number>();
  /** Calls waiting until a record is seen, by its topic. */
  readonly #awaited = new Map<string, (() => void)[]>();
  #newest = 0;
  #subscriptions: Subscription[] = [];
  #beat: NodeJS.Timeout | undefined;
  #stopped = false;

  /** @param serverId what the ids of this server's sessions have before their last `-` */
  constructor(broker: Broker, serverId = '', beatMs = 5_000) {
    this.#broker = broker;
    this.#serverId = serverId;
    this.#beatMs = beatMs;
  }

  async start(): Promise<void> {
    await this.#subscribe();
    this.#beat = setInterval(() => this.#onBeat(), this.#beatMs);
    this.#beat.unref();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#beat);
    for (const subscription of this.#subscriptions.splice(0)) await subscription.unsubscribe();
    for (const resolve of [...this.#awaited.values()].flat()) resolve();
    this.#awaited.clear();
  }

  /** The session that declared last that it serves the probe. */
  sessionFor(probe: string): string | undefined {
    let newest: [session: string, since: number] | undefined;
    for (const record of this.#records.get(probe) ?? []) {
      if (!newest || record[1] > newest[1] || (record[1] === newest[1] && record[0] > newest[0])) newest = record;
    }
    return newest?.[0];
  }

  /** Resolves when this server itself has seen the record, so that a command sent to it afterwards finds the session. */
  announce(probe: string, session: string): Promise<void> {
    this.#newest = Math.max(Date.now(), this.#newest + 1);
    const record = { since: this.#newest };
    this.#own.set(topicOf(probe, session), record);
    return this.#write(topicOf(probe, session), record);
  }

  /** Resolves when this server itself has seen that the record is gone. */
  withdraw(probe: string, session: string): Promise<void> {
    this.#own.delete(topicOf(probe, session));
    return this.#write(topicOf(probe, session), null);
  }

  async #subscribe(): Promise<void> {
    const onGap = () => this.#begin().catch(() => {});
    this.#subscriptions.push(
      await this.#broker.subscribe(`${alive}#`, ({ topic }) => this.#hear(topic.slice(alive.length))),
      await this.#broker.subscribe(`${prefix}#`, (message) => this.#note(message), { onGap }),
    );
  }

  /** Begins anew after messages were lost: with the records that the broker has, and its own. */
  async #begin(): Promise<void> {
    if (this.#stopped) return;
    const earlier = this.#subscriptions.splice(0);
    this.#records.clear();
    await this.#subscribe();
    for (const subscription of earlier) await subscription.unsubscribe();
    for (const [topic, resolves] of this.#awaited) {
      if (this.#own.has(topic)) continue;
      this.#awaited.delete(topic);
      for (const resolve of resolves) resolve();
    }
    for (const [topic, record] of this.#own) this.#publish(topic, record);
  }

  async #write(topic: string, record: ServeRecord | null): Promise<void> {
    const seen = new Promise<void>((resolve) => {
      this.#awaited.set(topic, [...(this.#awaited.get(topic) ?? []), resolve]);
    });
    await publishJson(this.#broker, topic, record as { since: number } | null, { retain: true });
    await seen;
  }

  /** What fails here is tried again at the next beat, or was for a broker that is closed. */
  #publish(topic: string, record: ServeRecord | null): void {
    publishJson(this.#broker, topic, record as { since: number } | null, { retain: true }).catch(() => {});
  }

  #note({ topic, data }: BrokerMessage): void {
    const levels = topic.slice(prefix.length).split('/');
    const session = levels.pop()!;
    const probe = levels.join('/');
    const since = typeof data === 'object' && data !== null && !Array.isArray(data) ? data.since : undefined;
    if (typeof since === 'number') {
      this.#newest = Math.max(this.#newest, since);
      const sessions = this.#records.get(probe) ?? new Map<string, number>();
      this.#records.set(probe, sessions.set(session, since));
      // A server is given time from its first record on.
      if (!this.#heard.has(serverOf(session))) this.#hear(serverOf(session));
    } else {
      this.#remove(probe, session);
      const own = this.#own.get(topic);
      if (own) this.#publish(topic, own);
    }
    for (const resolve of this.#awaited.get(topic) ?? []) resolve();
    this.#awaited.delete(topic);
  }

  #remove(probe: string, session: string): void {
    const sessions = this.#records.get(probe);
    sessions?.delete(session);
    if (sessions?.size === 0) this.#records.delete(probe);
  }

  #hear(server: string): void {
    if (server !== this.#serverId) this.#heard.set(server, performance.now());
  }

  #onBeat(): void {
    publishJson(this.#broker, `${alive}${this.#serverId}`, null).catch(() => {});
    const silentSince = performance.now() - 3 * this.#beatMs;
    const dead = new Set([...this.#heard].filter(([, at]) => at < silentSince).map(([server]) => server));
    if (dead.size === 0) return;
    for (const server of dead) this.#heard.delete(server);
    for (const [probe, sessions] of [...this.#records]) {
      for (const session of [...sessions.keys()]) {
        if (!dead.has(serverOf(session))) continue;
        this.#remove(probe, session);
        this.#publish(topicOf(probe, session), null);
      }
    }
  }
}

function topicOf(probe: string, session: string): string {
  return `${prefix}${probe}/${session}`;
}

function serverOf(session: string): string {
  return session.slice(0, Math.max(0, session.lastIndexOf('-')));
}
