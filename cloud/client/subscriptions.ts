/** The caller's subscriptions: which handlers hear which filter, and whether the server has acknowledged it. */

import type { EarlError } from '../../errors/index.ts';
import { type Json, matches } from '../protocol/index.ts';

export interface Entry {
  readonly filter: string;
  readonly deliver: (topic: string, data: Json, retained: boolean) => void;
  /** Resolves at the first acknowledgement; rejects when the server refuses or the client is closed before. */
  readonly acknowledged: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: EarlError) => void;
  isAcknowledged: boolean;
}

export class Subscriptions {
  readonly #entries = new Set<Entry>();
  readonly #onHandlerError: (error: unknown) => void;

  constructor(onHandlerError: (error: unknown) => void) {
    this.#onHandlerError = onHandlerError;
  }

  /** Every filter once; or only those that the server has acknowledged. */
  filters(acknowledged = false): Set<string> {
    const entries = [...this.#entries].filter(({ isAcknowledged }) => isAcknowledged || !acknowledged);
    return new Set(entries.map(({ filter }) => filter));
  }

  add(filter: string, deliver: Entry['deliver']): Entry {
    let resolve = () => {};
    let reject = (_error: EarlError) => {};
    const acknowledged = new Promise<void>((onResolved, onRejected) => {
      resolve = onResolved;
      reject = onRejected;
    });
    const entry = { filter, deliver, acknowledged, resolve, reject, isAcknowledged: false };
    this.#entries.add(entry);
    return entry;
  }

  /** True when nobody hears its filter any more. */
  remove(entry: Entry): boolean {
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
    return refused.some((entry) => entry.isAcknowledged);
  }

  rejectAll(error: EarlError): void {
    for (const entry of this.#entries) entry.reject(error);
    this.#entries.clear();
  }

  deliver(topic: string, data: Json, retained: boolean): void {
    for (const entry of [...this.#entries]) {
      if (!matches(entry.filter, topic)) continue;
      try {
        entry.deliver(topic, data, retained);
      } catch (error) {
        this.#onHandlerError(error);
      }
    }
  }

  #of(filter: string): Entry[] {
    return [...this.#entries].filter((entry) => entry.filter === filter);
  }
}
