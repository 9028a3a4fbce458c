/**
 * The will of one session: what is published for a client that ends without a goodbye, so that a gateway that was
 * killed does not leave its probes behind as online.
 *
 * It waits for a moment, because most clients are back before it ends. The client is known by its publisher name: when
 * another session of that name sets a will, on whatever server, the earlier one is dropped. Otherwise a connection that
 * is found dead late would declare dead what its client, long since back, has published anew.
 */

import { type Broker, jsonPayload } from '../broker/index.ts';
import { closeCodes, errorCodes, type Json, type WillMessage } from '../protocol/index.ts';
import type { Book, RecordContent } from './directory-book.ts';
import { RequestError } from './request-error.ts';

/** A message of a will; with `encoding` the payload is no JSON, and `data` has its bytes. */
export type DueMessage = WillMessage & { readonly encoding?: 'base64' };

export interface WillEvents {
  /** Its bytes have become so many more (or less). Throws a `RequestError` when there is no room. */
  grow(bytes: number): void;
  /** Its client has ended without a goodbye: `publish` when it has not come back in time. */
  later(ending: Exclude<Ending, 'goodbye'>): void;
  /** Nothing more comes of it. */
  over(): void;
  /** Others took this server for dead and published the will while its client is here. */
  lost(): void;
}

/** How a connection ended. */
export type Ending =
  /** The client meant it: nothing is published. */
  | 'goodbye'
  /** The server sent it away, and it comes back: on another server, or on this one after a restart. */
  | 'sent away'
  | 'broken';

/** Ends after which a will is not due: those that the client means, and the end of the cloud, whose clients come back. */
const endings: ReadonlyMap<number, Ending> = new Map([
  [closeCodes.goodbye, 'goodbye'],
  [closeCodes.goingAway, 'goodbye'],
  [closeCodes.shuttingDown, 'sent away'],
]);

export function endingOf(code: number): Ending {
  return endings.get(code) ?? 'broken';
}

export class Will {
  readonly key: string;
  readonly session: string;
  readonly #isNamed: boolean;
  readonly #broker: Broker;
  readonly #book: Book<true>;
  readonly #events: WillEvents;
  readonly #limits: { readonly mostMessages: number; readonly mostBytes: number };
  #messages = new Map<string, DueMessage>();
  #bytes = 0;
  /** What is stored is not all that was said. */
  #isStale = false;
  #storing: Promise<void> | undefined;
  #stored = false;
  #ended = false;

  /** @param isNamed the client has a name across connections, so that its return is noticed */
  constructor(
    broker: Broker,
    book: Book<true>,
    { key, session, isNamed }: { readonly key: string; readonly session: string; readonly isNamed: boolean },
    events: WillEvents,
    limits: { readonly mostMessages: number; readonly mostBytes: number },
  ) {
    this.#broker = broker;
    this.#book = book;
    this.key = key;
    this.session = session;
    this.#isNamed = isNamed;
    this.#events = events;
    this.#limits = limits;
  }

  /**
   * Takes the place of what was set before, of all or (`add`) on the same topics; resolves when it survives the end of
   * the server. Throws a `RequestError`.
   */
  set(messages: readonly DueMessage[], add: boolean): Promise<void> {
    const next = new Map(add ? this.#messages : []);
    for (const message of messages) next.set(message.topic, message);
    this.#take(next);
    return this.#store();
  }

  /** Forgets the messages on topics that the client may no longer publish to. */
  keep(isAllowed: (topic: string) => boolean): void {
    const kept = new Map([...this.#messages].filter(([topic]) => isAllowed(topic)));
    if (kept.size === this.#messages.size) return;
    this.#take(kept);
    this.#store().catch(() => {});
  }

  /** The connection has ended. */
  end(ending: Ending): void {
    this.#ended = true;
    if (this.#messages.size === 0 || ending === 'goodbye' || (ending === 'sent away' && !this.#isNamed)) this.#drop();
    else this.#events.later(ending);
  }

  /** The connection has ended without a goodbye, and its client is not waited for. */
  async endAtOnce(): Promise<void> {
    this.#ended = true;
    await this.publish();
  }

  /** Publishes it, once. When the broker refuses, the record stays: whoever finds this server dead publishes it. */
  async publish(): Promise<void> {
    const messages = [...this.#messages.values()];
    this.#take(new Map());
    await publishAll(this.#broker, messages);
    this.#drop();
  }

  /** A record of its client has changed. */
  onChange(): void {
    if (this.#stored && this.#book.has(this.key, this.session) && !this.#isNewest) this.#drop();
  }

  /** Others have removed its record. */
  onLost(): void {
    const published = this.#isNewest && !this.#ended;
    this.#take(new Map());
    this.#stored = false;
    if (this.#ended) this.#events.over();
    if (published) this.#events.lost();
  }

  get #isNewest(): boolean {
    const newest = this.#book.newest(this.key);
    return newest === undefined || newest.session === this.session;
  }

  #take(next: Map<string, DueMessage>): void {
    const { mostMessages, mostBytes } = this.#limits;
    if (next.size > mostMessages)
      throw new RequestError(errorCodes.tooMany, `a will may have ${mostMessages} messages`);
    const bytes = [...next.values()].reduce((sum, message) => sum + JSON.stringify(message).length, 0);
    if (bytes > mostBytes) throw new RequestError(errorCodes.tooMany, `a will may have ${mostBytes} bytes`);
    this.#events.grow(bytes - this.#bytes);
    this.#bytes = bytes;
    this.#messages = next;
  }

  /** Sets that come while one is being stored are stored together. */
  #store(): Promise<void> {
    this.#isStale = true;
    this.#storing ??= this.#storeAll().finally(() => {
      this.#storing = undefined;
    });
    return this.#storing;
  }

  async #storeAll(): Promise<void> {
    while (this.#isStale && !this.#ended) {
      // A gateway says the wills of its probes one by one, many in one turn.
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#ended) return;
      this.#isStale = false;
      const isFirst = !this.#stored;
      this.#stored = true;
      const messages = [...this.#messages.values()] as unknown as Json;
      await this.#book.announce(this.key, this.session, { messages });
      if (isFirst) this.#book.supersede(this.key, this.session);
    }
  }

  #drop(): void {
    this.#take(new Map());
    if (this.#ended) this.#events.over();
    if (!this.#stored) return;
    this.#stored = false;
    // A broker that is closed as well has forgotten the record already.
    this.#book.withdraw(this.key, this.session).catch(() => {});
  }
}

/** Publishes messages; with `numbers` each once, whoever else does the same. */
export async function publishAll(
  broker: Broker,
  messages: readonly DueMessage[],
  numbers?: { readonly publisher: string; readonly first: number },
): Promise<void> {
  await Promise.all(
    messages.map(({ topic, data, encoding, retain = false }, index) => {
      const dedupe = numbers && { dedupe: { publisher: numbers.publisher, seq: numbers.first + index } };
      if (encoding) return broker.publish(topic, Buffer.from(String(data), 'base64'), { retain, ...dedupe });
      return broker.publish(topic, jsonPayload(data, retain), { json: data, retain, ...dedupe });
    }),
  );
}

/** The messages of a record that `Will` wrote. */
export function messagesOf({ messages }: RecordContent): DueMessage[] {
  return Array.isArray(messages) ? (messages as unknown as DueMessage[]) : [];
}
