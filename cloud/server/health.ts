/**
 * Proves that the broker delivers: sends a canary message and waits for it to come back.
 *
 * A server that merely answers may have lost its broker; one whose canary returns has not. Questions that come while a
 * canary is under way share its answer.
 */

import { errorMessage } from '../../errors/index.ts';
import { type Broker, publishJson, type Subscription } from '../broker/index.ts';

export type Delivery =
  | { readonly ok: true; readonly canaryMs: number }
  | { readonly ok: false; readonly reason: string };

export class DeliveryCheck {
  readonly #broker: Broker;
  readonly #topic: string;
  readonly #timeoutMs: number;
  #subscription: Subscription | undefined;
  #number = 0;
  #arrived: ((number: number) => void) | undefined;
  #underWay: Promise<Delivery> | undefined;

  constructor(broker: Broker, serverId: string, timeoutMs: number) {
    this.#broker = broker;
    this.#topic = `$health/${serverId}`;
    this.#timeoutMs = timeoutMs;
  }

  async start(): Promise<void> {
    this.#subscription = await this.#broker.subscribe(this.#topic, ({ data }) => this.#arrived?.(data as number));
  }

  async stop(): Promise<void> {
    await this.#subscription?.unsubscribe();
  }

  check(): Promise<Delivery> {
    this.#underWay ??= this.#sendCanary().finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }

  #sendCanary(): Promise<Delivery> {
    const number = ++this.#number;
    const sentAt = performance.now();
    return new Promise((resolve) => {
      const deadline = setTimeout(
        () => resolve({ ok: false, reason: `a canary message did not come back within ${this.#timeoutMs} ms` }),
        this.#timeoutMs,
      );
      const end = (delivery: Delivery) => {
        clearTimeout(deadline);
        resolve(delivery);
      };
      this.#arrived = (arrived) => {
        if (arrived === number) end({ ok: true, canaryMs: performance.now() - sentAt });
      };
      publishJson(this.#broker, this.#topic, number).catch((error: unknown) =>
        end({ ok: false, reason: `the broker refused a message: ${errorMessage(error)}` }),
      );
    });
  }
}
