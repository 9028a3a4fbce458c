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

/** What an `ok` says beyond its id. */
type Answer = Omit<Extract<ServerMessage, { op: 'ok' }>, 'op' | 'id'>;
type Request<Op extends ClientMessage['op']> = Extract<ClientMessage, { op: Op }>;

export class Session implements ConnectionHandlers {
  readonly #connection: Connection;
  readonly #services: SessionServices;
  readonly #id: string;
  readonly #filters: SessionFilters;
  readonly #helloDeadline: NodeJS.Timeout;
  readonly #binary: boolean;
  #binaryPublisher: BinaryPublisher | undefined;
  #authorized: boolean;
  #welcomed = false;
  #publisher: string | undefined;
  #gateway: GatewayCalls | undefined;
  #operations = 0;
  #pendingCommands = 0;
  #badMessages = 0;

  /**
   * @param authorized the handshake already showed the token
   * @param binary the client speaks `earl.v1`
   */
  constructor(
    connection: Connection,
    services: SessionServices,
    id: string,
    { authorized, binary }: { readonly authorized: boolean; readonly binary: boolean },
  ) {
    this.#connection = connection;
    this.#services = services;
    this.#id = id;
    this.#authorized = authorized;
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
    if (!this.#binary) {
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

  onClose(): void {
    clearTimeout(this.#helloDeadline);
    this.#filters.close();
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
    if (this.#binary) this.#binaryPublisher = this.#publisherOfRecords();
    const { serverName, limits } = this.#services;
    this.#send({ op: 'welcome', server: serverName, session: this.#id, maxMessageBytes: limits.messageBytes });
  }

  async #subscribe({ filters, ...wishes }: Request<'subscribe'>): Promise<Answer> {
    if (filters.some(isReserved)) throw new RequestError(errorCodes.badFilter, 'filters must not begin with $');
    return await this.#filters.subscribe(filters, wishes);
  }

  #publisherOfRecords(): BinaryPublisher {
    return new BinaryPublisher(
      {
        publish: (topic, payload, options) => {
          const accepting = this.#services.broker.publish(topic, payload, options);
          if (accepting) this.#begin(accepting);
          return accepting;
        },
        refusal,
        send: (bytes) => this.#connection.send(bytes),
      },
      this.#publisher,
      this.#services.limits.publishedTopics,
    );
  }

  #publish({ topic, data, id, seq, retain }: Request<'publish'>): void {
    if (isReserved(topic)) {
      this.#fail(id, errorCodes.badTopic, 'topics must not begin with $');
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

function requestId(message: ClientMessage): number | undefined {
  return 'id' in message ? message.id : undefined;
}
