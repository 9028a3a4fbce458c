/**
 * What the sessions of all servers of a cloud have to say about themselves, known to every server: who serves which
 * probe, who is present where, whose will waits. A book for each (directory-book.ts), over the broker alone.
 *
 * Every server says on `$alive/server` that it lives. The records of one that was not heard three times in a row count
 * no longer, and whoever notices removes them; should it live after all, it writes its own again.
 */

import { type Broker, publishJson, type Subscription } from '../broker/index.ts';
import { Book, type BookOptions } from './directory-book.ts';

const alive = '$alive/';
/** Signs of life that a server may miss. */
const missedBeats = 3;

export class Directory {
  readonly #broker: Broker;
  readonly #serverId: string;
  readonly #beatMs: number;
  readonly #books: Book<unknown>[] = [];
  /** Other servers that sessions belong to, and when each was last heard. */
  readonly #heard = new Map<string, number>();
  #newest = 0;
  #subscription: Subscription | undefined;
  #beat: NodeJS.Timeout | undefined;

  /**
   * @param serverId what the ids of this server's sessions have before their last `-`
   * @param beatMs between two signs of life
   */
  constructor(broker: Broker, serverId = '', beatMs = 5_000) {
    this.#broker = broker;
    this.#serverId = serverId;
    this.#beatMs = beatMs;
  }

  /**
   * A book of records on `$name/path/session`. To be called before `start`.
   *
   * @param name first level of its topics, with the `$`
   */
  book<Kept>(name: string, options: BookOptions<Kept>): Book<Kept> {
    const book = new Book(this.#broker, name, options, {
      next: () => {
        this.#newest = Math.max(Date.now(), this.#newest + 1);
        return this.#newest;
      },
      saw: (since, session) => {
        this.#newest = Math.max(this.#newest, since);
        // A server is given time from its first record on.
        const server = serverOf(session);
        if (!this.#heard.has(server)) this.#hear(server);
      },
    });
    this.#books.push(book as Book<unknown>);
    return book;
  }

  async start(): Promise<void> {
    this.#subscription = await this.#broker.subscribe(`${alive}#`, ({ topic }) =>
      this.#hear(topic.slice(alive.length)),
    );
    for (const book of this.#books) await book.start();
    this.#beat = setInterval(() => this.#onBeat(), this.#beatMs);
    this.#beat.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#beat);
    await this.#subscription?.unsubscribe();
    for (const book of this.#books) await book.stop();
  }

  #hear(server: string): void {
    if (server !== this.#serverId) this.#heard.set(server, performance.now());
  }

  #onBeat(): void {
    publishJson(this.#broker, `${alive}${this.#serverId}`, null).catch(() => {});
    const silentSince = performance.now() - missedBeats * this.#beatMs;
    const dead = new Set([...this.#heard].filter(([, at]) => at < silentSince).map(([server]) => server));
    if (dead.size === 0) return;
    for (const server of dead) this.#heard.delete(server);
    for (const book of this.#books) {
      const isOfDead = (session: string) => dead.has(serverOf(session));
      book.bury(isOfDead).catch(() => {
        // The broker did not take what is due: once more, after as long a silence.
        for (const server of dead) if (!this.#heard.has(server)) this.#hear(server);
      });
    }
  }
}

function serverOf(session: string): string {
  return session.slice(0, Math.max(0, session.lastIndexOf('-')));
}
