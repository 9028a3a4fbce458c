/**
 * What an MQTT client has subscribed to: begins and ends subscriptions, and resumes those of a session that was kept.
 */

import type { ISubscribePacket, IUnsubscribePacket } from 'mqtt-packet';
import { filterProblem, isReserved } from '../protocol/index.ts';
import { SessionFilters } from './filters.ts';
import type { Kept } from './mqtt-clients.ts';
import { MqttDelivery } from './mqtt-delivery.ts';
import { ackPacket, subackPacket } from './mqtt-frames.ts';
import type { MqttLink } from './mqtt-link.ts';
import type { MqttState } from './mqtt-record.ts';
import type { SessionServices } from './session-services.ts';

/** What a subscriber asks of its session. */
export interface MqttSubscriberPorts {
  may(filter: string): boolean;
  /** What is kept of the session has changed; resolves when that is written. */
  save(): Promise<void>;
  onOverflow(): void;
  onGap(reason: string): void;
}

type Qos = 0 | 1 | 2;

const refused = 0x80;

export class MqttSubscriber {
  readonly delivery: MqttDelivery;
  readonly #link: MqttLink;
  readonly #ports: MqttSubscriberPorts;
  readonly #filters: SessionFilters;

  constructor(link: MqttLink, { broker, limits }: SessionServices, ports: MqttSubscriberPorts) {
    this.#link = link;
    this.#ports = ports;
    this.delivery = new MqttDelivery(link, limits, () => ports.onOverflow());
    this.#filters = new SessionFilters(broker, limits, this.delivery, (reason) => ports.onGap(reason));
  }

  /** Whether all of it still holds; if not, nothing of it does: the session is another one, and the client is told so. */
  async resume({ state, isUnclear }: Kept): Promise<boolean> {
    const filters = [...state.filters.keys()];
    const isAllowed = filters.every((filter) => this.#ports.may(filter));
    if (isAllowed && (await this.#resubscribe(state, isUnclear))) return true;
    await this.#filters.unsubscribe(filters);
    this.delivery.reset();
    return false;
  }

  async subscribe({ messageId, subscriptions }: ISubscribePacket): Promise<void> {
    const granted = await Promise.all(subscriptions.map(({ topic, qos }) => this.#subscribeTo(topic, qos)));
    // What the client knows to be granted must be so after the end of this server.
    await this.#ports.save();
    this.#link.send(subackPacket(messageId!, granted));
  }

  async unsubscribe({ messageId, unsubscriptions }: IUnsubscribePacket): Promise<void> {
    for (const filter of unsubscriptions) this.delivery.deleteFilter(filter);
    await this.#filters.unsubscribe(unsubscriptions);
    await this.#ports.save();
    this.#link.send(ackPacket('unsuback', messageId!));
  }

  close(): void {
    this.#filters.close();
    this.delivery.close();
  }

  async #resubscribe(state: MqttState, isUnclear: boolean): Promise<boolean> {
    this.delivery.resume(state, isUnclear);
    const filters = [...state.filters.keys()];
    if (filters.length === 0) return true;
    if (state.since === undefined) return false;
    const { recovered } = await this.#filters.subscribe(filters, { since: state.since });
    if (recovered && state.owesRetained) await this.#filters.subscribe(filters);
    return recovered === true;
  }

  /** The QoS that is granted. */
  async #subscribeTo(filter: string, wished: Qos): Promise<number> {
    if (isReserved(filter) || filterProblem(filter) !== undefined || !this.#ports.may(filter)) return refused;
    const qos = wished === 0 ? 0 : 1;
    const earlier = this.delivery.filters.get(filter);
    this.delivery.addFilter(filter, qos);
    try {
      const { position } = await this.#filters.subscribe([filter]);
      this.delivery.begin(filter, position);
      return qos;
    } catch {
      if (earlier === undefined) this.delivery.deleteFilter(filter);
      return refused;
    }
  }
}
