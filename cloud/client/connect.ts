/**
 * The client: puts its parts together. What is said on its connections is in conversation.ts, publishing in publisher.ts,
 * listening in subscriber.ts, answering commands in serving.ts.
 *
 * Runs in browsers and Node alike; index.ts is the door for browsers, index.node.ts that for Node.
 */

import { EarlError } from '../../errors/index.ts';
import { type CommandObject, type CommandResult, type Json, limits, type WillMessage } from '../protocol/index.ts';
import type {
  CloudClient,
  CloudClientOptions,
  OnPresence,
  Presence,
  PublishOptions,
  QueueState,
  SubscribeOptions,
} from './client.ts';
import { Conversation } from './conversation.ts';
import { PresenceKeeper } from './presence.ts';
import { checkTopic, Publisher, type PublisherOptions, type PublishPath } from './publisher.ts';
import { checkProbes, Serving } from './serving.ts';
import { checkSubscription, Subscriber } from './subscriber.ts';
import { TokenKeeper } from './token-keeper.ts';
import { WillKeeper } from './will.ts';

/** How much longer than the server the client waits for the result of a command. */
const timeoutMarginMs = 1_000;
const standardQueue = { messages: 10_000, bytes: 16 * 1024 * 1024 };
const standardAway = { keep: 'latest', messages: 1_024, bytes: 1024 * 1024 } as const;

/**
 * Begins to connect, and keeps trying; what is asked meanwhile waits or says that it cannot. Throws `CLOUD_BAD_URL` or
 * `CLOUD_NO_WEBSOCKET`.
 */
export function connect(options: CloudClientOptions): CloudClient {
  return new Client(options);
}

class Client implements CloudClient {
  readonly #conversation: Conversation;
  readonly #publisher: Publisher;
  readonly #subscriber: Subscriber;
  readonly #serving: Serving;
  readonly #presence: PresenceKeeper;
  readonly #token: TokenKeeper;
  readonly #will: WillKeeper;
  readonly #stateHandlers = new Set<(connected: boolean, reason?: string) => void>();
  readonly #onHandlerError: (error: unknown) => void;

  constructor(options: CloudClientOptions) {
    this.#onHandlerError = options.onHandlerError ?? ((error) => console.error(error));
    this.#conversation = this.#converse(options);
    const wire = this.#conversation;
    this.#publisher = new Publisher(publisherOptions(options, this.#onHandlerError), wire.mostMessageBytes);
    this.#subscriber = new Subscriber(wire, options.onMissed ?? (() => {}));
    this.#serving = new Serving(wire);
    this.#presence = new PresenceKeeper(wire);
    this.#will = new WillKeeper(
      (build) => wire.request(build),
      (error) => wire.isPassing(error),
      this.#onHandlerError,
    );
    this.#token = new TokenKeeper(
      options.token,
      (token) => wire.request((id) => ({ op: 'refresh', id, token })),
      this.#onHandlerError,
    );
    wire.start();
  }

  get connected(): boolean {
    return this.#conversation.connected;
  }

  get subprotocol(): string | undefined {
    return this.#conversation.subprotocol;
  }

  get queue(): QueueState {
    return this.#publisher.state;
  }

  onState(changed: (connected: boolean, reason?: string) => void): () => void {
    // A wrapper of its own for each call, so that one function can be registered twice.
    const handler = (connected: boolean, reason?: string) => changed(connected, reason);
    this.#stateHandlers.add(handler);
    return () => this.#stateHandlers.delete(handler);
  }

  async subscribe(
    filter: string,
    deliver: (topic: string, data: Json, retained: boolean) => void,
    options: SubscribeOptions = {},
  ): Promise<() => void> {
    checkSubscription(filter, options);
    this.#conversation.mustNotHaveEnded();
    return await this.#subscriber.subscribe(filter, deliver, options);
  }

  publish(topic: string, data: Json, options: PublishOptions = {}): boolean {
    return !this.#conversation.hasEnded && this.#publisher.publish(topic, data, options);
  }

  async publishAcknowledged(
    topic: string,
    data: Json,
    seqOrOptions: number | PublishOptions = {},
    options: PublishOptions = {},
  ): Promise<void> {
    this.#conversation.mustNotHaveEnded();
    if (typeof seqOrOptions !== 'number') {
      await this.#publisher.acknowledged(topic, data, undefined, seqOrOptions);
      return;
    }
    this.#conversation.mustBeConnected();
    await this.#publisher.acknowledged(topic, data, seqOrOptions, options);
  }

  async command(
    probe: string,
    command: CommandObject,
    timeoutMs: number = limits.commandTimeoutMs.standard,
  ): Promise<CommandResult> {
    checkProbes([probe]);
    const { least, most } = limits.commandTimeoutMs;
    if (!Number.isInteger(timeoutMs) || timeoutMs < least || timeoutMs > most) {
      throw new EarlError('CLOUD_BAD_TIMEOUT', `the timeout must be a whole number from ${least} to ${most} ms`);
    }
    this.#conversation.mustBeConnected();
    const error = new EarlError('CLOUD_TIMEOUT', `no answer about ${probe} from the cloud`);
    const deadline = { ms: timeoutMs + timeoutMarginMs, error };
    const reply = await this.#conversation.request(
      (id) => ({ op: 'command', id, probe, command, timeoutMs }),
      deadline,
    );
    if (reply.op === 'reply') return reply.result;
    throw new EarlError('CLOUD_REFUSED', `the cloud answered a command with ${reply.op}`);
  }

  async serve(probes: string[], answer: Parameters<CloudClient['serve']>[1]): Promise<void> {
    checkProbes(probes);
    this.#conversation.mustNotHaveEnded();
    await this.#serving.serve(probes, answer);
  }

  async setWill(messages: readonly WillMessage[]): Promise<void> {
    for (const { topic } of messages) checkTopic(topic);
    this.#conversation.mustNotHaveEnded();
    await this.#will.set(messages, this.#conversation.mostMessageBytes, this.connected);
  }

  async here(at: readonly string[], info?: { [field: string]: Json }): Promise<void> {
    this.#conversation.mustNotHaveEnded();
    await this.#presence.here({ at: [...at], ...(info && { info }) });
  }

  async presence(filter: string): Promise<Presence> {
    checkSubscription(filter, {});
    this.#conversation.mustBeConnected();
    return await this.#presence.ask(filter);
  }

  async onPresence(filter: string, changed: OnPresence): Promise<() => void> {
    checkSubscription(filter, {});
    this.#conversation.mustNotHaveEnded();
    return await this.#presence.follow(filter, changed);
  }

  async refreshToken(): Promise<boolean> {
    this.#conversation.mustBeConnected();
    return await this.#token.renew();
  }

  async ping(): Promise<number> {
    this.#conversation.mustBeConnected();
    const sentAt = performance.now();
    await this.#conversation.request((id) => ({ op: 'ping', id }));
    return performance.now() - sentAt;
  }

  async close(): Promise<void> {
    this.#publisher.hurry();
    await this.#conversation.stop('closed by this client');
  }

  #converse(options: CloudClientOptions): Conversation {
    const publisher = options.publisher ?? randomName();
    const client = options.client && { client: options.client };
    return new Conversation(options, {
      hello: async () => ({ op: 'hello', publisher, ...client, ...(await this.#token.forHello()) }),
      onUp: (path) => this.#up(path),
      onDown: (...end) => this.#down(...end),
      onMessage: (...message) => this.#subscriber.deliver(...message),
      onAccepted: (seq, upTo) => this.#publisher.accepted(seq, upTo),
      onRefused: (...refused) => this.#publisher.refused(...refused),
      onCommand: (message) => void this.#serving.answer(message),
      onChanged: (message) => this.#presence.changed(message),
      onExpiring: (inMs) => this.#token.expires(inMs),
      onTokenRefused: (isWrong) => this.#token.refused(isWrong),
      beforeSaying: () => this.#publisher.hurry(),
      onError: this.#onHandlerError,
    });
  }

  #up(path: PublishPath): void {
    // First, so that whatever is published on this connection has its will.
    this.#will.renew(path.mostMessageBytes);
    this.#subscriber.renew();
    this.#serving.renew();
    this.#presence.renew();
    this.#publisher.up(path);
    this.#tellState(true);
  }

  #down(error: EarlError, reason: string, final: boolean): void {
    this.#token.stop();
    if (final) {
      this.#publisher.end(error);
      this.#subscriber.rejectAll(error);
      this.#will.rejectAll(error);
      this.#serving.rejectAll(error);
    } else {
      this.#publisher.down(error);
    }
    this.#tellState(false, reason);
  }

  #tellState(connected: boolean, reason?: string): void {
    for (const handler of this.#stateHandlers) {
      try {
        if (reason === undefined) handler(connected);
        else handler(connected, reason);
      } catch (error) {
        this.#onHandlerError(error);
      }
    }
  }
}

function publisherOptions(options: CloudClientOptions, onError: (error: unknown) => void): PublisherOptions {
  return {
    queue: options.queue ?? standardQueue,
    away: { ...standardAway, ...options.away },
    batchMs: options.batchMs ?? 0,
    lastSeq: options.publisher === undefined ? 0 : options.lastSeq,
    onDropped: options.onDropped ?? (() => {}),
    onError,
  };
}

/** Random for each client, so that no number is ever used twice under one name. */
function randomName(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
