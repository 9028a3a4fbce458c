/**
 * Which client identifiers are in use, and what is remembered of clients that said "clean session 0" and are away.
 *
 * What is remembered are filters and a place in the broker's history, no messages, so that a thousand clients away cost
 * little. It is kept in this process: not over a restart, and not for a client that comes back to another worker.
 */

import type { Position } from '../broker/index.ts';

export interface MqttFilter {
  readonly qos: 0 | 1;
  /** Offset from which the filter has been in force. */
  readonly from: number;
}

/** What outlives a connection (MQTT 3.1.1, section 3.1.2.4). */
export interface MqttState {
  readonly filters: ReadonlyMap<string, MqttFilter>;
  /** Everything up to it has been acknowledged; undefined when there never was a subscription. */
  readonly since: Position | undefined;
  /** Offset to packet identifier, of what was sent with QoS 1 and not acknowledged. */
  readonly inFlight: ReadonlyMap<number, number>;
  /** Last values were sent and not acknowledged: they come again. */
  readonly owesRetained: boolean;
  /** Packet identifiers of QoS 2 that were published and not released, with the broker's acceptance where it is open. */
  readonly received: Map<number, Promise<void> | undefined>;
}

/** A session that is connected. */
export interface MqttClient {
  /** Another connection has the client identifier now: ends this one, and `leave`s. */
  takeOver(): void;
}

interface Away {
  readonly state: MqttState;
  readonly leftAtMs: number;
}

export class MqttClients {
  readonly #most: number;
  readonly #mostMs: number;
  readonly #present = new Map<string, MqttClient>();
  /** In the order of leaving. */
  readonly #away = new Map<string, Away>();

  /**
   * @param most clients remembered; beyond, those away for longest are forgotten
   * @param mostMs how long a client is remembered
   */
  constructor(most: number, mostMs: number) {
    this.#most = most;
    this.#mostMs = mostMs;
  }

  /** Ends whoever has the identifier [MQTT-3.1.4-2]; what was remembered of it, which is forgotten here. */
  enter(id: string, client: MqttClient): MqttState | undefined {
    this.#present.get(id)?.takeOver();
    this.#present.set(id, client);
    this.#forgetOld();
    const away = this.#away.get(id);
    this.#away.delete(id);
    return away?.state;
  }

  /** @param state to be remembered */
  leave(id: string, client: MqttClient, state: MqttState | undefined): void {
    if (this.#present.get(id) !== client) return;
    this.#present.delete(id);
    if (state) this.#away.set(id, { state, leftAtMs: performance.now() });
    this.#forgetOld();
  }

  #forgetOld(): void {
    const before = performance.now() - this.#mostMs;
    for (const [id, { leftAtMs }] of this.#away) {
      if (this.#away.size <= this.#most && leftAtMs >= before) return;
      this.#away.delete(id);
    }
  }
}
