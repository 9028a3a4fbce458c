/** A server's way to its broker, which can be cut: for the others it is as if the server had been killed. */

import type { Broker, BrokerMessage, History, PublishOptions, Subscription } from '../../cloud/broker/index.ts';

export class SeverableBroker implements Broker {
  readonly #broker: Broker;
  #severed = false;

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  /** Nothing goes either way from now on, and nobody is told. */
  sever(): void {
    this.#severed = true;
  }

  subscribe(...[filter, deliver, options]: Parameters<Broker['subscribe']>): Promise<Subscription> {
    const whileWhole = (message: BrokerMessage) => {
      if (!this.#severed) deliver(message);
    };
    return this.#broker.subscribe(filter, whileWhole, options);
  }

  read(...question: Parameters<Broker['read']>): Promise<History> {
    return this.#broker.read(...question);
  }

  publish(topic: string, payload: Buffer, options?: PublishOptions): Promise<void> | undefined {
    return this.#severed ? undefined : this.#broker.publish(topic, payload, options);
  }

  close(): Promise<void> {
    return this.#broker.close();
  }
}
