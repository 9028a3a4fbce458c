/** The caller's subscriptions: which handlers hear which filter, and whether the server has acknowledged it. */

import type { EarlError } from '../../errors/index.ts';
import { type Json, matches } from '../protocol/index.ts';
import type { SubscribeOptions } from './client.ts';

export interface Entry {
  readonly filter: string;
  readonly options: SubscribeOptions;
  readonly deliver: (topic: string, data: Json, retained: boolean) => void;
  /** Resolves at the first acknowledgement; rejects when the server refuses or the client is closed before. */
  readonly acknowledged: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: EarlError) => void;
  isAcknowledged: boolean;
}

/** Topics whose handlers are remembered. */
const mostRemembered = 10_000;

export class Subscriptions {
  readonly #entries = new Set<Entry>();
  readonly #onHandlerError: (error: unknown) => void;
  /** Who hears a topic; forgotten with every change of the entries. */
  readonly #hearers = new Map<string, readonly Entry[]>();

  constructor(onHandlerError: (error: unknown) => void) {
    this.#onHandlerError = onHandlerError;
  }

  /** Every filter once, with the options of its first subscription; or only those that the server has acknowledged. */
  filters(acknowledged = false): Map<string, SubscribeOptions> {
    const filters = new Map<string, SubscribeOptions>();
    for (const { filter, options, isAcknowledged } of this.#entries) {
      if ((isAcknowledged || !acknowledged) && !filters.has(filter)) filters.set(filter, options);
    }
    return filters;
  }

  add(filter: string, options: SubscribeOptions, deliver: Entry['deliver']): Entry {
    let resolve = () => {};
    let reject = (_error: EarlError) => {};
    const acknowledged = new Promise<void>((onResolved, onRejected) => {
      resolve = onResolved;
      reject = onRejected;
    });
    const entry = { filter, options, deliver, acknowledged, resolve, reject, isAcknowledged: false };
    this.#entries.add(entry);
    this.#hearers.clear();
    return entry;
  }

  /** True when nobody hears its filter any more. */
  remove(entry: Entry): boolean {
    this.#hearers.clear();
    return this.#entries.delete(entry) && this.#of(entry.filter).length === 0;
  }

  acknowledge(filter: string): void {
    for (const entry of this.#of(filter)) {
      entry.isAcknowledged = true;
      entry.resolve();
    }
  }

  /** Drops the subscriptions that the server does not grant; true when one of them was granted before. */
  refuse(filter: string, error: EarlError): boolean {
    const refused = this.#of(filter);
    for (const entry of refused) {
      this.#entries.delete(entry);
      entry.reject(error);
    }
    this.#hearers.clear();
    return refused.some((entry) => entry.isAcknowledged);
  }

  rejectAll(error: EarlError): void {
    for (const entry of this.#entries) entry.reject(error);
    this.#entries.clear();
    this.#hearers.clear();
  }

  deliver(topic: string, data: Json, retained: boolean): void {
    for (const entry of this.#hearers.get(topic) ?? this.#remember(topic)) {
      try {
        // One handler may have ended another's subscription.
        if (this.#entries.has(entry)) entry.deliver(topic, data, retained);
      } catch (error) {
        this.#onHandlerError(error);
      }
    }
  }

  #remember(topic: string): readonly Entry[] {
    const hearers = [...this.#entries].filter(({ filter }) => matches(filter, topic));
    if (this.#hearers.size >= mostRemembered) this.#hearers.clear();
    this.#hearers.set(topic, hearers);
    return hearers;
  }

  #of(filter: string): Entry[] {
    return [...this.#entries].filter((entry) => entry.filter === filter);
  }
}
