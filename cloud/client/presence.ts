/**
 * Who is here: what this client says about itself, and whom it follows (docs/protocol.md, "Presence"). Both are said anew
 * after every reconnect; a follower hears then what has changed meanwhile.
 */

import { EarlError } from '../../errors/index.ts';
import type { ClientMessage, PresentClient, ServerMessage } from '../protocol/index.ts';
import type { OnPresence, Presence } from './client.ts';
import type { Answer } from './requests.ts';
import type { Wire } from './wire.ts';

type Here = Omit<Extract<ClientMessage, { op: 'here' }>, 'op' | 'id'>;
type Changed = Extract<ServerMessage, { op: 'changed' }>;

interface Followed {
  readonly filter: string;
  readonly followers: Set<OnPresence>;
  readonly clients: Map<string, PresentClient>;
  truncated: boolean;
  /** The connection has answered: changes count. */
  isLive: boolean;
}

export class PresenceKeeper {
  readonly #wire: Wire;
  #here: Here | undefined;
  readonly #followed = new Map<string, Followed>();

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** Resolves when the server has it, or at once when there is no connection: the next one begins with it. */
  async here(here: Here): Promise<void> {
    this.#here = here;
    if (!this.#wire.connected) return;
    try {
      await this.#wire.request((id) => ({ op: 'here', id, ...here }));
    } catch (error) {
      if (!this.#wire.isPassing(error as EarlError)) throw error;
    }
  }

  async ask(filter: string): Promise<Presence> {
    return presenceOf(await this.#wire.request((id) => ({ op: 'presence', id, filter })));
  }

  async follow(filter: string, follower: OnPresence): Promise<() => void> {
    const followed = this.#followed.get(filter) ?? this.#add(filter);
    followed.followers.add(follower);
    const stop = () => {
      if (!followed.followers.delete(follower) || followed.followers.size > 0) return;
      this.#followed.delete(filter);
      if (!this.#wire.connected) return;
      this.#wire.request((id) => ({ op: 'presence', id, filter, follow: false })).catch(() => {});
    };
    if (!this.#wire.connected) return stop;
    try {
      if (followed.isLive) this.#tellOne(follower, followed);
      else await this.#begin(followed);
    } catch (error) {
      if (this.#wire.isPassing(error as EarlError)) return stop;
      stop();
      throw error;
    }
    return stop;
  }

  /** A connection begins. */
  renew(): void {
    const failed = (error: EarlError) => {
      if (!this.#wire.isPassing(error)) this.#wire.onError(error);
    };
    const here = this.#here;
    if (here) this.#wire.request((id) => ({ op: 'here', id, ...here })).catch(failed);
    for (const followed of this.#followed.values()) {
      followed.isLive = false;
      this.#begin(followed).catch(failed);
    }
  }

  changed({ filter, joined, updated, left, truncated }: Changed): void {
    const followed = this.#followed.get(filter);
    if (followed === undefined) return;
    for (const client of [...joined, ...updated]) followed.clients.set(client.id, client);
    for (const id of left) followed.clients.delete(id);
    followed.truncated = truncated === true;
    if (followed.isLive) this.#tell(followed);
  }

  #add(filter: string): Followed {
    const followed = { filter, followers: new Set<OnPresence>(), clients: new Map(), truncated: false, isLive: false };
    this.#followed.set(filter, followed);
    return followed;
  }

  async #begin(followed: Followed): Promise<void> {
    const { filter } = followed;
    const answer = await this.#wire.request((id) => ({ op: 'presence', id, filter, follow: true }));
    const { clients, truncated } = presenceOf(answer);
    followed.clients.clear();
    for (const client of clients) followed.clients.set(client.id, client);
    followed.truncated = truncated;
    followed.isLive = true;
    this.#tell(followed);
  }

  #tell(followed: Followed): void {
    for (const follower of [...followed.followers]) this.#tellOne(follower, followed);
  }

  #tellOne(follower: OnPresence, { clients, truncated }: Followed): void {
    try {
      follower({ clients: [...clients.values()], truncated });
    } catch (error) {
      this.#wire.onError(error);
    }
  }
}

function presenceOf(answer: Answer): Presence {
  if (answer.op !== 'presence') throw new EarlError('CLOUD_REFUSED', `the cloud answered presence with ${answer.op}`);
  return { clients: answer.clients, truncated: answer.truncated === true };
}
