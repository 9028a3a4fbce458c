/**
 * What an MQTT client publishes: checked, handed to the broker, and acknowledged in its order.
 *
 * QoS 2 goes to the broker once per packet identifier, until PUBREL releases it [MQTT-4.3.3-2].
 */

import type { IPublishPacket } from 'mqtt-packet';
import { isReserved, topicProblem } from '../protocol/index.ts';
import { MqttAcks } from './mqtt-acks.ts';
import { ackPacket } from './mqtt-frames.ts';
import type { MqttState } from './mqtt-record.ts';
import type { SessionServices } from './session-services.ts';

/** What a publisher asks of its session. */
export interface MqttPublisherPorts {
  send(packet: Buffer): void;
  may(topic: string): boolean;
  /** Counts an operation until it ends. */
  begin(operation: Promise<unknown>): void;
  /** The client broke the protocol. */
  bad(problem: string): void;
  /** The broker did not take a message: MQTT 3.1.1 can only end the connection. */
  onRefused(): void;
}

/** Topics that the client is remembered to be allowed to publish to. */
const mostAllowed = 1_000;

export class MqttPublisher {
  readonly #services: SessionServices;
  readonly #ports: MqttPublisherPorts;
  readonly #acks: MqttAcks;
  readonly #allowed = new Set<string>();
  #received = new Map<number, Promise<void> | undefined>();

  constructor(services: SessionServices, ports: MqttPublisherPorts) {
    this.#services = services;
    this.#ports = ports;
    this.#acks = new MqttAcks(
      (packet) => ports.send(packet),
      () => ports.onRefused(),
    );
  }

  /** Packet identifiers of QoS 2 that are not released. */
  get received(): MqttState['received'] {
    return this.#received;
  }

  /** Goes on from an earlier connection. */
  resume(received: MqttState['received']): void {
    this.#received = new Map(received);
  }

  publish({ topic, payload, qos, retain, messageId }: IPublishPacket): void {
    const problem = this.#problem(topic);
    if (problem !== undefined) {
      // There is no way to refuse a message and go on [MQTT-3.3.5-2].
      this.#ports.bad(problem);
      return;
    }
    const bytes = payload as Buffer;
    if (qos === 2) {
      this.#publishOnce(messageId!, () => this.#services.broker.publish(topic, bytes, { retain }));
      return;
    }
    const accepting = this.#services.broker.publish(topic, bytes, { retain });
    if (accepting) this.#ports.begin(accepting);
    if (qos === 1) this.#acks.push(ackPacket('puback', messageId!), accepting);
    else accepting?.catch(() => this.#ports.onRefused());
  }

  release(id: number): void {
    this.#received.delete(id);
    this.#ports.send(ackPacket('pubcomp', id));
  }

  close(): void {
    this.#acks.close();
  }

  #publishOnce(id: number, publish: () => Promise<void> | undefined): void {
    const received = this.#received;
    if (!received.has(id)) {
      if (received.size >= this.#services.limits.mqttUnreleased) {
        this.#ports.bad(`${received.size} messages of QoS 2 wait for their PUBREL`);
        return;
      }
      const accepting = publish();
      received.set(id, accepting);
      accepting?.then(
        () => received.has(id) && received.set(id, undefined),
        () => received.delete(id),
      );
      if (accepting) this.#ports.begin(accepting);
    }
    this.#acks.push(ackPacket('pubrec', id), received.get(id));
  }

  #problem(topic: string): string | undefined {
    if (this.#allowed.has(topic)) return undefined;
    const problem = topicProblemOf(topic);
    if (problem !== undefined) return problem;
    if (!this.#ports.may(topic)) return 'the token does not allow to publish there';
    if (this.#allowed.size >= mostAllowed) this.#allowed.clear();
    this.#allowed.add(topic);
    return undefined;
  }
}

export function topicProblemOf(topic: string): string | undefined {
  return isReserved(topic) ? 'topics must not begin with $' : topicProblem(topic);
}
