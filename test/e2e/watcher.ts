/** A subscriber that remembers: what came on which topic, and waiting for what is still to come. */

import { type CloudClient, connect } from '../../cloud/client/index.node.ts';
import type { Json, SenmlRecord } from '../../cloud/protocol/messages.ts';

export interface Seen {
  readonly topic: string;
  readonly data: Json;
  readonly retained: boolean;
}

export type JsonObject = { [field: string]: Json };

export class Watcher {
  readonly url: string;
  readonly client: CloudClient;
  readonly seen: Seen[] = [];
  private readonly waiters = new Set<(seen: Seen) => void>();

  /** Everything below a site. */
  static async open(url: string, site: string): Promise<Watcher> {
    const watcher = new Watcher(url);
    await watcher.client.subscribe(`${site}/#`, (topic, data, retained) => watcher.take({ topic, data, retained }));
    return watcher;
  }

  private constructor(url: string) {
    this.url = url;
    this.client = connect({ url, backoffMs: { first: 50, longest: 250 } });
  }

  /** The first message, of those since `from` (an index into `seen`) and to come, that is wanted. */
  async next(wanted: (seen: Seen) => boolean, from = this.seen.length, timeoutMs = 20_000): Promise<Seen> {
    const old = this.seen.slice(from).find(wanted);
    if (old !== undefined) return old;
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiters.delete(waiter);
        const last = this.seen.slice(-5).map((seen) => JSON.stringify(seen));
        reject(new Error(`no such message in ${timeoutMs} ms; the last of ${this.seen.length}:\n${last.join('\n')}`));
      }, timeoutMs);
      const waiter = (seen: Seen) => {
        if (!wanted(seen)) return;
        clearTimeout(timer);
        this.waiters.delete(waiter);
        resolve(seen);
      };
      this.waiters.add(waiter);
    });
  }

  /** Waits for a status, since `from`, of a kind of probe; returns it. */
  async status(kind: string, wanted: (status: JsonObject) => boolean, from = 0): Promise<JsonObject> {
    const isIt = ({ topic, data }: Seen) =>
      topic.endsWith('/status') && (data as JsonObject).kind === kind && wanted(data as JsonObject);
    return (await this.next(isIt, from)).data as JsonObject;
  }

  /** Waits until so many samples of a probe (`site/id`) came since `from`; returns them. */
  async samples(path: string, count: number, from = this.seen.length): Promise<SenmlRecord[][]> {
    const isSample = ({ topic }: Seen) => topic === `${path}/samples`;
    for (let at = from; ; at = this.seen.length) {
      const found = this.seen.slice(from).filter(isSample);
      if (found.length >= count) return found.map(({ data }) => data as unknown as SenmlRecord[]);
      await this.next(isSample, at);
    }
  }

  close(): Promise<void> {
    return this.client.close();
  }

  private take(seen: Seen): void {
    this.seen.push(seen);
    for (const waiter of [...this.waiters]) waiter(seen);
  }
}

/** Times of samples, seconds since 1970. */
export function timesOf(packs: readonly SenmlRecord[][]): number[] {
  return packs.map(([first]) => first?.bt ?? Number.NaN);
}
