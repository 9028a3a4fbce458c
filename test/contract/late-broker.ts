/**
 * A broker whose every answer and delivery comes later, as those of an engine on the network do. It stands in for such
 * engines where code above the interface must not lean on the in-process broker being immediate.
 */

import {
  type Broker,
  type BrokerMessage,
  MemoryBroker,
  type PublishOptions,
  type Subscription,
} from '../../cloud/broker/index.ts';
import type { Json } from '../../cloud/protocol/index.ts';
import { EarlError } from '../../errors/index.ts';

export class LateBroker implements Broker {
  readonly #inner = new MemoryBroker();
  #closed = false;

  async subscribe(filter: string, deliver: (message: BrokerMessage) => void): Promise<Subscription> {
    await nextTurn();
    const subscription = await this.#inner.subscribe(filter, deliver);
    await nextTurn();
    return {
      unsubscribe: async () => {
        await nextTurn();
        await subscription.unsubscribe();
      },
    };
  }

  async publish(topic: string, data: Json, options?: PublishOptions): Promise<void> {
    // On the wire it is text, so the subscriber's object is never the publisher's.
    const text = JSON.stringify(data);
    await nextTurn();
    if (this.#closed) throw new EarlError('BROKER_CLOSED', 'the broker is closed');
    setImmediate(() => {
      this.#inner.publish(topic, JSON.parse(text) as Json, options).catch(() => {});
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
