/**
 * One client that speaks `earl.v1.json` or `earl.v1` (docs/protocol.md): checks each request and answers it.
 *
 * Requests are started in the order of their arrival and not awaited one by one, so that acknowledged publishes can
 * overlap; beyond `limits.operations` unfinished ones the connection is not read.
 */

import { errorMessage } from '../../errors/index.ts';
import { type Broker, jsonPayload, type PublishOptions } from '../broker/index.ts';
import {
  type ClientMessage,
  closeCodes,
  type ErrorCode,
  errorCodes,
  FieldProblem,
  isReserved,
  parseClientMessage,
  limits as protocolLimits,
  type ServerMessage,
} from '../protocol/index.ts';
import { BinaryPublisher } from './binary-publisher.ts';
import type { CommandRouter } from './command-router.ts';
import type { Connection, ConnectionHandlers } from './connection.ts';
import { BinaryDelivery, JsonDelivery } from './delivery.ts';
import { SessionFilters } from './filters.ts';
import { type FrameCache, frameOf } from './frames.ts';
import type { GatewayCalls } from './gateway-calls.ts';
import type { CloudCounters, ServerLimits } from './options.ts';
import type { QueueBudget } from './outbox.ts';
import { PublishRate } from './rate.ts';
import { RequestError } from './request-error.ts';
import { type Action, allRights, type Rights } from './rights.ts';
import type { TokenGate } from './tokens.ts';
import { type Grant, TokenProblem } from './tokens-jwt.ts';
import type { Lease, LeaseEvents } from './tokens-lease.ts';
import type { Will, Wills } from './will.ts';

/** What sessions share. */
export interface SessionServices {
  readonly broker: Broker;
  readonly commands: CommandRouter;
  readonly frames: FrameCache;
  readonly limits: ServerLimits;
  readonly counters: CloudCounters;
  readonly serverName: string;
  readonly wills: Wills;
  readonly gate: TokenGate;
  readonly queues: QueueBudget;
}

/** What an `ok` says beyond its id. */
type Answer = Omit<Extract<ServerMessage, { op: 'ok' }>, 'op' | 'id'>;
type Request<Op extends ClientMessage['op']> = Extract<ClientMessage, { op: Op }>;

export class Session implements ConnectionHandlers, LeaseEvents {
  readonly #connection: Connection;
  readonly #services: SessionServices;
  readonly #id: string;
  readonly #filters: SessionFilters;
  readonly #helloDeadline: NodeJS.Timeout;
  readonly #binary: boolean;
  #binaryPublisher: BinaryPublisher | undefined;
  readonly #shown: Grant | undefined;
  readonly #rate: PublishRate;
  #lease: Lease | undefined;
  #welcomed = false;
  /** What came while the token of `hello` was checked: no more than had been read already. */
  #waiting: (() => void)[] | undefined;
  #publisher: string | undefined;
  #gateway: GatewayCalls | undefined;
  #will: Will | undefined;
  #operations = 0;
  #pendingCommands = 0;
  #badMessages = 0;

  /**
   * @param grant of the token that the handshake showed already
   * @param binary the client speaks `earl.v1`
   */
  constructor(
    connection: Connection,
    services: SessionServices,
    id: string,
    { grant, binary }: { readonly grant: Grant | undefined; readonly binary: boolean },
  ) {
    this.#connection = connection;
    this.#services = services;
    this.#id = id;
    this.#shown = grant;
    this.#rate = new PublishRate(services.limits.publishes, (reading) => connection.setReading(reading));
    this.#binary = binary;
    const { frames, limits } = services;
    this.#filters = new SessionFilters(
      services.broker,
      limits,
      binary ? new BinaryDelivery(connection, frames, limits.messageBytes) : new JsonDelivery(connection, frames),
      (reason) => connection.close(closeCodes.gap, closeReason(`resume: ${reason}`)),
    );
    this.#helloDeadline = setTimeout(
      () => connection.close(closeCodes.badMessage, 'no hello in time'),
      limits.helloTimeoutMs,
    );
  }

  onText(text: string): void {
    if (this.#waiting !== undefined) {
      this.#waiting.push(() => this.onText(text));
      return;
    }
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

  onBinary(bytes: Buffer): void {
    if (this.#waiting !== undefined) {
      const copy = Buffer.from(bytes);
      this.#waiting.push(() => this.onBinary(copy));
    } else if (!this.#binary) {
      this.#bad(errorCodes.badMessage, 'messages must be text, not binary');
    } else if (this.#binaryPublisher === undefined) {
      this.#bad(errorCodes.badMessage, 'the first message must be hello, as text');
    } else {
      try {
        this.#binaryPublisher.receive(bytes);
      } catch (error) {
        if (!(error instanceof FieldProblem)) throw error;
        this.#bad(error.code, error.message);
      }
    }
  }

  onClose(code: number): void {
    clearTimeout(this.#helloDeadline);
    this.#will?.end(goodbyes.has(code));
    this.#lease?.close();
    this.#rate.close();
    this.#filters.close();
    // A broker that is closed as well has forgotten the session already.
    this.#gateway?.close().catch(() => {});
  }

  #handle(message: ClientMessage): void {
    switch (message.op) {
      case 'hello':
        this.#bad(errorCodes.badMessage, 'hello was said already');
        return;
      case 'refresh':
        this.#refresh(message);
        return;
      case 'subscribe':
        this.#run(message.id, () => this.#subscribe(message));
        return;
      case 'unsubscribe':
        this.#run(message.id, () => this.#filters.unsubscribe(message.filters));
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
      case 'will':
        this.#run(message.id, () => this.#setWill(message));
        return;
      case 'bye':
        this.#connection.close(closeCodes.goodbye, 'goodbye');
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
    try {
      const grant = this.#shown ?? this.#services.gate.admit(message.token);
      if (grant instanceof Promise) this.#await(grant, message);
      else this.#enter(grant, message);
    } catch (error) {
      this.#refuse(error);
    }
  }

  /** Checking a signature takes a moment, in which nothing else of the client is looked at. */
  #await(grant: Promise<Grant>, hello: Request<'hello'>): void {
    this.#waiting = [];
    this.#connection.setReading(false);
    const goOn = () => {
      const waiting = this.#waiting!;
      this.#waiting = undefined;
      this.#connection.setReading(true);
      for (const take of waiting) if (!this.#connection.isClosing) take();
    };
    grant
      .then((granted) => this.#enter(granted, hello))
      .catch((error: unknown) => this.#refuse(error))
      .then(goOn);
  }

  #refuse(error: unknown): void {
    if (!(error instanceof TokenProblem)) throw error;
    this.#fail(undefined, errorCodes.unauthorized, error.message);
    this.onGrantEnd(error);
  }

  onGrantEnd(problem: TokenProblem): void {
    const code = problem.expired ? closeCodes.tokenExpired : closeCodes.unauthorized;
    this.#connection.close(code, closeReason(problem.message));
  }

  onExpiring(inMs: number): void {
    this.#send({ op: 'expiring', inMs });
  }

  #enter(grant: Grant, message: Request<'hello'>): void {
    if (this.#connection.isClosing) return;
    this.#lease = this.#services.gate.lease(grant, this.#services.limits.expiryWarningMs, this);
    this.#welcomed = true;
    this.#publisher = publisherOf(grant, message.publisher);
    if (this.#binary) this.#binaryPublisher = this.#publisherOfRecords();
    const { serverName, limits } = this.#services;
    this.#send({ op: 'welcome', server: serverName, session: this.#id, maxMessageBytes: limits.messageBytes });
  }

  async #subscribe({ filters, ...wishes }: Request<'subscribe'>): Promise<Answer> {
    if (filters.some(isReserved)) throw new RequestError(errorCodes.badFilter, 'filters must not begin with $');
    this.#mustBeAllowed('subscribe', filters);
    const begun = await this.#filters.subscribe(filters, wishes);
    // A refresh may have taken the right away meanwhile.
    const lost = filters.filter((filter) => !this.#rights.may('subscribe', filter));
    if (lost.length === 0) return begun;
    await this.#filters.unsubscribe(lost);
    throw new RequestError(errorCodes.forbidden, forbidden('subscribe', lost[0]!));
  }

  #publisherOfRecords(): BinaryPublisher {
    return new BinaryPublisher(
      {
        publish: (topic, payload, options) => {
          this.#rate.count();
          const accepting = this.#services.broker.publish(topic, payload, options);
          if (accepting) this.#begin(accepting);
          return accepting;
        },
        mayPublish: (topic) => this.#rights.may('publish', topic),
        refusal,
        send: (bytes) => this.#connection.send(bytes),
      },
      this.#publisher,
      this.#services.limits.publishedTopics,
    );
  }

  #publish({ topic, data, id, seq, retain }: Request<'publish'>): void {
    this.#rate.count();
    if (isReserved(topic)) {
      this.#fail(id, errorCodes.badTopic, 'topics must not begin with $');
      return;
    }
    if (!this.#rights.may('publish', topic)) {
      this.#fail(id, errorCodes.forbidden, forbidden('publish', topic));
      return;
    }
    if (seq !== undefined && this.#publisher === undefined) {
      this.#fail(id, errorCodes.badMessage, '"seq" needs a "publisher" in hello');
      return;
    }
    const options: PublishOptions = {
      json: data,
      ...(retain ? { retain } : {}),
      ...(seq === undefined ? {} : { dedupe: { publisher: this.#publisher!, seq } }),
    };
    this.#run(id, () => this.#services.broker.publish(topic, jsonPayload(data, retain), options));
  }

  async #serve({ probes }: Request<'serve'>): Promise<void> {
    this.#mustBeAllowed('serve', probes);
    this.#gateway ??= this.#services.commands.gateway(this.#id, ({ call, probe, command, timeoutMs }) =>
      this.#send({ op: 'command', call, probe, command, timeoutMs }),
    );
    await this.#gateway.serve(probes);
  }

  async #setWill({ messages, add = false }: Request<'will'>): Promise<void> {
    const topics = messages.map(({ topic }) => topic);
    if (topics.some(isReserved)) throw new RequestError(errorCodes.badTopic, 'topics must not begin with $');
    this.#mustBeAllowed('publish', topics);
    this.#will ??= this.#services.wills.of(this.#id, this.#publisher);
    await this.#will.set(messages, add);
  }

  #command({ id, probe, command, timeoutMs }: Request<'command'>): void {
    if (!this.#rights.may('command', probe)) {
      this.#fail(id, errorCodes.forbidden, forbidden('command', probe));
      return;
    }
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

  #refresh({ id, token }: Request<'refresh'>): void {
    const renewing = this.#renew(token).then(
      () => this.#ok(id),
      (error: unknown) => {
        // Counted as bad, so that nobody tries one token after the other.
        if (error instanceof TokenProblem) this.#bad(errorCodes.unauthorized, error.message, id);
        else this.#failWith(id, error);
      },
    );
    this.#begin(renewing);
  }

  /** What the new token no longer allows ends: subscriptions, topics with numbers, probes served. */
  async #renew(token: string): Promise<void> {
    const grant = await this.#services.gate.admit(token);
    if (this.#connection.isClosing) return;
    this.#lease!.renew(grant);
    const { rights } = grant;
    this.#will?.keep((topic) => rights.may('publish', topic));
    this.#binaryPublisher?.keep((topic) => rights.may('publish', topic));
    await this.#filters.keep((filter) => rights.may('subscribe', filter));
    await this.#gateway?.keep((probe) => rights.may('serve', probe));
  }

  get #rights(): Rights {
    return this.#lease?.grant.rights ?? allRights;
  }

  #mustBeAllowed(action: Action, paths: readonly string[]): void {
    const refused = paths.find((path) => !this.#rights.may(action, path));
    if (refused !== undefined) throw new RequestError(errorCodes.forbidden, forbidden(action, refused));
  }

  /** Runs a request and answers it, when it has an id, with `ok` or `error`. */
  #run(id: number | undefined, operation: () => Promise<Answer | undefined> | Promise<void> | undefined): void {
    const running = operation();
    if (running === undefined) {
      this.#ok(id);
      return;
    }
    this.#begin(running.then((answer) => this.#ok(id, answer || {})).catch((error) => this.#failWith(id, error)));
  }

  /** Counts an operation until it ends; beyond the limit, the client is not read. */
  #begin(operation: Promise<unknown>): void {
    const end = () => {
      if (this.#operations === this.#services.limits.operations) this.#connection.setReading(true);
      this.#operations -= 1;
    };
    this.#operations += 1;
    if (this.#operations === this.#services.limits.operations) this.#connection.setReading(false);
    operation.then(end, end);
  }

  #ok(id: number | undefined, answer: Answer = {}): void {
    if (id !== undefined) this.#send({ op: 'ok', id, ...answer });
  }

  #failWith(id: number | undefined, error: unknown): void {
    const { code, message } = refusal(error);
    this.#fail(id, code, message);
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

/**
 * Ends after which a will is forgotten: those that the client means, and the end of the cloud, whose clients come back.
 */
const goodbyes: ReadonlySet<number> = new Set([closeCodes.goodbye, closeCodes.goingAway, closeCodes.shuttingDown]);

/** A close reason has at most 123 bytes (RFC 6455, section 5.5); what is cut stands in the `error` before it. */
export function closeReason(problem: string): string {
  let reason = problem;
  while (Buffer.byteLength(reason) > 123) reason = reason.slice(0, -1);
  return reason;
}

/** What the client is told when an operation failed. */
function refusal(error: unknown): { code: ErrorCode; message: string } {
  return { code: error instanceof RequestError ? error.code : errorCodes.overloaded, message: errorMessage(error) };
}

function forbidden(action: Action, path: string): string {
  const to = { publish: 'publish to', subscribe: 'subscribe to', command: 'command', serve: 'serve' }[action];
  return `the token does not allow to ${to} ${path}`;
}

/** Names of publishers belong to a subject, so that nobody can use up the sequence numbers of another's. */
function publisherOf({ subject }: Grant, name: string | undefined): string | undefined {
  return subject === undefined || name === undefined ? name : JSON.stringify([subject, name]);
}

function requestId(message: ClientMessage): number | undefined {
  return 'id' in message ? message.id : undefined;
}
