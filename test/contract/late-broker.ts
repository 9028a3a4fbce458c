/**
 * A broker whose every answer and delivery comes later, as those of an engine on the network do. It stands in for such
 * engines where code above the interface must not lean on the in-process broker being immediate.
 */

import {
  type Broker,
  type BrokerMessage,
  type History,
  LocalBroker,
  type Position,
  type PublishOptions,
  type SubscribeOptions,
  type Subscription,
} from '../../cloud/broker/index.ts';
import { EarlError } from '../../errors/index.ts';

export class LateBroker implements Broker {
  readonly #inner = new LocalBroker();
  #closed = false;

  async subscribe(
    filter: string,
    deliver: (message: BrokerMessage) => void,
    options?: SubscribeOptions,
  ): Promise<Subscription> {
    await nextTurn();
    const subscription = await this.#inner.subscribe(filter, deliver, options);
    await nextTurn();
    return {
      position: subscription.position,
      unsubscribe: async () => {
        await nextTurn();
        await subscription.unsubscribe();
      },
    };
  }

  async read(filters: readonly string[], since: Position, most: number): Promise<History> {
    await nextTurn();
    const history = await this.#inner.read(filters, since, most);
    await nextTurn();
    return history;
  }

  async publish(topic: string, payload: Buffer, { json: _, ...options }: PublishOptions = {}): Promise<void> {
    await nextTurn();
    if (this.#closed) throw new EarlError('BROKER_CLOSED', 'the broker is closed');
    setImmediate(() => {
      // On the wire it is bytes, so the subscriber's buffer is never the publisher's.
      this.#inner.publish(topic, Buffer.from(payload), options)?.catch(() => {});
    });
  }

  close(): Promise<void> {
    this.#closed = true;
    return this.#inner.close();
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
