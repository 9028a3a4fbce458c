/**
 * The subscriptions of a worker: any number for each filter, for which the hub knows one. A subscription begins where the
 * hub's answer stands among the messages.
 */

import type { EarlError } from '../../errors/index.ts';
import type { Position, SubscribeOptions, Subscription } from './broker.ts';
import type { FanOut, Subscriber } from './fan-out.ts';
import type { BrokerMessage } from './message.ts';

/** One that the hub has not acknowledged. */
interface Joining {
  readonly filter: string;
  readonly deliver: (message: BrokerMessage) => void;
  readonly options: SubscribeOptions;
  readonly retained: BrokerMessage[];
  subscriber: Subscriber | undefined;
  readonly resolve: (begun: { subscriber: Subscriber; position: Position }) => void;
  readonly reject: (error: EarlError) => void;
}

export class HubSubscriptions {
  readonly #fanOut: FanOut;
  readonly #onUnused: (filter: string) => void;
  /** Filters with the number of subscriptions here, those that join included. */
  readonly #uses = new Map<string, number>();
  readonly #joining = new Map<number, Joining>();

  /** @param onUnused called when nobody here wants a filter any more */
  constructor(fanOut: FanOut, onUnused: (filter: string) => void) {
    this.#fanOut = fanOut;
    this.#onUnused = onUnused;
  }

  /** The hub has been asked with this id. Resolves at `begun`; rejects at `failed`. */
  async begin(
    id: number,
    filter: string,
    deliver: (message: BrokerMessage) => void,
    options: SubscribeOptions,
  ): Promise<Subscription> {
    this.#uses.set(filter, (this.#uses.get(filter) ?? 0) + 1);
    try {
      const { subscriber, position } = await new Promise<{ subscriber: Subscriber; position: Position }>(
        (resolve, reject) => {
          this.#joining.set(id, { filter, deliver, options, retained: [], subscriber: undefined, resolve, reject });
        },
      );
      return { position, unsubscribe: async () => this.#leave(filter, subscriber) };
    } catch (error) {
      this.#release(filter);
      throw error;
    }
  }

  /** A last value, before `joined`. */
  retained(id: number, message: BrokerMessage): void {
    this.#joining.get(id)?.retained.push(message);
  }

  /** Its place in the order of messages has come. */
  joined(id: number): void {
    const joining = this.#joining.get(id);
    if (joining === undefined) return;
    const { filter, deliver, options, retained } = joining;
    joining.subscriber = this.#fanOut.add(filter, deliver, options.onGap);
    for (const message of retained) this.#fanOut.deliverTo(joining.subscriber, message);
  }

  begun(id: number, position: Position): void {
    const joining = this.#joining.get(id);
    this.#joining.delete(id);
    if (joining?.subscriber) joining.resolve({ subscriber: joining.subscriber, position });
  }

  failed(id: number, error: EarlError): void {
    const joining = this.#joining.get(id);
    this.#joining.delete(id);
    if (joining?.subscriber) this.#fanOut.remove(joining.filter, joining.subscriber);
    joining?.reject(error);
  }

  /** Nothing comes any more. */
  end(error: EarlError): void {
    for (const id of [...this.#joining.keys()]) this.failed(id, error);
  }

  #leave(filter: string, subscriber: Subscriber): void {
    if (!subscriber.active) return;
    this.#fanOut.remove(filter, subscriber);
    this.#release(filter);
  }

  #release(filter: string): void {
    const uses = this.#uses.get(filter)! - 1;
    if (uses > 0) {
      this.#uses.set(filter, uses);
      return;
    }
    this.#uses.delete(filter);
    this.#onUnused(filter);
  }
}
