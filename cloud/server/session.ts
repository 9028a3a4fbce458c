/**
 * One client that speaks `earl.v1.json` or `earl.v1` (docs/protocol.md): checks each request and answers it.
 *
 * Requests are started in the order of their arrival and not awaited one by one, so that acknowledged publishes can
 * overlap; beyond `limits.operations` unfinished ones the connection is not read.
 */

import { jsonPayload, type PublishOptions, topicPublisher } from '../broker/index.ts';
import {
  type ClientMessage,
  closeCodes,
  type ErrorCode,
  errorCodes,
  FieldProblem,
  isReserved,
  parseClientMessage,
} from '../protocol/index.ts';
import { Admission, refusalOf } from './admission.ts';
import { type Answer, Answers, closeReason, refusal } from './answers.ts';
import { BinaryPublisher } from './binary-publisher.ts';
import { publisherOf } from './client-key.ts';
import type { Connection, ConnectionHandlers } from './connection.ts';
import { BinaryDelivery, JsonDelivery } from './delivery.ts';
import { SessionFilters } from './filters.ts';
import { outOfOrder, PublishOrder } from './publish-order.ts';
import { PublishRate } from './rate.ts';
import { RequestError } from './request-error.ts';
import type { Rights } from './rights.ts';
import { SessionCommands } from './session-commands.ts';
import { SessionPresence } from './session-presence.ts';
import type { SessionServices } from './session-services.ts';
import type { Grant } from './tokens-jwt.ts';
import { endingOf, type Will } from './will.ts';

type Request<Op extends ClientMessage['op']> = Extract<ClientMessage, { op: Op }>;

export class Session implements ConnectionHandlers {
  readonly #connection: Connection;
  readonly #services: SessionServices;
  readonly #id: string;
  readonly #filters: SessionFilters;
  readonly #binary: boolean;
  readonly #answers: Answers;
  readonly #admission: Admission;
  /** Most connections hear, or do nothing: what publishing needs is made with the first message. */
  #rate: PublishRate | undefined;
  #binaryPublisher: BinaryPublisher | undefined;
  #publisher: string | undefined;
  readonly #order = new PublishOrder();
  #commands: SessionCommands | undefined;
  #will: Will | undefined;
  #presence: SessionPresence | undefined;

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
    this.#binary = binary;
    const { frames, limits } = services;
    this.#answers = new Answers(connection, limits, services.counters);
    this.#filters = new SessionFilters(
      services.broker,
      limits,
      binary ? new BinaryDelivery(connection, frames, limits.messageBytes) : new JsonDelivery(connection, frames),
      (reason) => connection.close(closeCodes.gap, closeReason(`resume: ${reason}`)),
    );
    this.#admission = new Admission(connection, this.#answers, services, grant, (granted, hello) =>
      this.#enter(granted, hello),
    );
  }

  onText(text: string): void {
    if (this.#admission.isDeciding) {
      this.#admission.hold(() => this.onText(text));
      return;
    }
    const parsed = parseClientMessage(text);
    if (!parsed.ok) {
      this.#bad(parsed.code, parsed.problem, parsed.id);
    } else if (this.#admission.isAdmitted) {
      this.#handle(parsed.message);
    } else if (parsed.message.op === 'hello') {
      this.#admission.hello(parsed.message);
    } else {
      this.#bad(errorCodes.badMessage, 'the first message must be hello', requestId(parsed.message));
    }
  }

  onBinary(bytes: Buffer, start = 0, end = bytes.length): void {
    if (this.#admission.isDeciding) {
      const copy = Buffer.from(bytes.subarray(start, end));
      this.#admission.hold(() => this.onBinary(copy));
    } else if (!this.#binary) {
      this.#bad(errorCodes.badMessage, 'messages must be text, not binary');
    } else if (!this.#admission.isAdmitted) {
      this.#bad(errorCodes.badMessage, 'the first message must be hello, as text');
    } else {
      this.#binaryPublisher ??= this.#publisherOfRecords();
      try {
        this.#binaryPublisher.receive(bytes, start, end);
      } catch (error) {
        if (!(error instanceof FieldProblem)) throw error;
        this.#bad(error.code, error.message);
      }
    }
  }

  onClose(code: number): void {
    const ending = endingOf(code);
    this.#will?.end(ending);
    this.#presence?.end(ending);
    this.#admission.close();
    this.#rate?.close();
    this.#filters.close();
    this.#commands?.close();
  }

  #handle(message: ClientMessage): void {
    switch (message.op) {
      case 'hello':
        this.#bad(errorCodes.badMessage, 'hello was said already');
        return;
      case 'refresh':
        this.#admission.refresh(message, (rights) => this.#keep(rights));
        return;
      case 'subscribe':
        this.#answers.run(message.id, () => this.#subscribe(message));
        return;
      case 'unsubscribe':
        this.#answers.run(message.id, () => this.#filters.unsubscribe(message.filters));
        return;
      case 'publish':
        this.#publish(message);
        return;
      case 'serve':
        this.#answers.run(message.id, () => this.#serve(message));
        return;
      case 'command':
        this.#itsCommands().command(message);
        return;
      case 'reply':
        this.#commands?.reply(message);
        return;
      case 'will':
        this.#answers.run(message.id, () => this.#setWill(message));
        return;
      case 'here':
        this.#answers.run(message.id, () => this.#itsPresence().here(message));
        return;
      case 'presence':
        this.#itsPresence().ask(message);
        return;
      case 'bye':
        this.#connection.close(closeCodes.goodbye, 'goodbye');
        return;
      case 'ping':
        this.#answers.send({ op: 'pong', id: message.id });
        return;
      default:
        message satisfies never;
    }
  }

  #enter(grant: Grant, message: Request<'hello'>): void {
    this.#publisher = publisherOf(grant, message.publisher);
    if (message.client) this.#presence = this.#presenceOf(message);
    const { serverName, limits } = this.#services;
    this.#answers.send({ op: 'welcome', server: serverName, session: this.#id, maxMessageBytes: limits.messageBytes });
  }

  async #subscribe({ filters, ...wishes }: Request<'subscribe'>): Promise<Answer> {
    if (filters.some(isReserved)) throw new RequestError(errorCodes.badFilter, 'filters must not begin with $');
    this.#admission.mustAllow('subscribe', filters);
    const begun = await this.#filters.subscribe(filters, wishes);
    // A refresh may have taken the right away meanwhile.
    const lost = filters.filter((filter) => !this.#admission.rights.may('subscribe', filter));
    if (lost.length === 0) return begun;
    await this.#filters.unsubscribe(lost);
    throw new RequestError(errorCodes.forbidden, refusalOf('subscribe', lost[0]!));
  }

  #publishRate(): PublishRate {
    const { publishes } = this.#services.limits;
    this.#rate ??= new PublishRate(publishes, (reading) => this.#connection.setReading(reading));
    return this.#rate;
  }

  #publisherOfRecords(): BinaryPublisher {
    const rate = this.#publishRate();
    return new BinaryPublisher(
      {
        topicPublisher: (topic) => topicPublisher(this.#services.broker, topic),
        count: () => rate.count(),
        begin: (accepting) => this.#answers.begin(accepting),
        mayPublish: (topic) => this.#admission.rights.may('publish', topic),
        refusal,
        send: (bytes) => this.#connection.send(bytes),
      },
      this.#publisher,
      this.#services.limits.publishedTopics,
      this.#order,
    );
  }

  #publish({ topic, data, id, seq, retain }: Request<'publish'>): void {
    this.#publishRate().count();
    if (isReserved(topic)) {
      this.#answers.fail(id, errorCodes.badTopic, 'topics must not begin with $');
      return;
    }
    if (!this.#admission.rights.may('publish', topic)) {
      this.#answers.fail(id, errorCodes.forbidden, refusalOf('publish', topic));
      return;
    }
    if (seq !== undefined && this.#publisher === undefined) {
      this.#answers.fail(id, errorCodes.badMessage, '"seq" needs a "publisher" in hello');
      return;
    }
    const missing = seq === undefined ? undefined : this.#order.missing(seq);
    if (missing !== undefined) {
      this.#answers.fail(id, errorCodes.overloaded, outOfOrder(missing));
      return;
    }
    const options: PublishOptions = {
      json: data,
      ...(retain ? { retain } : {}),
      ...(seq === undefined ? {} : { dedupe: { publisher: this.#publisher!, seq } }),
    };
    const accepting = this.#services.broker.publish(topic, jsonPayload(data, retain), options);
    if (seq !== undefined) this.#order.follow(seq, accepting);
    this.#answers.run(id, () => accepting);
  }

  async #serve({ probes }: Request<'serve'>): Promise<void> {
    await this.#itsCommands().serve(probes);
    // Probes are served whether others can see by whom or not.
    await this.#presence?.serves().catch(() => {});
  }

  async #setWill({ messages, add = false }: Request<'will'>): Promise<void> {
    const topics = messages.map(({ topic }) => topic);
    if (topics.some(isReserved)) throw new RequestError(errorCodes.badTopic, 'topics must not begin with $');
    this.#admission.mustAllow('publish', topics);
    // What was published says that the client is dead: it must say anew that it lives.
    const onLost = () => this.#connection.close(closeCodes.gap, 'other servers took this one for dead: connect again');
    this.#will ??= this.#services.wills.of(this.#id, this.#publisher, onLost);
    await this.#will.set(messages, add);
  }

  #itsPresence(): SessionPresence {
    this.#presence ??= this.#presenceOf({});
    return this.#presence;
  }

  #presenceOf({ publisher, client }: Pick<Request<'hello'>, 'publisher' | 'client'>): SessionPresence {
    const { subject } = this.#admission;
    const who = { session: this.#id, publisher, uniquePublisher: this.#publisher, subject, client };
    return new SessionPresence(this.#services, this.#answers, this.#admission, this.#publishRate(), who);
  }

  #itsCommands(): SessionCommands {
    const { commands, limits } = this.#services;
    this.#commands ??= new SessionCommands(commands, this.#answers, this.#admission, this.#id, limits.pendingCommands);
    return this.#commands;
  }

  /** What a new token no longer allows ends: subscriptions, topics with numbers, probes served, presence. */
  async #keep(rights: Rights): Promise<void> {
    this.#will?.keep((topic) => rights.may('publish', topic));
    this.#binaryPublisher?.keep((topic) => rights.may('publish', topic));
    await this.#filters.keep((filter) => rights.may('subscribe', filter));
    await this.#presence?.keep((path) => rights.may('presence', path));
    await this.#commands?.keep((probe) => rights.may('serve', probe));
  }

  /** Answers a message that broke the protocol; before `hello`, or too often, it ends the connection. */
  #bad(code: ErrorCode, problem: string, id?: number): void {
    this.#answers.bad(code, problem, id, !this.#admission.isAdmitted);
  }
}

function requestId(message: ClientMessage): number | undefined {
  return 'id' in message ? message.id : undefined;
}
