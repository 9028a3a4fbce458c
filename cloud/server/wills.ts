/**
 * All wills of one server, and those of servers that have died (docs/protocol.md, "Wills"; the idea is that of MQTT 5.0,
 * section 3.1.2.5).
 *
 * A will is a record on `$will/client/session` in the cloud's directory. When a server falls silent, whoever notices
 * publishes what its clients left, unless a newer record shows that the client is back; several may notice at once, so
 * the messages are numbered for deduplication: by `since`, which is unique and grows along the records of a server.
 */

import { errorMessage } from '../../errors/index.ts';
import type { Broker } from '../broker/index.ts';
import { errorCodes, limits as protocolLimits } from '../protocol/index.ts';
import { clientKey } from './client-key.ts';
import type { Directory } from './directory.ts';
import type { Book, Entry, RecordContent } from './directory-book.ts';
import { RequestError } from './request-error.ts';
import { messagesOf, publishAll, Will, type WillEvents } from './will.ts';

export interface WillLimits {
  /** Bytes of a will; more are refused. */
  readonly willBytes: number;
  /** Bytes of all wills of a server; more are refused for now. */
  readonly allWillsBytes: number;
  /** Time for a client to be back before its will is published. */
  readonly willDelayMs: number;
  /** Between two signs of life of a server; a client that was sent away has the time that a dead server is given. */
  readonly serverBeatMs: number;
}

export class Wills {
  readonly #broker: Broker;
  readonly #book: Book<true>;
  readonly #limits: WillLimits;
  readonly #log: (line: string) => void;
  readonly #wills = new Map<string, Set<Will>>();
  /** Those whose clients are gone, with what publishes them. */
  readonly #due = new Map<Will, { readonly timer: NodeJS.Timeout; readonly wasSentAway: boolean }>();
  #bytes = 0;

  constructor(broker: Broker, directory: Directory, limits: WillLimits, log: (line: string) => void) {
    this.#broker = broker;
    this.#limits = limits;
    this.#log = log;
    this.#book = directory.book('$will', {
      keep: () => true,
      onLost: (key, session) => this.#find(key, session)?.onLost(),
      onDeath: (records) => this.#publishLeft(records),
    });
    this.#book.watch((key) => {
      for (const will of this.#wills.get(key) ?? []) will.onChange();
    });
  }

  /**
   * @param session name of the session, unlike all others
   * @param publisher name of its client across connections, if it has one
   * @param onLost called when other servers took this one for dead and published the will
   */
  of(session: string, publisher: string | undefined, onLost: () => void): Will {
    const key = clientKey(session, publisher);
    const events: WillEvents = {
      grow: (bytes) => this.#grow(bytes),
      later: (ending) => this.#later(will, ending === 'sent away'),
      over: () => this.#forget(will),
      lost: onLost,
    };
    const will = new Will(this.#broker, this.#book, { key, session, isNamed: publisher !== undefined }, events, {
      mostBytes: this.#limits.willBytes,
      mostMessages: protocolLimits.willMessages,
    });
    this.#wills.set(key, (this.#wills.get(key) ?? new Set()).add(will));
    return will;
  }

  /** Publishes at once what waits; for the end of the server. What those have who were sent away stays, for the others. */
  async stop(): Promise<void> {
    const left = [...this.#due].filter(([, { timer, wasSentAway }]) => {
      clearTimeout(timer);
      return !wasSentAway;
    });
    await Promise.all(left.map(([will]) => this.#publish(will)));
  }

  #find(key: string, session: string): Will | undefined {
    return [...(this.#wills.get(key) ?? [])].find((will) => will.session === session);
  }

  #grow(bytes: number): void {
    if (bytes > 0 && this.#bytes + bytes > this.#limits.allWillsBytes) {
      throw new RequestError(errorCodes.overloaded, 'the wills of all clients have taken the room that there is');
    }
    this.#bytes += bytes;
  }

  #later(will: Will, wasSentAway: boolean): void {
    const { willDelayMs, serverBeatMs } = this.#limits;
    const delayMs = wasSentAway ? Math.max(willDelayMs, 4 * serverBeatMs) : willDelayMs;
    this.#due.set(will, { timer: setTimeout(() => void this.#publish(will), delayMs), wasSentAway });
  }

  #forget(will: Will): void {
    clearTimeout(this.#due.get(will)?.timer);
    this.#due.delete(will);
    const wills = this.#wills.get(will.key);
    wills?.delete(will);
    if (wills?.size === 0) this.#wills.delete(will.key);
  }

  async #publish(will: Will): Promise<void> {
    clearTimeout(this.#due.get(will)?.timer);
    this.#due.delete(will);
    await will.publish().catch((error: unknown) => this.#log(`a will was not published: ${errorMessage(error)}`));
  }

  /** What the clients of a dead server left, in the order in which it was said. */
  async #publishLeft(records: readonly Entry<true>[]): Promise<void> {
    const due = new Map(
      records.filter(({ path, session }) => this.#book.newest(path)?.session === session).map((r) => [r.session, r]),
    );
    const contents: RecordContent[] = [];
    if (due.size === 0) return;
    await this.#book.read((_, session, content) => {
      if (due.has(session)) contents.push({ ...content, session });
    });
    contents.sort((a, b) => Number(a.since) - Number(b.since));
    await Promise.all(contents.map((content) => publishAll(this.#broker, messagesOf(content), numbersOf(content))));
    this.#log(`a server has died: the wills of ${contents.length} clients that did not come back were published`);
  }
}

/** Names of publishers that begin with `$` are the cloud's own. */
function numbersOf({ since, session }: RecordContent): { publisher: string; first: number } {
  const server = String(session).slice(0, String(session).lastIndexOf('-'));
  return { publisher: `$will/${server}`, first: Number(since) * protocolLimits.willMessages };
}
