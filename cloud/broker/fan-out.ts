/**
 * Hands messages to the subscribers of one process.
 *
 * Which subscribers a topic has is looked up in the tree of filters once and remembered in its `Route` until a
 * subscription begins or ends. A message that is handed in from inside a delivery waits its turn, so that every subscriber sees the same order.
 */

import type { TopicHistory } from './history.ts';
import type { BrokerMessage } from './message.ts';
import { TopicTree } from './topic-tree.ts';

export interface Subscriber {
  readonly deliver: (message: BrokerMessage) => void;
  readonly onGap: ((reason: string) => void) | undefined;
  readonly member: Member | undefined;
  active: boolean;
}

/** What makes a subscriber one of those that can be served together. */
export interface Member {
  readonly bundler: Bundler;
  /** What the bundler knows of it. */
  readonly subscription: unknown;
}

/** Serves many subscribers by something faster than a call each. */
export interface Bundler {
  bundle(subscribers: readonly Subscriber[]): Bundle;
}

export interface Bundle {
  /** Serves those that it can; returned are the others. */
  deliver(message: BrokerMessage): readonly Subscriber[];
}

/** Where messages of a topic go; valid for as long as its fan-out. */
export class Route {
  readonly topic: string;
  subscribers: readonly Subscriber[] = [];
  /** Of the filters that `subscribers` were looked up in. */
  version = -1;
  /** What the broker keeps of the topic, for whoever has looked it up. */
  history: TopicHistory | undefined;
  /** Subscribers besides, when there are many. */
  bundle: Bundle | undefined;

  constructor(topic: string) {
    this.topic = topic;
  }
}

/** Of fewer subscribers a bundle would be more to look at than they are. */
const fewestBundled = 4;
/** Routes that are remembered; beyond, all are looked up anew. */
const mostRemembered = 100_000;

export class FanOut {
  readonly #filters = new TopicTree<Subscriber>();
  readonly #subscribers = new Set<Subscriber>();
  readonly #routes = new Map<string, Route>();
  #version = 0;
  readonly #onError: (error: unknown, message: BrokerMessage) => void;
  readonly #beforeDelivery: (message: BrokerMessage, route: Route) => void;
  /** Messages handed in from inside a delivery; never outlives the turn of the event loop. */
  readonly #waiting: { readonly message: BrokerMessage; readonly route: Route }[] = [];
  #delivering = false;
  #closed = false;

  /**
   * @param beforeDelivery called with each message when its turn has come, before the first subscriber has it
   * @param onError called when a subscriber throws
   */
  constructor(
    beforeDelivery: (message: BrokerMessage, route: Route) => void,
    onError: (error: unknown, message: BrokerMessage) => void = () => {},
  ) {
    this.#beforeDelivery = beforeDelivery;
    this.#onError = onError;
  }

  add(filter: string, deliver: Subscriber['deliver'], onGap?: Subscriber['onGap'], member?: Member): Subscriber {
    const subscriber = { deliver, onGap, member, active: true };
    this.#filters.add(filter, subscriber);
    this.#subscribers.add(subscriber);
    this.#version += 1;
    return subscriber;
  }

  remove(filter: string, subscriber: Subscriber): void {
    subscriber.active = false;
    this.#filters.delete(filter, subscriber);
    this.#subscribers.delete(subscriber);
    this.#version += 1;
  }

  /** Where messages of a topic go, for publishers that need it again and again. */
  route(topic: string): Route {
    let route = this.#routes.get(topic);
    if (route === undefined) {
      route = new Route(topic);
      if (this.#routes.size >= mostRemembered) this.#routes.clear();
      this.#routes.set(topic, route);
    }
    return route;
  }

  deliver(message: BrokerMessage, route = this.route(message.topic)): void {
    if (this.#delivering) {
      // Its bytes may be a publisher's, and change when the publisher goes on.
      message.detach();
      this.#waiting.push({ message, route });
      return;
    }
    this.#delivering = true;
    this.#deliverNow(message, route);
    if (this.#waiting.length > 0) {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        this.#deliverNow(next.message, next.route);
      }
    }
    this.#delivering = false;
  }

  deliverTo(subscriber: Subscriber, message: BrokerMessage): void {
    if (!subscriber.active) return;
    try {
      subscriber.deliver(message);
    } catch (error) {
      this.#onError(error, message);
    }
  }

  /** Whether anybody would get a message on the topic. */
  wants(topic: string): boolean {
    const route = this.route(topic);
    return this.#subscribersOf(route).length > 0 || route.bundle !== undefined;
  }

  /** Tells every subscriber that messages may be missing. */
  gap(reason: string): void {
    for (const subscriber of [...this.#subscribers]) subscriber.onGap?.(reason);
  }

  /** Nobody gets anything any more. */
  close(): void {
    this.#closed = true;
    for (const subscriber of this.#subscribers) subscriber.active = false;
    this.#waiting.length = 0;
  }

  #deliverNow(message: BrokerMessage, route: Route): void {
    this.#beforeDelivery(message, route);
    for (const subscriber of this.#subscribersOf(route)) this.deliverTo(subscriber, message);
    if (route.bundle === undefined) return;
    for (const subscriber of this.#toBundle(route.bundle, message)) this.deliverTo(subscriber, message);
  }

  #toBundle(bundle: Bundle, message: BrokerMessage): readonly Subscriber[] {
    if (this.#closed) return [];
    try {
      return bundle.deliver(message);
    } catch (error) {
      this.#onError(error, message);
      return [];
    }
  }

  #subscribersOf(route: Route): readonly Subscriber[] {
    if (route.version !== this.#version) {
      this.#lookUp(route);
      route.version = this.#version;
    }
    return route.subscribers;
  }

  /** Of several bundlers only the first is used: there is one where there is one server. */
  #lookUp(route: Route): void {
    const all = this.#filters.matching(route.topic);
    const bundler = all.find(({ member }) => member !== undefined)?.member?.bundler;
    route.bundle = undefined;
    route.subscribers = all;
    if (bundler === undefined || all.length < fewestBundled) return;
    route.subscribers = all.filter(({ member }) => member?.bundler !== bundler);
    route.bundle = bundler.bundle(all.filter(({ member }) => member?.bundler === bundler));
  }
}
