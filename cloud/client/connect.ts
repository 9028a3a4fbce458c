/**
 * The client: subscriptions, publishing and commands over a `Link` that comes and goes.
 *
 * Runs in browsers and Node alike; index.ts is the door for browsers, index.node.ts that for Node.
 */

import { EarlError } from '../../errors/index.ts';
import {
  type ClientMessage,
  type CommandObject,
  type CommandResult,
  filterProblem,
  isReserved,
  type Json,
  limits,
  type Position,
  probeProblem,
  type ServerMessage,
  topicProblem,
  type WillMessage,
} from '../protocol/index.ts';
import type { CloudClient, CloudClientOptions } from './client.ts';
import { type FinalEnd, Link } from './link.ts';
import { type Answer, Requests, serverError } from './requests.ts';
import { socketClass, socketUrl } from './socket.ts';
import { Subscriptions } from './subscriptions.ts';
import { WillKeeper } from './will.ts';

/** Most bytes in the socket before fire-and-forget messages are dropped. */
const mostBufferedBytes = 1024 * 1024;
/** How much longer than the server the client waits for the result of a command. */
const timeoutMarginMs = 1_000;

const endCodes: Record<FinalEnd, string> = {
  closed: 'CLOUD_CLOSED',
  unauthorized: 'CLOUD_UNAUTHORIZED',
  refused: 'CLOUD_REFUSED',
};

type Deliver = (topic: string, data: Json, retained: boolean) => void;
type Answerer = Parameters<CloudClient['serve']>[1];

/**
 * Begins to connect, and keeps trying; what is asked meanwhile waits or says that it cannot. Throws `CLOUD_BAD_URL` or
 * `CLOUD_NO_WEBSOCKET`.
 */
export function connect(options: CloudClientOptions): CloudClient {
  return new Client(options);
}

class Client implements CloudClient {
  readonly #link: Link;
  readonly #requests = new Requests();
  readonly #subscriptions: Subscriptions;
  readonly #will = new WillKeeper(
    (build) => this.#request(build),
    (error) => this.#isPassing(error),
    (error) => this.#onHandlerError(error),
  );
  readonly #stateHandlers = new Set<(connected: boolean, reason?: string) => void>();
  readonly #onHandlerError: (error: unknown) => void;
  readonly #onMissed: () => void;
  readonly #token: CloudClientOptions['token'];
  /** Up to here everything that the acknowledged subscriptions select has been delivered. */
  #place: Position | undefined;
  /** While true, subscriptions that begin wait, so that deliveries stay in the order of their offsets. */
  #resuming = false;
  #served: { readonly probes: string[]; readonly answer: Answerer } | undefined;
  /** Resolved by the next `serve` that the server acknowledges. */
  #serveWaiting: { resolve: () => void; reject: (error: EarlError) => void }[] = [];
  #mostMessageBytes: number = limits.messageBytes;
  #ended: EarlError | undefined;

  constructor(options: CloudClientOptions) {
    this.#onHandlerError = options.onHandlerError ?? ((error) => console.error(error));
    this.#onMissed = options.onMissed ?? (() => {});
    this.#subscriptions = new Subscriptions(this.#onHandlerError);
    const publisher = options.publisher ?? randomName();
    this.#token = options.token;
    this.#link = new Link(
      {
        url: socketUrl(options.url),
        Socket: socketClass(options.WebSocket),
        hello: async () => ({ op: 'hello', publisher, ...(await this.#shownToken()) }),
        renewsToken: typeof options.token === 'function',
        backoffMs: options.backoffMs ?? { first: 250, longest: 5000 },
        keepaliveMs: options.keepaliveMs ?? 15_000,
      },
      {
        onUp: ({ maxMessageBytes }) => this.#up(maxMessageBytes),
        onDown: (reason, final) => this.#down(reason, final),
        onMessage: (message) => this.#receive(message),
        onSilence: () => void this.ping().catch(() => {}),
      },
    );
    this.#link.start();
  }

  get connected(): boolean {
    return this.#link.isUp;
  }

  onState(changed: (connected: boolean, reason?: string) => void): () => void {
    // A wrapper of its own for each call, so that one function can be registered twice.
    const handler = (connected: boolean, reason?: string) => changed(connected, reason);
    this.#stateHandlers.add(handler);
    return () => this.#stateHandlers.delete(handler);
  }

  async subscribe(filter: string, deliver: Deliver): Promise<() => void> {
    const problem = isReserved(filter) ? 'the filter must not begin with $' : filterProblem(filter);
    if (problem !== undefined) throw new EarlError('CLOUD_BAD_FILTER', `${problem}: ${JSON.stringify(filter)}`);
    this.#mustNotHaveEnded();
    const entry = this.#subscriptions.add(filter, deliver);
    if (this.connected && !this.#resuming) this.#sendSubscribe(filter);
    await entry.acknowledged;
    return () => {
      if (this.#subscriptions.remove(entry) && this.connected) {
        this.#request((id) => ({ op: 'unsubscribe', id, filters: [filter] })).catch(() => {});
      }
    };
  }

  publish(topic: string, data: Json, options: { retain?: boolean } = {}): boolean {
    const text = this.#publishText({ op: 'publish', topic, data, ...retainOption(options) });
    if (!this.connected || this.#link.bufferedAmount > mostBufferedBytes) return false;
    this.#link.send(text);
    return true;
  }

  async publishAcknowledged(topic: string, data: Json, seq: number, options: { retain?: boolean } = {}): Promise<void> {
    this.#mustBeConnected();
    await this.#requests.ask((id) => {
      this.#link.send(this.#publishText({ op: 'publish', topic, data, id, seq, ...retainOption(options) }));
    }).answer;
  }

  async command(
    probe: string,
    command: CommandObject,
    timeoutMs: number = limits.commandTimeoutMs.standard,
  ): Promise<CommandResult> {
    const problem = probeProblem(probe);
    if (problem !== undefined) throw new EarlError('CLOUD_BAD_TOPIC', `${problem}: ${JSON.stringify(probe)}`);
    const { least, most } = limits.commandTimeoutMs;
    if (!Number.isInteger(timeoutMs) || timeoutMs < least || timeoutMs > most) {
      throw new EarlError('CLOUD_BAD_TIMEOUT', `the timeout must be a whole number from ${least} to ${most} ms`);
    }
    this.#mustBeConnected();
    const { id, answer } = this.#requests.ask((id) =>
      this.#link.send(this.#bounded({ op: 'command', id, probe, command, timeoutMs })),
    );
    const deadline = setTimeout(() => {
      this.#requests.reject(id, new EarlError('CLOUD_TIMEOUT', `no answer about ${probe} from the cloud`));
    }, timeoutMs + timeoutMarginMs);
    try {
      const reply = await answer;
      if (reply.op === 'reply') return reply.result;
      throw new EarlError('CLOUD_REFUSED', `the cloud answered a command with ${reply.op}`);
    } finally {
      clearTimeout(deadline);
    }
  }

  async serve(probes: string[], answer: Answerer): Promise<void> {
    const problem = probes.map(probeProblem).find((found) => found !== undefined);
    if (problem !== undefined) throw new EarlError('CLOUD_BAD_TOPIC', `${problem}: ${JSON.stringify(probes)}`);
    this.#mustNotHaveEnded();
    this.#served = { probes: [...probes], answer };
    const acknowledged = new Promise<void>((resolve, reject) => this.#serveWaiting.push({ resolve, reject }));
    if (this.connected) this.#sendServe();
    await acknowledged;
  }

  async setWill(messages: readonly WillMessage[]): Promise<void> {
    for (const { topic } of messages) this.#checkTopic(topic);
    this.#mustNotHaveEnded();
    await this.#will.set(messages, this.#mostMessageBytes, this.connected);
  }

  async ping(): Promise<number> {
    this.#mustBeConnected();
    const sentAt = performance.now();
    await this.#request((id) => ({ op: 'ping', id }));
    return performance.now() - sentAt;
  }

  async close(): Promise<void> {
    await this.#link.stop('closed by this client');
  }

  #up(maxMessageBytes: number): void {
    this.#mostMessageBytes = maxMessageBytes;
    // First, so that whatever is published on this connection has its will.
    this.#will.renew(maxMessageBytes);
    this.#resuming = true;
    void this.#resume(this.#subscriptions.filters(true)).then((resumed) => {
      if (!this.connected) return;
      this.#resuming = false;
      for (const filter of this.#subscriptions.filters()) if (!resumed.has(filter)) this.#sendSubscribe(filter);
    });
    if (this.#served) this.#sendServe();
    this.#tellState(true);
  }

  #down(reason: string, final?: FinalEnd): void {
    if (this.#ended) return;
    if (final) this.#ended = new EarlError(endCodes[final], `the connection to the cloud has ended: ${reason}`);
    this.#requests.rejectAll(
      this.#ended ?? new EarlError('CLOUD_DISCONNECTED', `the cloud is not connected: ${reason}`),
    );
    if (this.#ended) {
      this.#subscriptions.rejectAll(this.#ended);
      this.#will.rejectAll(this.#ended);
      for (const { reject } of this.#serveWaiting.splice(0)) reject(this.#ended);
    }
    this.#tellState(false, reason);
  }

  #receive(message: ServerMessage): void {
    switch (message.op) {
      case 'message':
        if (!message.retained && this.#place) this.#advance({ epoch: this.#place.epoch, offset: message.offset });
        this.#subscriptions.deliver(message.topic, message.data, message.retained === true);
        return;
      case 'ok':
      case 'pong':
      case 'reply':
        this.#requests.settle(message);
        return;
      case 'error':
        if (message.id !== undefined) this.#requests.reject(message.id, serverError(message.code, message.message));
        else this.#onHandlerError(serverError(message.code, message.message));
        return;
      case 'command':
        void this.#answerCommand(message);
        return;
      case 'expiring':
        this.#refresh().catch((error: unknown) => this.#onHandlerError(error));
        return;
      case 'welcome':
        return;
      default:
        message satisfies never;
    }
  }

  async #shownToken(): Promise<{ token?: string }> {
    const token = typeof this.#token === 'function' ? await this.#token() : this.#token;
    return token === undefined ? {} : { token };
  }

  /** A token that is a text has no successor: the connection will end with it. */
  async #refresh(): Promise<void> {
    if (typeof this.#token !== 'function') return;
    const token = await this.#token();
    await this.#request((id) => ({ op: 'refresh', id, token }));
  }

  async #answerCommand({ call, probe, command, timeoutMs }: Extract<ServerMessage, { op: 'command' }>): Promise<void> {
    let result: CommandResult = { status: 'unknown', data: [], message: 'whoever serves the probe failed to answer' };
    try {
      if (this.#served) result = await this.#served.answer(probe, command, { id: call, timeoutMs });
    } catch (error) {
      this.#onHandlerError(error);
    }
    // When the connection has ended meanwhile, the server has told the sender that the outcome is unknown.
    this.#link.send(JSON.stringify({ op: 'reply', call, result } satisfies ClientMessage));
  }

  /** Subscribes again after a reconnect, from the last place on; the filters for which that was possible. */
  async #resume(filters: Set<string>): Promise<Set<string>> {
    const since = this.#place;
    if (filters.size === 0 || since === undefined) return new Set();
    try {
      const answer = await this.#request((id) => ({ op: 'subscribe', id, filters: [...filters], since }));
      if (answer.op !== 'ok' || answer.recovered !== true) this.#tellMissed();
      this.#noteStart(answer);
      return filters;
    } catch (error) {
      if (this.#isPassing(error as EarlError)) return filters;
      this.#tellMissed();
      return new Set();
    }
  }

  #sendSubscribe(filter: string): void {
    this.#request((id) => ({ op: 'subscribe', id, filters: [filter] })).then(
      (answer) => {
        this.#noteStart(answer);
        this.#subscriptions.acknowledge(filter);
      },
      (error: EarlError) => {
        if (this.#isPassing(error)) return;
        // Whoever waits for the first acknowledgement hears it there; whoever had one before, here.
        if (this.#subscriptions.refuse(filter, error)) this.#onHandlerError(error);
      },
    );
  }

  /** A subscription began: what came before it has been delivered to those that were there, or was never wanted. */
  #noteStart(answer: Answer): void {
    if (answer.op === 'ok' && answer.position) this.#advance(answer.position);
  }

  #advance({ epoch, offset }: Position): void {
    if (this.#place?.epoch === epoch && this.#place.offset >= offset) return;
    this.#place = { epoch, offset };
  }

  #tellMissed(): void {
    try {
      this.#onMissed();
    } catch (error) {
      this.#onHandlerError(error);
    }
  }

  #sendServe(): void {
    const waiting = this.#serveWaiting;
    this.#request((id) => ({ op: 'serve', id, probes: this.#served?.probes ?? [] })).then(
      () => {
        for (const { resolve } of waiting.splice(0)) resolve();
      },
      (error: EarlError) => {
        if (this.#isPassing(error)) return;
        if (waiting.length === 0) this.#onHandlerError(error);
        for (const { reject } of waiting.splice(0)) reject(error);
      },
    );
  }

  /** Whether what was refused will be asked again at the next connection. */
  #isPassing(error: EarlError): boolean {
    if (error.code === 'CLOUD_OVERLOADED') this.#link.abandon('the cloud is overloaded');
    return error.code === 'CLOUD_OVERLOADED' || error.code === 'CLOUD_DISCONNECTED';
  }

  #request(build: (id: number) => ClientMessage): Promise<Answer> {
    return this.#requests.ask((id) => this.#link.send(this.#bounded(build(id)))).answer;
  }

  #publishText(message: Extract<ClientMessage, { op: 'publish' }>): string {
    this.#checkTopic(message.topic);
    return this.#bounded(message);
  }

  #checkTopic(topic: string): void {
    const problem = isReserved(topic) ? 'the topic must not begin with $' : topicProblem(topic);
    if (problem !== undefined) throw new EarlError('CLOUD_BAD_TOPIC', `${problem}: ${JSON.stringify(topic)}`);
  }

  /** The text of a message, if the server would take it. */
  #bounded(message: ClientMessage): string {
    const text = JSON.stringify(message);
    const most = this.#mostMessageBytes;
    // A UTF-16 code unit becomes at most three bytes of UTF-8.
    if (text.length * 3 > most && new TextEncoder().encode(text).length > most) {
      throw new EarlError('CLOUD_TOO_LARGE', `the message is longer than the ${most} bytes that the cloud takes`);
    }
    return text;
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

  #mustBeConnected(): void {
    this.#mustNotHaveEnded();
    if (!this.connected) throw new EarlError('CLOUD_DISCONNECTED', 'the cloud is not connected: try again later');
  }

  #mustNotHaveEnded(): void {
    if (this.#ended) throw this.#ended;
  }
}

function retainOption(options: { retain?: boolean }): { retain?: true } {
  return options.retain ? { retain: true } : {};
}

function randomName(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
