/**
 * How messages reach an MQTT client: with QoS 0 at once, with QoS 1 through a window of packets in flight.
 *
 * Earl's messages have no QoS of their own: each goes with the highest QoS of the client's filters that select it (what
 * other brokers call upgrading). What the window has no room for waits, bounded like everything that waits for a slow
 * client: live messages in bytes, last values in number. A packet that is not acknowledged is sent again, with DUP,
 * after `mqttRetryMs`, and first of all after a reconnection.
 */

import type { BrokerMessage, Position } from '../broker/index.ts';
import { Queue } from '../broker/queue.ts';
import { matches } from '../protocol/index.ts';
import type { Delivery } from './delivery.ts';
import { publishPacket } from './mqtt-frames.ts';
import type { MqttLink } from './mqtt-link.ts';
import type { MqttFilter, MqttState } from './mqtt-record.ts';
import type { ServerLimits } from './options.ts';

interface InFlight {
  readonly message: BrokerMessage;
  sentAtMs: number;
}

interface Waiting {
  readonly message: BrokerMessage;
  /** Counts against `queueBytes`: what the broker holds anyway does not. */
  readonly live: boolean;
  /** An earlier server may have sent it. */
  readonly isUnclear: boolean;
}

/** Topics whose QoS is remembered; beyond, all are looked up anew. */
const mostRemembered = 1_000;
const mostPacketId = 65_535;

export class MqttDelivery implements Delivery {
  readonly #link: MqttLink;
  readonly #limits: ServerLimits;
  readonly #onOverflow: () => void;
  readonly #filters = new Map<string, MqttFilter>();
  readonly #qosOfTopic = new Map<string, 0 | 1 | undefined>();
  readonly #inFlight = new Map<number, InFlight>();
  readonly #queue = new Queue<Waiting>();
  #queuedBytes = 0;
  #queuedRetained = 0;
  #lastId = 0;
  #epoch: string | undefined;
  #seen = 0;
  #open = false;
  #retry: NodeJS.Timeout | undefined;
  /** From an earlier connection: offset to packet identifier. */
  #sentBefore: ReadonlyMap<number, number> = new Map();
  #isUnclear = false;

  /** @param onOverflow called when too much waits; the session must end */
  constructor(link: MqttLink, limits: ServerLimits, onOverflow: () => void) {
    this.#link = link;
    this.#limits = limits;
    this.#onOverflow = onOverflow;
  }

  /** Bytes of messages that wait for room in the window. */
  get waitingBytes(): number {
    return this.#queuedBytes;
  }

  get filters(): ReadonlyMap<string, MqttFilter> {
    return this.#filters;
  }

  /**
   * Goes on from an earlier connection, until `reset`.
   *
   * @param isUnclear the server of that connection did not say what it had sent: everything since then may be a repetition
   */
  resume({ filters, inFlight, since }: MqttState, isUnclear: boolean): void {
    this.#isUnclear = isUnclear;
    for (const [filter, options] of filters) this.#filters.set(filter, options);
    this.#sentBefore = inFlight;
    if (since) this.#note(since);
  }

  /** Forgets everything that `resume` and deliveries since have brought. */
  reset(): void {
    this.#filters.clear();
    this.#qosOfTopic.clear();
    while (this.#queue.shift()) {}
    this.#queuedBytes = 0;
    this.#queuedRetained = 0;
    this.#epoch = undefined;
    this.#seen = 0;
    this.#sentBefore = new Map();
  }

  /** Begins to send: the client has its CONNACK. */
  open(): void {
    this.#open = true;
    this.#fill();
  }

  close(): void {
    this.#open = false;
    clearTimeout(this.#retry);
  }

  /** Before the broker is asked, so that last values find their QoS. A filter that was there keeps its beginning. */
  addFilter(filter: string, qos: 0 | 1): void {
    this.#filters.set(filter, { qos, from: this.#filters.get(filter)?.from ?? 0 });
    this.#qosOfTopic.clear();
  }

  /** The broker delivers from here on. */
  begin(filter: string, position: Position): void {
    const options = this.#filters.get(filter);
    if (options?.from === 0) this.#filters.set(filter, { ...options, from: position.offset });
    this.#note(position);
  }

  deleteFilter(filter: string): void {
    this.#filters.delete(filter);
    this.#qosOfTopic.clear();
  }

  one(message: BrokerMessage): void {
    const qos = this.#qosOf(message.topic);
    if (qos === undefined) return;
    if (!message.retained) this.#seen = Math.max(this.#seen, message.offset);
    if (qos === 1) this.#push({ message, live: !message.retained, isUnclear: false });
    // Like other brokers, nothing of QoS 0 is kept for a client that is away.
    else if (this.#open) this.#link.sendShared(message);
  }

  /** What was published while the client was away, and what it had not acknowledged before. */
  many(messages: readonly BrokerMessage[]): void {
    for (const message of messages) {
      this.#seen = Math.max(this.#seen, message.offset);
      if (this.#isDue(message)) this.#push({ message, live: false, isUnclear: this.#isUnclear });
    }
  }

  acknowledge(id: number): void {
    if (this.#inFlight.delete(id)) this.#fill();
  }

  /** What is to be remembered when the client leaves. */
  state(): Omit<MqttState, 'received'> {
    const owed = [...this.#inFlight.values(), ...this.#waiting()].map(({ message }) => message);
    const firstOwed = owed.find(({ retained }) => !retained);
    const offset = firstOwed ? firstOwed.offset - 1 : this.#seen;
    const inFlight = new Map<number, number>();
    for (const [id, { message }] of this.#inFlight) if (!message.retained) inFlight.set(message.offset, id);
    return {
      filters: new Map(this.#filters),
      since: this.#epoch === undefined ? undefined : { epoch: this.#epoch, offset },
      inFlight,
      owesRetained: owed.some(({ retained }) => retained),
    };
  }

  *#waiting(): Generator<Waiting> {
    for (let index = 0; index < this.#queue.length; index++) yield this.#queue.at(index)!;
  }

  /** The earliest place counts: it has everything that came later. Another epoch makes a resumption fail, honestly. */
  #note({ epoch, offset }: Position): void {
    if (this.#epoch === undefined) this.#seen = offset;
    this.#epoch ??= epoch;
  }

  #qosOf(topic: string): 0 | 1 | undefined {
    if (this.#qosOfTopic.has(topic)) return this.#qosOfTopic.get(topic);
    const qos = highest([...this.#filters].filter(([filter]) => matches(filter, topic)));
    if (this.#qosOfTopic.size >= mostRemembered) this.#qosOfTopic.clear();
    this.#qosOfTopic.set(topic, qos);
    return qos;
  }

  #isDue({ topic, offset }: BrokerMessage): boolean {
    return highest([...this.#filters].filter(([filter, { from }]) => from < offset && matches(filter, topic))) === 1;
  }

  #push(waiting: Waiting): void {
    this.#queue.push(waiting);
    if (waiting.live) this.#queuedBytes += waiting.message.payload.length + waiting.message.topic.length;
    else if (waiting.message.retained) this.#queuedRetained += 1;
    this.#fill();
    if (this.#queuedBytes > this.#limits.queueBytes || this.#queuedRetained > this.#limits.queuedRetained) {
      this.#onOverflow();
    }
  }

  #fill(): void {
    while (this.#open && this.#inFlight.size < this.#limits.mqttInFlight) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      if (next.live) this.#queuedBytes -= next.message.payload.length + next.message.topic.length;
      else if (next.message.retained) this.#queuedRetained -= 1;
      this.#send(next);
    }
  }

  #send({ message, isUnclear }: Waiting): void {
    const before = message.retained ? undefined : this.#sentBefore.get(message.offset);
    const id = before ?? this.#nextId();
    this.#inFlight.set(id, { message, sentAtMs: performance.now() });
    this.#link.send(publishPacket(message, id, before !== undefined || isUnclear), message.retained);
    this.#retry ??= this.#armRetry(this.#limits.mqttRetryMs);
  }

  #nextId(): number {
    do this.#lastId = (this.#lastId % mostPacketId) + 1;
    while (this.#inFlight.has(this.#lastId) || this.#isSentBefore(this.#lastId));
    return this.#lastId;
  }

  #isSentBefore(id: number): boolean {
    for (const before of this.#sentBefore.values()) if (before === id) return true;
    return false;
  }

  #armRetry(afterMs: number): NodeJS.Timeout {
    const timer = setTimeout(() => this.#sendAgain(), afterMs);
    timer.unref();
    return timer;
  }

  #sendAgain(): void {
    const now = performance.now();
    for (const [id, sent] of this.#inFlight) {
      if (now - sent.sentAtMs < this.#limits.mqttRetryMs) continue;
      sent.sentAtMs = now;
      this.#link.send(publishPacket(sent.message, id, true), sent.message.retained);
    }
    this.#retry = this.#inFlight.size === 0 ? undefined : this.#armRetry(this.#limits.mqttRetryMs);
  }
}

function highest(filters: readonly (readonly [string, MqttFilter])[]): 0 | 1 | undefined {
  if (filters.length === 0) return undefined;
  return filters.some(([, { qos }]) => qos === 1) ? 1 : 0;
}
