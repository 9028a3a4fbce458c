/**
 * How long it takes after a fault until everybody has the cloud back.
 *
 * For each fault and publisher: from the fault to the first acknowledgement of a message that was made after it. For
 * each fault and observer: from the fault to the arrival of such a message. The time that the fault lasts is in it.
 */

import type { Ledger, TraceEvent } from './ledger.ts';

interface Open {
  readonly kind: string;
  readonly at: number;
  /** Who has not been heard since. */
  readonly publishers: Set<string>;
  readonly observers: Set<string>;
}

export interface Times {
  readonly p50: number;
  readonly max: number;
}

export interface RecoveryTimes {
  readonly publish: Times | undefined;
  readonly delivery: Times | undefined;
}

interface Samples {
  readonly publish: number[];
  readonly delivery: number[];
}

/** The beginning, which is no fault. */
export const start = 'start';

export class Recovery {
  readonly #ledger: Ledger;
  readonly #publishers: readonly string[];
  readonly #observers: readonly string[];
  readonly #byKind = new Map<string, Samples>();
  #open: Open[] = [];

  /** @param publishers names; `name.2` is the second connection of `name` */
  constructor(ledger: Ledger, publishers: readonly string[], observers: readonly string[]) {
    this.#ledger = ledger;
    this.#publishers = publishers;
    this.#observers = observers;
  }

  /** Whether all are back after all faults so far. */
  get isQuiet(): boolean {
    return this.#open.length === 0;
  }

  fault(kind: string, at: number): void {
    this.#open.push({ kind, at, publishers: new Set(this.#publishers), observers: new Set(this.#observers) });
    if (!this.#byKind.has(kind)) this.#byKind.set(kind, { publish: [], delivery: [] });
  }

  take(event: TraceEvent): void {
    if (this.#open.length === 0) return;
    if (event.t !== 'accepted' && event.t !== 'delivered') return;
    const issuedAt = this.#ledger.issuedAt(event.publisher, event.seq) ?? 0;
    const who = event.t === 'accepted' ? event.publisher.replace(/\.\d+$/, '') : event.observer;
    let ended = false;
    for (const { kind, at, publishers, observers } of this.#open) {
      if (issuedAt < at) continue;
      const samples = this.#byKind.get(kind)!;
      if (event.t === 'accepted' && publishers.delete(who)) samples.publish.push(event.at - at);
      if (event.t === 'delivered' && observers.delete(who)) samples.delivery.push(event.at - at);
      if (publishers.size === 0 && observers.size === 0) ended = true;
    }
    if (ended) this.#open = this.#open.filter((one) => one.publishers.size + one.observers.size > 0);
  }

  /** By kind of fault, and of all together. */
  times(): { readonly all: RecoveryTimes; readonly byKind: ReadonlyMap<string, RecoveryTimes> } {
    const kinds = [...this.#byKind].filter(([kind]) => kind !== start);
    const all = {
      publish: kinds.flatMap(([, { publish }]) => publish),
      delivery: kinds.flatMap(([, { delivery }]) => delivery),
    };
    return { all: timesOf(all), byKind: new Map(kinds.map(([kind, samples]) => [kind, timesOf(samples)])) };
  }
}

function timesOf({ publish, delivery }: Samples): RecoveryTimes {
  return { publish: summary(publish), delivery: summary(delivery) };
}

function summary(samples: readonly number[]): Times | undefined {
  if (samples.length === 0) return undefined;
  const sorted = [...samples].sort((one, other) => one - other);
  return { p50: Math.round(sorted[Math.floor(sorted.length / 2)]!), max: Math.round(sorted.at(-1)!) };
}
