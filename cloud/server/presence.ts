/**
 * Who is here, on whatever server: clients that said who they are (`client` in `hello`), at the places that they named
 * and the probes that they serve (docs/protocol.md, "presence"; docs/adr/0012-presence.md).
 *
 * A client is a record on `$here/client/session` in the cloud's directory; of several the newest counts, so that one
 * that reconnects is never away. What follows a filter is worked out once for all who follow it, and changes are
 * gathered for a moment. What it leaves out: clients of MQTT and of the thesis, which cannot say who they are.
 */

import { createHash } from 'node:crypto';
import {
  type ClientDescription,
  errorCodes,
  type Json,
  type PresenceChanges,
  type PresentClient,
  limits as protocolLimits,
} from '../protocol/index.ts';
import type { Directory } from './directory.ts';
import type { Book, RecordContent } from './directory-book.ts';
import { RequestError } from './request-error.ts';

export interface PresenceLimits {
  /** Bytes of the records of one server's clients. */
  readonly presenceBytes: number;
  /** Filters that are followed on one server, however many clients follow each. */
  readonly presenceFilters: number;
  /** Changes are gathered for so long. */
  readonly presenceDelayMs: number;
  /** Time for a client that ended without a goodbye to be back before it has left. */
  readonly willDelayMs: number;
}

/** What a server says of one of its clients. */
export interface PresenceRecord extends ClientDescription {
  /** When its connection began, wall clock in ms. */
  readonly joinedMs: number;
  readonly publisher?: string;
  readonly subject?: string;
  readonly at: string[];
}

/** Some clients that are here, and whether there are more than are told. */
export interface Snapshot {
  readonly clients: PresentClient[];
  readonly truncated: boolean;
}

export type Changes = PresenceChanges & { readonly truncated: boolean };
type Listener = (changes: Changes) => void;

/** A place with its levels. */
type Place = readonly [place: string, levels: readonly string[]];

interface Kept {
  readonly record: PresenceRecord;
  readonly places: readonly Place[];
}

/** One filter that is followed. */
interface Watch {
  readonly filter: readonly string[];
  readonly listeners: Set<Listener>;
  /** Client to a digest of what was told of it. */
  readonly told: Map<string, string>;
  truncated: boolean;
}

const mostTold = protocolLimits.presentClients;

export class Presence {
  readonly #book: Book<Kept>;
  readonly #limits: PresenceLimits;
  /** Session to the probes that it serves. */
  readonly #served = new Map<string, Map<string, readonly string[]>>();
  /** Session to its client. */
  readonly #clients = new Map<string, string>();
  readonly #watches = new Map<string, Watch>();
  readonly #dirty = new Set<string>();
  readonly #leaving = new Set<NodeJS.Timeout>();
  #flushing: NodeJS.Timeout | undefined;
  #bytes = 0;

  /** @param served who serves which probe */
  constructor(directory: Directory, served: Book<true>, limits: PresenceLimits) {
    this.#limits = limits;
    this.#book = directory.book('$here', { keep: kept });
    this.#book.watch((client, session) => {
      if (this.#book.has(client, session)) this.#clients.set(session, client);
      else this.#clients.delete(session);
      this.#changed(client);
    });
    served.watch((probe, session) => this.#onServed(probe, session, served.has(probe, session)));
  }

  /** Connections of clients that said who they are. */
  get size(): number {
    return this.#clients.size;
  }

  /** Takes room for what a client says of itself. Throws a `RequestError` when there is none. */
  grow(bytes: number): void {
    if (bytes > 0 && this.#bytes + bytes > this.#limits.presenceBytes) {
      throw new RequestError(errorCodes.overloaded, 'what clients say of themselves has taken the room that there is');
    }
    this.#bytes += bytes;
  }

  /** Shows a client of this server, or shows it anew. */
  async enter(client: string, session: string, record: PresenceRecord): Promise<void> {
    const isFirst = !this.#book.has(client, session);
    await this.#book.announce(client, session, record as unknown as { [field: string]: Json });
    if (isFirst) this.#book.supersede(client, session);
  }

  /** A client of this server has left, or (`soon`) has if it is not back in a moment. */
  leave(client: string, session: string, bytes: number, soon: boolean): void {
    this.grow(-bytes);
    const withdraw = () => {
      // A broker that is closed as well has forgotten the record already.
      this.#book.withdraw(client, session).catch(() => {});
    };
    if (!soon) {
      withdraw();
      return;
    }
    const timer = setTimeout(() => {
      this.#leaving.delete(timer);
      withdraw();
    }, this.#limits.willDelayMs);
    this.#leaving.add(timer);
  }

  /** Who is at places that a filter selects. */
  select(filter: string): Snapshot {
    const levels = filter.split('/');
    const clients: PresentClient[] = [];
    for (const client of this.#book.paths()) {
      const view = this.#view(client, levels);
      if (view === undefined) continue;
      if (clients.length === mostTold) return { clients, truncated: true };
      clients.push(view);
    }
    return { clients, truncated: false };
  }

  /** Begins to tell what changes after the snapshot. Throws a `RequestError` when too many filters are followed. */
  follow(filter: string, listener: Listener): Snapshot & { readonly end: () => void } {
    this.#flush();
    const most = this.#limits.presenceFilters;
    if (!this.#watches.has(filter) && this.#watches.size >= most) {
      throw new RequestError(errorCodes.overloaded, `the cloud follows who is here for ${most} filters already`);
    }
    const snapshot = this.select(filter);
    const watch = this.#watches.get(filter) ?? this.#watch(filter, snapshot);
    watch.listeners.add(listener);
    const end = () => {
      watch.listeners.delete(listener);
      if (watch.listeners.size === 0 && this.#watches.get(filter) === watch) this.#watches.delete(filter);
    };
    // Those who follow already may have been told of others, when there are too many.
    const clients = watch.truncated ? this.#toldBy(watch) : snapshot.clients;
    return { clients, truncated: watch.truncated, end };
  }

  /** For the end of the server: those who were sent away may be back elsewhere before the others find it dead. */
  stop(): void {
    for (const timer of this.#leaving) clearTimeout(timer);
    clearTimeout(this.#flushing);
    this.#watches.clear();
  }

  #watch(filter: string, { clients, truncated }: Snapshot): Watch {
    const told = new Map(clients.map((client) => [client.id, digestOf(client)]));
    const watch = { filter: filter.split('/'), listeners: new Set<Listener>(), told, truncated };
    this.#watches.set(filter, watch);
    return watch;
  }

  #toldBy(watch: Watch): PresentClient[] {
    return [...watch.told.keys()].flatMap((client) => this.#view(client, watch.filter) ?? []);
  }

  #onServed(probe: string, session: string, serves: boolean): void {
    const probes = this.#served.get(session) ?? new Map<string, readonly string[]>();
    if (serves) this.#served.set(session, probes.set(probe, probe.split('/')));
    else probes.delete(probe);
    if (probes.size === 0) this.#served.delete(session);
    const client = this.#clients.get(session);
    if (client !== undefined) this.#changed(client);
  }

  #changed(client: string): void {
    if (this.#watches.size === 0) return;
    this.#dirty.add(client);
    this.#flushing ??= setTimeout(() => this.#flush(), this.#limits.presenceDelayMs);
  }

  #flush(): void {
    clearTimeout(this.#flushing);
    this.#flushing = undefined;
    if (this.#dirty.size === 0) return;
    for (const watch of this.#watches.values()) {
      const changes = this.#changesOf(watch);
      if (changes === undefined) continue;
      for (const listener of watch.listeners) listener(changes);
    }
    this.#dirty.clear();
  }

  /** What is to be told, and noted as told. */
  #changesOf(watch: Watch): Changes | undefined {
    const changes: PresenceChanges = { joined: [], updated: [], left: [] };
    const before = watch.truncated;
    for (const client of this.#dirty) this.#look(client, watch, changes);
    if (before && watch.told.size < mostTold) {
      watch.truncated = false;
      for (const client of this.#book.paths()) if (!watch.told.has(client)) this.#look(client, watch, changes);
    }
    const { joined, updated, left } = changes;
    if (joined.length + updated.length + left.length === 0 && watch.truncated === before) return undefined;
    return { ...changes, truncated: watch.truncated };
  }

  #look(client: string, watch: Watch, { joined, updated, left }: PresenceChanges): void {
    const before = watch.told.get(client);
    const view = this.#view(client, watch.filter);
    if (view === undefined) {
      if (watch.told.delete(client)) left.push(client);
      return;
    }
    if (before === undefined && watch.told.size >= mostTold) {
      watch.truncated = true;
      return;
    }
    const digest = digestOf(view);
    if (digest === before) return;
    watch.told.set(client, digest);
    (before === undefined ? joined : updated).push(view);
  }

  /** A client as those see it who look through a filter: its other places do not concern them. */
  #view(id: string, filter: readonly string[]): PresentClient | undefined {
    const newest = this.#book.newest(id);
    if (newest === undefined) return undefined;
    const { record, places } = newest.kept;
    const at = places.filter(([, levels]) => selects(filter, levels)).map(([place]) => place);
    for (const [probe, levels] of this.#served.get(newest.session) ?? []) {
      if (selects(filter, levels) && !at.includes(probe)) at.push(probe);
    }
    if (at.length === 0) return undefined;
    const { joinedMs, name, kind, info, publisher, subject } = record;
    const most = protocolLimits.listedPlaces;
    return {
      id,
      session: newest.session,
      name,
      ...(kind === undefined ? {} : { kind }),
      ...(info === undefined ? {} : { info }),
      ...(publisher === undefined ? {} : { publisher }),
      ...(subject === undefined ? {} : { subject }),
      since: new Date(joinedMs).toISOString(),
      at: at.slice(0, most),
      ...(at.length > most ? { unlisted: at.length - most } : {}),
    };
  }
}

/** Records are written by servers alone, whose parser has looked at what came from clients. */
function kept(content: RecordContent): Kept | undefined {
  const { since, ...record } = content as unknown as PresenceRecord & { since: number };
  if (typeof record.name !== 'string' || !Array.isArray(record.at)) return undefined;
  return { record, places: record.at.map((place) => [place, place.split('/')] as const) };
}

/** Whether a filter selects a place, both as levels. */
function selects(filter: readonly string[], place: readonly string[]): boolean {
  for (const [index, level] of filter.entries()) {
    if (level === '#') return true;
    if (index >= place.length || (level !== '+' && level !== place[index])) return false;
  }
  return filter.length === place.length;
}

function digestOf(client: PresentClient): string {
  return createHash('sha1').update(JSON.stringify(client)).digest('base64');
}
