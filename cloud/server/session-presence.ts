/** Presence of one session: what it says of itself, and whom it asks about. */

import {
  type ClientDescription,
  type ClientMessage,
  errorCodes,
  isReserved,
  type PresentClient,
  type ServerMessage,
} from '../protocol/index.ts';
import type { Admission } from './admission.ts';
import type { Answers } from './answers.ts';
import { clientKey } from './client-key.ts';
import type { Changes, Presence, PresenceRecord, Snapshot } from './presence.ts';
import type { PublishRate } from './rate.ts';
import { RequestError } from './request-error.ts';
import type { Ending } from './will.ts';

type Request<Op extends ClientMessage['op']> = Extract<ClientMessage, { op: Op }>;

/** Who is at the other end, as the server knows. */
export interface Who {
  readonly session: string;
  /** As said in `hello`. */
  readonly publisher: string | undefined;
  /** The publisher's name among those of all subjects. */
  readonly uniquePublisher: string | undefined;
  readonly subject: string | undefined;
  readonly client: ClientDescription | undefined;
}

/** Longest message about several clients, in characters; one client alone may need more. */
const partLength = 32_768;
/** All clients are looked at for an answer: it counts as one publish for each so many of them. */
const clientsPerCount = 10;

export class SessionPresence {
  readonly #presence: Presence;
  readonly #admission: Admission;
  readonly #rate: PublishRate;
  readonly #answers: Answers;
  readonly #who: Who;
  readonly #key: string;
  readonly #mostFollowed: number;
  readonly #joinedMs = Date.now();
  readonly #followed = new Map<string, () => void>();
  #info: ClientDescription['info'];
  #at: string[] = [];
  #bytes = 0;
  #isHere = false;
  #ended = false;

  /** @param rate to which questions are held */
  constructor(
    { presence, limits }: { readonly presence: Presence; readonly limits: { readonly followedFilters: number } },
    answers: Answers,
    admission: Admission,
    rate: PublishRate,
    who: Who,
  ) {
    this.#presence = presence;
    this.#answers = answers;
    this.#admission = admission;
    this.#rate = rate;
    this.#who = who;
    this.#key = clientKey(who.session, who.uniquePublisher);
    this.#mostFollowed = limits.followedFilters;
    this.#info = who.client?.info;
  }

  /** Says where the client is. Rejects with a `RequestError`. */
  async here({ at, info }: Request<'here'>): Promise<void> {
    if (this.#who.client === undefined) {
      throw new RequestError(errorCodes.badMessage, '"here" needs a "client" in hello, so that others know who it is');
    }
    this.#admission.mustAllow('presence', at);
    this.#rate.count();
    await this.#enter(at, info ?? this.#info);
  }

  /** The client serves probes: who it is can be asked from now on. */
  async serves(): Promise<void> {
    if (this.#who.client !== undefined && !this.#isHere) await this.#enter(this.#at, this.#info);
  }

  /** Answers who is at the places that a filter selects. */
  ask(message: Request<'presence'>): void {
    for (let looked = 0; looked <= this.#presence.size; looked += clientsPerCount) this.#rate.count();
    try {
      this.#ask(message);
    } catch (error) {
      this.#answers.failWith(message.id, error);
    }
  }

  /** Ends what the client may not know any more, and where it may not be. */
  async keep(may: (path: string) => boolean): Promise<void> {
    for (const filter of [...this.#followed.keys()]) if (!may(filter)) this.#unfollow(filter);
    const at = this.#at.filter(may);
    if (at.length < this.#at.length) await this.#enter(at, this.#info);
  }

  end(ending: Ending): void {
    this.#ended = true;
    for (const filter of [...this.#followed.keys()]) this.#unfollow(filter);
    if (this.#isHere) this.#presence.leave(this.#key, this.#who.session, this.#bytes, ending !== 'goodbye');
  }

  async #enter(at: string[], info: ClientDescription['info']): Promise<void> {
    if (this.#ended) return;
    const { client, publisher, subject, session } = this.#who;
    const record: PresenceRecord = {
      ...client!,
      ...(info === undefined ? {} : { info }),
      ...(publisher === undefined ? {} : { publisher }),
      ...(subject === undefined ? {} : { subject }),
      joinedMs: this.#joinedMs,
      at,
    };
    const bytes = JSON.stringify(record).length;
    this.#presence.grow(bytes - this.#bytes);
    this.#bytes = bytes;
    this.#at = at;
    this.#info = info;
    this.#isHere = true;
    await this.#presence.enter(this.#key, session, record);
  }

  #ask({ id, filter, follow }: Request<'presence'>): void {
    if (isReserved(filter)) throw new RequestError(errorCodes.badFilter, 'filters must not begin with $');
    if (follow !== false) this.#admission.mustAllow('presence', [filter]);
    if (follow === undefined) {
      this.#answer(id, this.#presence.select(filter));
      return;
    }
    if (!follow) {
      this.#unfollow(filter);
      this.#answers.ok(id);
      return;
    }
    if (!this.#followed.has(filter) && this.#followed.size >= this.#mostFollowed) {
      throw new RequestError(
        errorCodes.tooMany,
        `a connection may follow ${this.#mostFollowed} filters: use wildcards`,
      );
    }
    this.#unfollow(filter);
    const { end, ...snapshot } = this.#presence.follow(filter, (changes) => this.#tell(filter, changes));
    this.#followed.set(filter, end);
    this.#answer(id, snapshot);
  }

  #unfollow(filter: string): void {
    this.#followed.get(filter)?.();
    this.#followed.delete(filter);
  }

  #answer(id: number, { clients, truncated }: Snapshot): void {
    const parts = partsOf(clients);
    for (const [index, part] of parts.entries()) {
      const isLast = index === parts.length - 1;
      const message: ServerMessage = { op: 'presence', id, clients: part, ...(isLast ? {} : { more: true as const }) };
      this.#answers.send(truncated ? { ...message, truncated } : message);
    }
  }

  #tell(filter: string, { joined, updated, left, truncated }: Changes): void {
    const nothing = { joined: [], updated: [], left: [], ...(truncated ? { truncated } : {}) };
    const send = (changes: object) => this.#answers.send({ op: 'changed', filter, ...nothing, ...changes });
    const total = JSON.stringify(joined).length + JSON.stringify(updated).length;
    if (total <= partLength) {
      send({ joined, updated, left });
      return;
    }
    if (left.length > 0) send({ left });
    for (const part of partsOf(joined)) if (part.length > 0) send({ joined: part });
    for (const part of partsOf(updated)) if (part.length > 0) send({ updated: part });
  }
}

/** At least one part; none too long, unless one client alone is. */
function partsOf(clients: readonly PresentClient[]): PresentClient[][] {
  const parts: PresentClient[][] = [[]];
  let length = 0;
  for (const client of clients) {
    const more = JSON.stringify(client).length;
    if (length + more > partLength && length > 0) {
      parts.push([]);
      length = 0;
    }
    parts.at(-1)!.push(client);
    length += more;
  }
  return parts;
}
