/**
 * A message for many subscriptions of one server at once: its frame, and the list of the connections that get it, go to
 * the addon as they are, without a look at any object of a session. A look costs little, but memory of every subscriber
 * that no cache of the processor holds.
 *
 * So go messages to subscriptions of `earl.v1` on sockets of the addon that are neither held back nor resumed, of which
 * only one of a session selects the topic, and whose client has been told the topic's number. All others, and whose
 * socket does not take what it is sent (outbox.ts), get theirs one by one, as before.
 */

import type { Bundle, Bundler, Subscriber } from '../broker/fan-out.ts';
import type { BrokerMessage } from '../broker/index.ts';
import type { NativeSockets } from '../native/index.ts';
import type { FrameCache } from './frames.ts';
import type { CloudCounters } from './options.ts';

/** A connection that frames may be written to without its knowledge. */
export interface DirectConnection {
  readonly sockets: NativeSockets;
  readonly counters: CloudCounters;
  /** 0 when it has ended. */
  readonly id: number;
}

/** What is subscribed, as its bundle sees it. */
export interface DirectSubscription {
  readonly connection: DirectConnection;
  /** Has ended, or its messages are held back for good. */
  readonly isIndirect: boolean;
  /** What comes now must pass its session. */
  readonly isResuming: boolean;
  /** The number of the topic that its client was told last by this subscription. */
  told: number;
}

/** Bytes that one bundle may send before what the kernel did not take is looked at. */
const mostBytesOfFlush = 64 * 1024;

export class DirectDelivery implements Bundler {
  readonly frames: FrameCache;
  readonly sockets: NativeSockets;
  readonly counters: CloudCounters;
  readonly onHanded: (message: BrokerMessage, count: number) => void;
  /** Changes when a subscription has ended. */
  version = 0;

  /** @param onHanded hears how many subscriptions were handed a message */
  constructor(
    connection: DirectConnection,
    frames: FrameCache,
    onHanded: (message: BrokerMessage, count: number) => void,
  ) {
    this.sockets = connection.sockets;
    this.counters = connection.counters;
    this.frames = frames;
    this.onHanded = onHanded;
  }

  bundle(subscribers: readonly Subscriber[]): Bundle {
    return new DirectBundle(this, subscribers);
  }
}

class DirectBundle implements Bundle {
  readonly #delivery: DirectDelivery;
  readonly #subscribers: readonly Subscriber[];
  /** Those that are written to directly, and their connections. */
  #direct: Subscriber[] = [];
  #ids: Uint32Array = new Uint32Array(0);
  /** The others. */
  #indirect: Subscriber[] = [];
  #version = -1;
  #number = 0;
  #flush = -1;
  #bytes = 0;

  constructor(delivery: DirectDelivery, subscribers: readonly Subscriber[]) {
    this.#delivery = delivery;
    this.#subscribers = subscribers;
  }

  deliver(message: BrokerMessage): readonly Subscriber[] {
    const { frames, sockets, counters, version, onHanded } = this.#delivery;
    const number = frames.topicNumber(message.topic);
    if (version !== this.#version || number !== this.#number) this.#sort(number);
    const all = this.#direct.length;
    if (all === 0 || message.retained) return this.#subscribers;
    const frame = frames.binary(message, number);
    if (!this.#mayWrite(frame.length)) return this.#subscribers;
    const refused = sockets.writeMany(this.#ids, frame);
    counters.messagesOut += all - refused.length;
    onHanded(message, all - refused.length);
    if (refused.length === 0) return this.#indirect;
    return [...this.#indirect, ...refused.map((index) => this.#direct[index]!)];
  }

  #mayWrite(bytes: number): boolean {
    const { flushes } = this.#delivery.sockets;
    if (flushes !== this.#flush) {
      this.#flush = flushes;
      this.#bytes = 0;
    }
    this.#bytes += bytes;
    return this.#bytes <= mostBytesOfFlush;
  }

  #sort(number: number): void {
    const subscriptions = this.#subscribers.map(({ member }) => member?.subscription as DirectSubscription);
    const seen = new Set<DirectConnection>();
    const several = new Set<DirectConnection>();
    for (const { connection } of subscriptions) {
      if (seen.has(connection)) several.add(connection);
      seen.add(connection);
    }
    this.#direct = [];
    this.#indirect = [];
    this.#number = number;
    this.#version = this.#delivery.version;
    for (const [index, subscription] of subscriptions.entries()) {
      const { isIndirect, isResuming, connection } = subscription;
      const subscriber = this.#subscribers[index]!;
      if (!isIndirect && !isResuming && subscription.told === number && !several.has(connection)) {
        this.#direct.push(subscriber);
        continue;
      }
      this.#indirect.push(subscriber);
      if (isIndirect || several.has(connection)) continue;
      // It gets this message from its session, which tells the number first. Then it is looked at again.
      if (!isResuming) subscription.told = number;
      this.#version = -1;
    }
    this.#ids = Uint32Array.from(
      this.#direct,
      ({ member }) => (member!.subscription as DirectSubscription).connection.id,
    );
  }
}

const deliveries = new WeakMap<NativeSockets, DirectDelivery>();

/** That of a server, all of whose sessions share the rest as well. */
export function directDelivery(
  connection: DirectConnection,
  frames: FrameCache,
  onHanded: (message: BrokerMessage, count: number) => void,
): DirectDelivery {
  let delivery = deliveries.get(connection.sockets);
  if (delivery === undefined) {
    delivery = new DirectDelivery(connection, frames, onHanded);
    deliveries.set(connection.sockets, delivery);
  }
  return delivery;
}
