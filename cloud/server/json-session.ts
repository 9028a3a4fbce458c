/**
 * One client that speaks `earl.v1.json` (docs/protocol.md): checks each request and answers it.
 *
 * Requests are started in the order of their arrival and not awaited one by one, so that acknowledged publishes can
 * overlap; beyond `limits.operations` unfinished ones the connection is not read.
 */

import { errorMessage } from '../../errors/index.ts';
import type { Broker, BrokerMessage, PublishOptions, Subscription } from '../broker/index.ts';
import {
  type ClientMessage,
  closeCodes,
  type ErrorCode,
  errorCodes,
  isReserved,
  parseClientMessage,
  limits as protocolLimits,
  type ServerMessage,
} from '../protocol/index.ts';
import type { CommandRouter } from './command-router.ts';
import type { Connection, ConnectionHandlers } from './connection.ts';
import { type FrameCache, frameOf } from './frames.ts';
import type { GatewayCalls } from './gateway-calls.ts';
import type { CloudCounters, ServerLimits } from './options.ts';
import { RequestError } from './request-error.ts';

/** What sessions share. */
export interface SessionServices {
  readonly broker: Broker;
  readonly commands: CommandRouter;
  readonly frames: FrameCache;
  readonly limits: ServerLimits;
  readonly counters: CloudCounters;
  readonly serverName: string;
  /** Whether a `hello` with this token may enter. */
  accepts(token: string | undefined): boolean;
}

type Request<Op extends ClientMessage['op']> = Extract<ClientMessage, { op: Op }>;

/** One filter of the client; no longer `active` from the moment it unsubscribes, whenever the broker follows. */
interface Subscribed {
  active: boolean;
  begun: Promise<Subscription> | undefined;
}

export class JsonSession implements ConnectionHandlers {
  readonly #connection: Connection;
  readonly #services: SessionServices;
  readonly #id: string;
  readonly #subscriptions = new Map<string, Subscribed>();
  readonly #helloDeadline: NodeJS.Timeout;
  #authorized: boolean;
  #welcomed = false;
  #publisher: string | undefined;
  #gateway: GatewayCalls | undefined;
  #operations = 0;
  #pendingCommands = 0;
  #badMessages = 0;
  #last: BrokerMessage | undefined;

  /** @param authorized the handshake already showed the token */
  constructor(connection: Connection, services: SessionServices, id: string, authorized: boolean) {
    this.#connection = connection;
    this.#services = services;
    this.#id = id;
    this.#authorized = authorized;
    this.#helloDeadline = setTimeout(
      () => connection.close(closeCodes.badMessage, 'no hello in time'),
      services.limits.helloTimeoutMs,
    );
  }

  onText(text: string): void {
    const parsed = parseClientMessage(text);
    if (!parsed.ok) {
      this.#bad(parsed.code, parsed.problem, parsed.id);
    } else if (this.#welcomed) {
      this.#handle(parsed.message);
    } else if (parsed.message.op === 'hello') {
      this.#hello(parsed.message);
    } else {
      this.#bad(errorCodes.badMessage, 'the first message must be hello', requestId(parsed.message));
    }
  }

  onBinary(): void {
    this.#bad(errorCodes.badMessage, 'messages must be text, not binary');
  }

  onClose(): void {
    clearTimeout(this.#helloDeadline);
    for (const subscribed of this.#subscriptions.values()) end(subscribed).catch(() => {});
    this.#subscriptions.clear();
    // A broker that is closed as well has forgotten the session already.
    this.#gateway?.close().catch(() => {});
  }

  #handle(message: ClientMessage): void {
    switch (message.op) {
      case 'hello':
        this.#bad(errorCodes.badMessage, 'hello was said already');
        return;
      case 'subscribe':
        this.#run(message.id, () => this.#subscribe(message));
        return;
      case 'unsubscribe':
        this.#run(message.id, () => this.#unsubscribe(message));
        return;
      case 'publish':
        this.#publish(message);
        return;
      case 'serve':
        this.#run(message.id, () => this.#serve(message));
        return;
      case 'command':
        this.#command(message);
        return;
      case 'reply':
        // Too late a reply is no fault of the gateway: the client has heard of the timeout.
        this.#gateway?.reply(message.call, message.result);
        return;
      case 'ping':
        this.#send({ op: 'pong', id: message.id });
        return;
      default:
        message satisfies never;
    }
  }

  #hello(message: Request<'hello'>): void {
    clearTimeout(this.#helloDeadline);
    this.#authorized ||= this.#services.accepts(message.token);
    if (!this.#authorized) {
      const problem = 'hello needs the token that the cloud printed when it started';
      this.#fail(undefined, errorCodes.unauthorized, problem);
      this.#connection.close(closeCodes.unauthorized, problem);
      return;
    }
    this.#welcomed = true;
    this.#publisher = message.publisher;
    const { serverName, limits } = this.#services;
    this.#send({ op: 'welcome', server: serverName, session: this.#id, maxMessageBytes: limits.messageBytes });
  }

  async #subscribe({ filter }: Request<'subscribe'>): Promise<void> {
    const earlier = this.#subscriptions.get(filter);
    if (isReserved(filter)) throw new RequestError(errorCodes.badFilter, 'filters must not begin with $');
    if (!earlier && this.#subscriptions.size >= this.#services.limits.subscriptions) {
      const most = this.#services.limits.subscriptions;
      throw new RequestError(errorCodes.tooMany, `a connection may have ${most} subscriptions: use wildcards`);
    }
    const subscribed: Subscribed = { active: true, begun: undefined };
    this.#subscriptions.set(filter, subscribed);
    subscribed.begun = this.#services.broker.subscribe(filter, (message) => {
      if (subscribed.active) this.#deliver(message);
    });
    try {
      await subscribed.begun;
    } catch (error) {
      if (this.#subscriptions.get(filter) === subscribed) this.#subscriptions.delete(filter);
      throw error;
    } finally {
      await end(earlier);
    }
  }

  async #unsubscribe({ filter }: Request<'unsubscribe'>): Promise<void> {
    const subscribed = this.#subscriptions.get(filter);
    this.#subscriptions.delete(filter);
    await end(subscribed);
  }

  #publish({ topic, data, id, seq, retain }: Request<'publish'>): void {
    if (isReserved(topic)) {
      this.#fail(id, errorCodes.badTopic, 'topics must not begin with $');
      return;
    }
    const options: PublishOptions = retain ? { retain } : {};
    if (seq === undefined) {
      this.#run(id, () => this.#services.broker.publish(topic, data, options));
    } else if (this.#publisher === undefined) {
      this.#fail(id, errorCodes.badMessage, '"seq" needs a "publisher" in hello');
    } else {
      const dedupe = { publisher: this.#publisher, seq };
      this.#run(id, () => this.#services.broker.publish(topic, data, { ...options, dedupe }));
    }
  }

  async #serve({ probes }: Request<'serve'>): Promise<void> {
    this.#gateway ??= this.#services.commands.gateway(this.#id, ({ call, probe, command, timeoutMs }) =>
      this.#send({ op: 'command', call, probe, command, timeoutMs }),
    );
    await this.#gateway.serve(probes);
  }

  #command({ id, probe, command, timeoutMs }: Request<'command'>): void {
    const most = this.#services.limits.pendingCommands;
    if (this.#pendingCommands >= most) {
      this.#fail(id, errorCodes.tooMany, `${most} commands of this connection wait for a result`);
      return;
    }
    this.#pendingCommands += 1;
    this.#services.commands
      .command(probe, command, timeoutMs ?? protocolLimits.commandTimeoutMs.standard)
      .then((result) => this.#send({ op: 'reply', id, result }))
      .catch((error: unknown) => this.#failWith(id, error))
      .finally(() => {
        this.#pendingCommands -= 1;
      });
  }

  /** A message that several filters match comes once per filter, one right after the other. */
  #deliver(message: BrokerMessage): void {
    if (!message.retained) {
      if (message === this.#last) return;
      this.#last = message;
    }
    this.#connection.send(this.#services.frames.json(message), message.retained);
  }

  /** Runs a request and answers it, when it has an id, with `ok` or `error`. */
  #run(id: number | undefined, operation: () => Promise<void>): void {
    this.#operations += 1;
    if (this.#operations === this.#services.limits.operations) this.#connection.setReading(false);
    operation()
      .then(() => {
        if (id !== undefined) this.#send({ op: 'ok', id });
      })
      .catch((error: unknown) => this.#failWith(id, error))
      .finally(() => {
        if (this.#operations === this.#services.limits.operations) this.#connection.setReading(true);
        this.#operations -= 1;
      });
  }

  #failWith(id: number | undefined, error: unknown): void {
    const code = error instanceof RequestError ? error.code : errorCodes.overloaded;
    this.#fail(id, code, errorMessage(error));
  }

  /** Answers a message that broke the protocol; before `hello`, or too often, it ends the connection. */
  #bad(code: ErrorCode, problem: string, id?: number): void {
    this.#services.counters.badMessages += 1;
    this.#badMessages += 1;
    this.#fail(id, code, problem);
    if (!this.#welcomed || this.#badMessages >= this.#services.limits.badMessages) {
      this.#connection.close(closeCodes.badMessage, closeReason(problem));
    }
  }

  #fail(id: number | undefined, code: ErrorCode, message: string): void {
    this.#send({ op: 'error', ...(id === undefined ? {} : { id }), code, message });
  }

  #send(message: ServerMessage): void {
    this.#connection.send(frameOf(message));
  }
}

/** A close reason has at most 123 bytes (RFC 6455, section 5.5); what is cut stands in the `error` before it. */
export function closeReason(problem: string): string {
  let reason = problem;
  while (Buffer.byteLength(reason) > 123) reason = reason.slice(0, -1);
  return reason;
}

async function end(subscribed: Subscribed | undefined): Promise<void> {
  if (subscribed === undefined) return;
  subscribed.active = false;
  await (await subscribed.begun)?.unsubscribe();
}

function requestId(message: ClientMessage): number | undefined {
  return 'id' in message ? message.id : undefined;
}
