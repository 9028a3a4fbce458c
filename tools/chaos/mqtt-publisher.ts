/**
 * A publisher by MQTT with QoS 1. MQTT 3.1.1 has no numbers: what was not acknowledged is not repeated, and each connection
 * counts as a publisher of its own, because what the last one said may still be on its way when the next one speaks.
 */

import mqtt, { type MqttClient } from 'mqtt';
import { Backlog, type Issued, type LoadOptions } from './load.ts';
import type { Publisher } from './publishers.ts';

/** A device that publishes with QoS 1 by MQTT.js. */
export class MqttPublisher implements Publisher {
  readonly name: string;
  readonly #url: string;
  readonly #options: LoadOptions;
  #client: MqttClient | undefined;
  #backlog: Backlog | undefined;
  #connections = 0;
  #finished = false;

  constructor(name: string, url: string, options: LoadOptions) {
    this.name = name;
    this.#url = url;
    this.#options = options;
    this.#open();
  }

  get waiting(): number {
    return this.#client?.connected ? (this.#backlog?.waiting.length ?? 0) : 0;
  }

  finish(): void {
    this.#finished = true;
    this.#backlog?.stop();
  }

  async close(): Promise<void> {
    this.finish();
    this.#client?.end(true);
  }

  #open(): void {
    const name = `${this.name}.${++this.#connections}`;
    const client = mqtt.connect(this.#url, {
      clientId: name,
      reconnectPeriod: 0,
      connectTimeout: 3000,
      keepalive: 2,
      resubscribe: false,
    });
    this.#client = client;
    const backlog = new Backlog(name, this.#options);
    this.#backlog = backlog;
    client.on('connect', () => {
      if (this.#finished) return;
      backlog.start((issued) => {
        for (const one of issued) this.#publish(client, backlog, one);
      });
    });
    client.on('error', () => {});
    client.once('close', () => {
      backlog.stop();
      client.end(true);
      if (!this.#finished) setTimeout(() => this.#finished || this.#open(), 50 + Math.random() * 250);
    });
  }

  #publish(client: MqttClient, backlog: Backlog, { seq, topic, payload }: Issued): void {
    if (!client.connected) return;
    backlog.sent(seq, seq, backlog.name);
    client.publish(topic, payload, { qos: 1 }, (error) => {
      if (error) backlog.refused(seq, error.message);
      else backlog.accepted((waiting) => waiting === seq, backlog.name);
    });
  }
}
