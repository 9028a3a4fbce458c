/**
 * Who answers commands for which probe, known to every server of a cloud.
 *
 * Each gateway session keeps one retained record per probe on `$serve/site/probe/session`; a topic has one writer, so
 * records of two gateways cannot overwrite each other, whatever the order in which a broker carries them. The newest
 * record wins: `since` is a clock in Lamport's sense, wall time that never goes back behind a record already seen.
 */

import { type Broker, type BrokerMessage, publishJson, type Subscription } from '../broker/index.ts';

const prefix = '$serve/';

export class CommandDirectory {
  readonly #broker: Broker;
  /** Probe to session to `since`. */
  readonly #records = new Map<string, Map<string, number>>();
  /** Calls waiting until a record is seen, by its topic. */
  readonly #awaited = new Map<string, (() => void)[]>();
  #newest = 0;
  #subscription: Subscription | undefined;

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  async start(): Promise<void> {
    this.#subscription = await this.#broker.subscribe(`${prefix}#`, (message) => this.#note(message));
  }

  async stop(): Promise<void> {
    await this.#subscription?.unsubscribe();
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
    return this.#write(probe, session, { since: this.#newest });
  }

  /** Resolves when this server itself has seen that the record is gone. */
  withdraw(probe: string, session: string): Promise<void> {
    return this.#write(probe, session, null);
  }

  async #write(probe: string, session: string, record: { since: number } | null): Promise<void> {
    const topic = `${prefix}${probe}/${session}`;
    const seen = new Promise<void>((resolve) => {
      this.#awaited.set(topic, [...(this.#awaited.get(topic) ?? []), resolve]);
    });
    await publishJson(this.#broker, topic, record, { retain: true });
    await seen;
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
    } else {
      const sessions = this.#records.get(probe);
      sessions?.delete(session);
      if (sessions?.size === 0) this.#records.delete(probe);
    }
    for (const resolve of this.#awaited.get(topic) ?? []) resolve();
    this.#awaited.delete(topic);
  }
}
