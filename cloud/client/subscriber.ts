/**
 * The listening half of a client: subscribes, and goes on after a reconnect where it was (docs/protocol.md, "Resuming").
 */

import { EarlError } from '../../errors/index.ts';
import { filterProblem, isReserved, type Json, limits, type Position } from '../protocol/index.ts';
import type { SubscribeOptions } from './client.ts';
import type { Answer } from './requests.ts';
import { type Entry, Subscriptions } from './subscriptions.ts';
import type { Wire } from './wire.ts';

export class Subscriber {
  readonly #wire: Wire;
  readonly #onMissed: () => void;
  readonly #subscriptions: Subscriptions;
  /** Up to here everything that the acknowledged subscriptions select has been delivered. */
  #epoch: string | undefined;
  #offset = 0;
  /** While true, subscriptions that begin wait, so that deliveries stay in the order of their offsets. */
  #resuming = false;
  /** While true, groups of filters resume beside each other: what one has seen another may still lack. */
  #isSplit = false;

  constructor(wire: Wire, onMissed: () => void) {
    this.#wire = wire;
    this.#onMissed = onMissed;
    this.#subscriptions = new Subscriptions((error) => wire.onError(error));
  }

  async subscribe(filter: string, deliver: Entry['deliver'], options: SubscribeOptions): Promise<() => void> {
    const entry = this.#subscriptions.add(filter, options, deliver);
    if (this.#wire.connected && !this.#resuming) this.#begin(filter);
    await entry.acknowledged;
    return () => {
      if (this.#subscriptions.remove(entry) && this.#wire.connected) {
        this.#wire.request((id) => ({ op: 'unsubscribe', id, filters: [filter] })).catch(() => {});
      }
    };
  }

  /** A connection begins. */
  renew(): void {
    this.#resuming = true;
    void this.#resume(this.#subscriptions.filters(true)).then((resumed) => {
      if (!this.#wire.connected) return;
      this.#resuming = false;
      for (const filter of this.#subscriptions.filters().keys()) if (!resumed.has(filter)) this.#begin(filter);
    });
  }

  rejectAll(error: EarlError): void {
    this.#subscriptions.rejectAll(error);
  }

  deliver(topic: string, data: Json, offset: number, retained: boolean): void {
    if (!retained && offset > this.#offset && !this.#isSplit) this.#offset = offset;
    this.#subscriptions.deliver(topic, data, retained);
  }

  /** Subscribes again after a reconnect, from the last place on; the filters for which that was possible. */
  async #resume(filters: ReadonlyMap<string, SubscribeOptions>): Promise<ReadonlySet<string>> {
    if (filters.size === 0 || this.#epoch === undefined) return new Set();
    const since = { epoch: this.#epoch, offset: this.#offset };
    const groups = byOptions(filters);
    this.#isSplit = groups.length > 1;
    try {
      const answers = await Promise.all(
        groups.map(([options, group]) =>
          this.#wire.request((id) => ({ op: 'subscribe', id, filters: group, since, ...options })),
        ),
      );
      if (answers.some((answer) => answer.op !== 'ok' || answer.recovered !== true)) this.#tellMissed();
      this.#isSplit = false;
      for (const answer of answers) this.#noteStart(answer);
      return new Set(filters.keys());
    } catch (error) {
      // Nor has a client that was closed meanwhile missed anything: it hears nothing any more.
      if (this.#wire.isPassing(error as EarlError) || !this.#wire.connected) return new Set(filters.keys());
      this.#tellMissed();
      return new Set();
    }
  }

  #begin(filter: string): void {
    const options = this.#subscriptions.filters().get(filter) ?? {};
    this.#wire
      .request((id) => ({ op: 'subscribe', id, filters: [filter], ...options }))
      .then(
        (answer) => {
          this.#noteStart(answer);
          this.#subscriptions.acknowledge(filter);
        },
        (error: EarlError) => {
          if (this.#wire.isPassing(error)) return;
          // Whoever waits for the first acknowledgement hears it there; whoever had one before, here.
          if (this.#subscriptions.refuse(filter, error)) this.#wire.onError(error);
        },
      );
  }

  /** A subscription began: what came before it has been delivered to those that were there, or was never wanted. */
  #noteStart(answer: Answer): void {
    if (answer.op === 'ok' && answer.position) this.#advance(answer.position);
  }

  #advance({ epoch, offset }: Position): void {
    if (this.#epoch === epoch && this.#offset >= offset) return;
    this.#epoch = epoch;
    this.#offset = offset;
  }

  #tellMissed(): void {
    try {
      this.#onMissed();
    } catch (error) {
      this.#wire.onError(error);
    }
  }
}

/** Throws `CLOUD_BAD_FILTER`. */
export function checkSubscription(filter: string, { maxDelayMs = 0 }: SubscribeOptions): void {
  const problem = isReserved(filter) ? 'the filter must not begin with $' : filterProblem(filter);
  if (problem !== undefined) throw new EarlError('CLOUD_BAD_FILTER', `${problem}: ${JSON.stringify(filter)}`);
  if (Number.isInteger(maxDelayMs) && maxDelayMs >= 0 && maxDelayMs <= limits.maxDelayMs) return;
  throw new EarlError('CLOUD_BAD_FILTER', `"maxDelayMs" must be a whole number from 0 to ${limits.maxDelayMs}`);
}

/** Filters with the same options together: those that overlap must be resumed in one request. */
function byOptions(filters: ReadonlyMap<string, SubscribeOptions>): [SubscribeOptions, string[]][] {
  const groups = new Map<string, [SubscribeOptions, string[]]>();
  for (const [filter, options] of filters) {
    const key = JSON.stringify([options.maxDelayMs, options.latest]);
    const group = groups.get(key) ?? [options, []];
    group[1].push(filter);
    groups.set(key, group);
  }
  return [...groups.values()];
}
