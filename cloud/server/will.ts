/**
 * Wills: what is published for a client that ends without a goodbye, so that a gateway that was killed does not leave
 * its probes behind as online (docs/protocol.md, "Wills"; the idea is that of MQTT 5.0, section 3.1.2.5).
 *
 * A will waits for a moment, because most clients are back before it ends. The client is known by its publisher name:
 * when a session sets a will, it announces itself on `$will/NAME` through the broker, and a will of that name that an
 * earlier session left, on whatever server, is dropped. Otherwise a connection that is found dead late would declare
 * dead what its client, long since back, has published anew.
 *
 * What it leaves out: wills live in the server's memory. One that is killed publishes none.
 */

import { createHash } from 'node:crypto';
import { errorMessage } from '../../errors/index.ts';
import { type Broker, jsonPayload, publishJson, type Subscription } from '../broker/index.ts';
import { errorCodes, limits as protocolLimits, type WillMessage } from '../protocol/index.ts';
import { RequestError } from './request-error.ts';

export interface WillLimits {
  /** Bytes of a will; more are refused. */
  readonly willBytes: number;
  /** Time for a client to be back before its will is published. */
  readonly willDelayMs: number;
}

/** All wills of one server. */
export class Wills {
  readonly #broker: Broker;
  readonly #limits: WillLimits;
  readonly #log: (line: string) => void;
  /** Those whose clients are gone, with what publishes them at once. */
  readonly #due = new Map<Will, NodeJS.Timeout>();

  constructor(broker: Broker, limits: WillLimits, log: (line: string) => void) {
    this.#broker = broker;
    this.#limits = limits;
    this.#log = log;
  }

  /**
   * @param session name of the session, unlike all others
   * @param publisher name of its client across connections, if it has one
   */
  of(session: string, publisher: string | undefined): Will {
    return new Will(this.#broker, this.#limits, session, publisher, {
      later: (will) => this.#later(will),
      dropped: (will) => this.#forget(will),
    });
  }

  /** Publishes at once what waits; for the end of the server. */
  async stop(): Promise<void> {
    await Promise.all([...this.#due.keys()].map((will) => this.#publish(will)));
  }

  #later(will: Will): void {
    this.#due.set(
      will,
      setTimeout(() => void this.#publish(will), this.#limits.willDelayMs),
    );
  }

  #forget(will: Will): void {
    clearTimeout(this.#due.get(will));
    this.#due.delete(will);
  }

  async #publish(will: Will): Promise<void> {
    this.#forget(will);
    await will.publish().catch((error: unknown) => this.#log(`a will was not published: ${errorMessage(error)}`));
  }
}

interface WillOwner {
  later(will: Will): void;
  dropped(will: Will): void;
}

/** The will of one session. */
export class Will {
  readonly #broker: Broker;
  readonly #limits: WillLimits;
  readonly #session: string;
  readonly #announcedOn: string | undefined;
  readonly #owner: WillOwner;
  #messages = new Map<string, WillMessage>();
  #announcing: Promise<Subscription> | undefined;

  constructor(broker: Broker, limits: WillLimits, session: string, publisher: string | undefined, owner: WillOwner) {
    this.#broker = broker;
    this.#limits = limits;
    this.#session = session;
    // A name may hold what a topic may not.
    const name = publisher && createHash('sha256').update(publisher).digest('hex').slice(0, 32);
    this.#announcedOn = name && `$will/${name}`;
    this.#owner = owner;
  }

  /** Takes the place of what was set before, of all or (`add`) on the same topics. Throws a `RequestError`. */
  set(messages: readonly WillMessage[], add: boolean): Promise<void> {
    const next = new Map(add ? this.#messages : []);
    for (const message of messages) next.set(message.topic, message);
    const { willMessages } = protocolLimits;
    if (next.size > willMessages) {
      throw new RequestError(errorCodes.tooMany, `a will may have ${willMessages} messages`);
    }
    const { willBytes } = this.#limits;
    const bytes = [...next.values()].reduce((sum, message) => sum + JSON.stringify(message).length, 0);
    if (bytes > willBytes) throw new RequestError(errorCodes.tooMany, `a will may have ${willBytes} bytes`);
    this.#messages = next;
    return this.#announce();
  }

  /** Forgets the messages on topics that the client may no longer publish to. */
  keep(isAllowed: (topic: string) => boolean): void {
    for (const topic of [...this.#messages.keys()]) if (!isAllowed(topic)) this.#messages.delete(topic);
  }

  /** The connection has ended. After a goodbye nothing is published. */
  end(goodbye: boolean): void {
    if (goodbye) this.#messages.clear();
    if (this.#messages.size > 0) this.#owner.later(this);
    else this.#stopListening();
  }

  /** Publishes it, once. */
  async publish(): Promise<void> {
    const messages = [...this.#messages.values()];
    this.#messages.clear();
    this.#stopListening();
    await Promise.all(
      messages.map(({ topic, data, retain = false }) =>
        this.#broker.publish(topic, jsonPayload(data, retain), { json: data, retain }),
      ),
    );
  }

  async #announce(): Promise<void> {
    if (this.#announcedOn === undefined || this.#announcing) return;
    const announcing = this.#broker.subscribe(this.#announcedOn, ({ data }) => {
      if (data !== this.#session) this.#drop();
    });
    this.#announcing = announcing;
    await announcing;
    // Ended meanwhile: who came after it must not hear of it.
    if (this.#announcing !== announcing) return;
    await publishJson(this.#broker, this.#announcedOn, this.#session);
  }

  /** The client is back, with another session. */
  #drop(): void {
    this.#messages.clear();
    this.#owner.dropped(this);
    this.#stopListening();
  }

  #stopListening(): void {
    // A broker that is closed as well has forgotten the subscription already.
    this.#announcing?.then((subscription) => subscription.unsubscribe()).catch(() => {});
    this.#announcing = undefined;
  }
}
