/**
 * Which client identifiers are in use, on all servers of a cloud, and who has the sessions that are kept.
 *
 * The newest connection has an identifier, and the older one is closed [MQTT-3.1.4-2], wherever it is: a connection says
 * on `$mqtt/claim` that it claims the identifier, and who hears another's claim after its own has come back gives way. A
 * session that is kept has one writer, the connection whose name its record holds: a newcomer waits until the record is
 * let go, for `mqttTakeOverMs`, since whoever held it may have died.
 *
 * The record is written when filters change, every `mqttRecordMs` when the place has changed, and at the end. After a
 * server was killed what the client acknowledged since the last time comes once more, marked DUP.
 */

import { createHash } from 'node:crypto';
import { type Broker, type BrokerMessage, publishJson, type Subscription } from '../broker/index.ts';
import { encodeState, type MqttRecord, type MqttState, nothingKept } from './mqtt-record.ts';
import { MqttRecords, type RecordLimits } from './mqtt-records.ts';

/** A session that is connected. */
export interface MqttClient {
  /** Another connection has the client identifier now: ends this one, and `leave`s. */
  takeOver(): void;
  /** What would be kept of it. */
  keepsake(): MqttState;
}

export interface ClientLimits extends RecordLimits {
  /** Time between two records of a connected session whose place changes. */
  readonly mqttRecordMs: number;
  /** Time for an older connection to let go of a session. */
  readonly mqttTakeOverMs: number;
}

/** What was kept of a session. */
export interface Kept {
  readonly state: MqttState;
  /** Its last server did not say up to where it had sent: anything may have reached the client. */
  readonly isUnclear: boolean;
}

interface Present {
  readonly client: MqttClient;
  readonly name: string;
  readonly isKept: boolean;
  /** Its claim has come back: who claims from now on is newer. */
  isClaimed: boolean;
  onClaimed: () => void;
  /** It has the record. */
  isHolder: boolean;
  written: string;
  writtenAtMs: number;
}

const claims = '$mqtt/claim';

export class MqttClients {
  readonly #broker: Broker;
  readonly #limits: ClientLimits;
  readonly #server: string;
  readonly #records: MqttRecords;
  readonly #present = new Map<string, Present>();
  /** Sessions that wait for the broker before their record is let go. */
  readonly #leaving = new Map<string, Promise<void>>();
  #names = 0;
  #claims: Subscription | undefined;
  #timer: NodeJS.Timeout | undefined;
  #started: Promise<void> | undefined;
  #stopped = false;

  /** @param server a name that no other server has, or had */
  constructor(broker: Broker, limits: ClientLimits, server: string) {
    this.#broker = broker;
    this.#limits = limits;
    this.#server = server;
    this.#records = new MqttRecords(broker, limits, (key, record) => this.#onRecord(key, record));
  }

  /** Sessions that are kept, of all servers. */
  get kept(): number {
    return this.#records.size;
  }

  /** All sessions have left. Resolves when what is kept of them is written. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await Promise.allSettled([...this.#leaving.values()]);
    await this.#records.stop();
    await this.#claims?.unsubscribe();
  }

  /**
   * Ends whoever has the identifier. Resolves with what was kept of it, which is forgotten unless `isKept`; by then
   * another connection may have claimed it, and this one been taken over. Rejects as the broker does.
   */
  async enter(id: string, client: MqttClient, isKept: boolean): Promise<Kept | undefined> {
    const key = keyOf(id);
    this.#present.get(key)?.client.takeOver();
    const name = `${this.#server}-${++this.#names}`;
    const present: Present = {
      ...{ client, name, isKept, isClaimed: false, onClaimed: () => {} },
      ...{ isHolder: false, written: '', writtenAtMs: 0 },
    };
    this.#present.set(key, present);
    await this.#start();
    await this.#claim(key, present);
    await this.#leaving.get(key);
    const record = await this.#letGo(key);
    if (this.#present.get(key) !== present) return undefined;
    if (!isKept) {
      if (record) await this.#records.forget(key);
      return undefined;
    }
    present.isHolder = true;
    await this.#write(key, present, record?.state ?? nothingKept);
    return record && { state: record.state, isUnclear: record.holder !== undefined };
  }

  /** Writes down what has changed; resolves when the broker has it. */
  async save(id: string, client: MqttClient): Promise<void> {
    const key = keyOf(id);
    const present = this.#present.get(key);
    if (present?.client === client && present.isHolder) await this.#write(key, present, client.keepsake());
  }

  /** @param state to be kept; undefined when the session never got so far as to have one of its own */
  leave(id: string, client: MqttClient, state: MqttState | undefined): void {
    const key = keyOf(id);
    const present = this.#present.get(key);
    if (present?.client !== client) return;
    this.#present.delete(key);
    if (!present.isHolder) return;
    const last = state ?? this.#records.get(key)?.state ?? nothingKept;
    const open = [...last.received.values()].filter((accepting) => accepting !== undefined);
    if (open.length === 0) {
      this.#records.write(key, last, undefined).catch(() => {});
      return;
    }
    // Whether a message of QoS 2 counts as received is not known before the broker has answered.
    const leaving = Promise.allSettled(open)
      .then(() => this.#records.write(key, last, undefined))
      .catch(() => {})
      .finally(() => {
        if (this.#leaving.get(key) === leaving) this.#leaving.delete(key);
      });
    this.#leaving.set(key, leaving);
  }

  /** With the first client that comes: a cloud without MQTT has none of this. */
  #start(): Promise<void> {
    this.#started ??= (async () => {
      await this.#records.start();
      this.#claims = await this.#broker.subscribe(claims, (message) => this.#onClaim(message));
      if (this.#stopped) return;
      this.#timer = setInterval(() => this.#onTick(), this.#limits.mqttRecordMs);
      this.#timer.unref();
    })();
    return this.#started;
  }

  /** Resolves when every server has heard of it that heard of this one's earlier claims. */
  async #claim(key: string, present: Present): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const heard = new Promise<void>((resolve) => {
      present.onClaimed = resolve;
      // An engine that was away may have lost it.
      timer = setTimeout(resolve, this.#limits.mqttTakeOverMs);
    });
    await publishJson(this.#broker, claims, { client: key, by: present.name });
    await heard;
    clearTimeout(timer);
    present.isClaimed = true;
  }

  #onClaim({ data }: BrokerMessage): void {
    const { client, by } = (data ?? {}) as { client?: string; by?: string };
    const present = client === undefined ? undefined : this.#present.get(client);
    if (present === undefined) return;
    if (present.name === by) {
      present.isClaimed = true;
      present.onClaimed();
    } else if (present.isClaimed) {
      present.client.takeOver();
    }
  }

  /** The record, when nobody holds it any more or its holder had time enough. */
  async #letGo(key: string): Promise<MqttRecord | undefined> {
    const until = performance.now() + this.#limits.mqttTakeOverMs;
    for (;;) {
      const record = this.#records.get(key);
      const leftMs = until - performance.now();
      if (record?.holder === undefined || leftMs <= 0) return record;
      await this.#records.changed(key, leftMs);
    }
  }

  #onRecord(key: string, record: MqttRecord | undefined): void {
    const present = this.#present.get(key);
    if (!present?.isHolder || record?.holder === present.name) return;
    if (record?.holder !== undefined && this.#isLater(record.holder, present)) {
      // Taken over by a server whose claim did not reach this one.
      present.isHolder = false;
      present.client.takeOver();
    } else {
      // Somebody let go too late.
      this.#write(key, present, present.client.keepsake()).catch(() => {});
    }
  }

  /** An echo of what an earlier connection to this server has written comes late, and is no later holder. */
  #isLater(holder: string, present: Present): boolean {
    const [server, name] = [holder.slice(0, holder.lastIndexOf('-')), holder.slice(holder.lastIndexOf('-') + 1)];
    return server !== this.#server || Number(name) > Number(present.name.slice(present.name.lastIndexOf('-') + 1));
  }

  #onTick(): void {
    const now = performance.now();
    for (const [key, present] of this.#present) {
      if (!present.isHolder) continue;
      const state = present.client.keepsake();
      const isOld = now - present.writtenAtMs > this.#limits.mqttSessionMs / 4;
      // What fails here is tried again at the next tick.
      if (isOld || textOf(state) !== present.written) this.#write(key, present, state).catch(() => {});
    }
    this.#records.forgetOld();
  }

  async #write(key: string, present: Present, state: MqttState): Promise<void> {
    present.written = textOf(state);
    present.writtenAtMs = performance.now();
    try {
      await this.#records.write(key, state, present.name);
    } catch (error) {
      present.written = '';
      throw error;
    }
  }
}

/** Identifiers may hold what a topic may not. */
function keyOf(id: string): string {
  return createHash('sha256').update(id).digest('hex').slice(0, 32);
}

function textOf(state: MqttState): string {
  return JSON.stringify(encodeState(state));
}
