/**
 * One client that speaks MQTT 3.1.1 (or 3.1), over TCP or WebSocket (docs/mqtt.md).
 *
 * An MQTT topic is an Earl topic and a payload its bytes, so these clients and those of `earl.v1.json` hear each other.
 * QoS 2 is taken from publishers: once to the broker per packet identifier; to subscribers at most QoS 1 is granted.
 * Numbers in brackets are the specification's. What it leaves out: MQTT 5.
 */

import type { IConnectPacket, IPublishPacket, ISubscribePacket, IUnsubscribePacket, Packet } from 'mqtt-packet';
import { errorMessage } from '../../errors/index.ts';
import { closeCodes, filterProblem, isReserved, topicProblem } from '../protocol/index.ts';
import { closeReason } from './answers.ts';
import { SessionFilters } from './filters.ts';
import { MqttAcks } from './mqtt-acks.ts';
import type { MqttClient, MqttClients, MqttState } from './mqtt-clients.ts';
import { MqttDelivery } from './mqtt-delivery.ts';
import { ackPacket, connackPacket, pingrespPacket, subackPacket } from './mqtt-frames.ts';
import type { MqttLink } from './mqtt-link.ts';
import { connackCodes, MqttProblem, MqttReader } from './mqtt-reader.ts';
import { PublishRate } from './rate.ts';
import type { SessionServices } from './session-services.ts';
import { type Grant, TokenProblem } from './tokens-jwt.ts';
import type { Lease, LeaseEvents } from './tokens-lease.ts';

type Qos = 0 | 1 | 2;
type Will = NonNullable<IConnectPacket['will']>;

const refusedSubscription = 0x80;
/** Topics that the client is remembered to be allowed to publish to. */
const mostAllowed = 1_000;

export class MqttSession implements MqttClient, LeaseEvents {
  readonly #link: MqttLink;
  readonly #services: SessionServices;
  readonly #clients: MqttClients;
  readonly #shown: Grant | undefined;
  readonly #reader: MqttReader;
  readonly #filters: SessionFilters;
  readonly #delivery: MqttDelivery;
  readonly #acks: MqttAcks;
  readonly #connectDeadline: NodeJS.Timeout;
  readonly #allowed = new Set<string>();
  #lease: Lease | undefined;
  readonly #rate: PublishRate;
  #clientId: string | undefined;
  #persistent = false;
  #will: Will | undefined;
  #received: MqttState['received'] = new Map();
  /** What is remembered, while it is not known yet whether it still holds. */
  #resuming: MqttState | undefined;
  #silence: NodeJS.Timeout | undefined;
  /** What came while the token was checked or the session resumed: no more than had been read already. */
  #waiting: Packet[] | undefined;
  #connected = false;
  #operations = 0;
  #ended = false;

  /** @param shown what the token of the WebSocket handshake gave */
  constructor(link: MqttLink, services: SessionServices, clients: MqttClients, shown: Grant | undefined) {
    this.#link = link;
    this.#services = services;
    this.#clients = clients;
    this.#shown = shown;
    const { broker, limits } = services;
    this.#rate = new PublishRate(limits.publishes, (reading) => link.setReading(reading));
    this.#reader = new MqttReader(limits.messageBytes, (packet) => this.#take(packet));
    this.#delivery = new MqttDelivery(link, limits, () => {
      if (this.#ended) return;
      services.counters.slowConsumers += 1;
      this.#end(closeCodes.slowConsumer, 'too slow: messages piled up; subscribe to less');
    });
    this.#filters = new SessionFilters(broker, limits, this.#delivery, (reason) =>
      this.#end(closeCodes.gap, `resume: ${reason}`),
    );
    this.#acks = new MqttAcks(
      (packet) => link.send(packet),
      () => this.#end(1011, 'the broker did not take a message'),
    );
    this.#connectDeadline = setTimeout(
      () => this.#end(closeCodes.badMessage, 'no CONNECT in time'),
      limits.helloTimeoutMs,
    );
  }

  onBytes(bytes: Buffer): void {
    if (this.#ended) return;
    try {
      this.#reader.push(bytes);
    } catch (error) {
      if (!(error instanceof MqttProblem)) throw error;
      if (error.returnCode !== undefined && !this.#connected) this.#link.send(connackPacket(error.returnCode));
      this.bad(error.message);
    }
  }

  /** Ends a connection that broke the protocol [MQTT-4.8.0-1]. */
  bad(problem: string): void {
    if (this.#ended) return;
    this.#services.counters.badMessages += 1;
    this.#end(closeCodes.badMessage, problem);
  }

  onClose(): void {
    this.#leave();
  }

  takeOver(): void {
    this.#end(closeCodes.goodbye, 'another connection has this client identifier now');
  }

  /** MQTT 3.1.1 has no message for it. */
  onExpiring(): void {}

  onGrantEnd(problem: TokenProblem): void {
    this.#end(problem.expired ? closeCodes.tokenExpired : closeCodes.unauthorized, problem.message);
  }

  #take(packet: Packet): void {
    if (this.#ended) return;
    this.#silence?.refresh();
    this.#link.count();
    this.#dispatch(packet);
  }

  #dispatch(packet: Packet): void {
    if (this.#ended) return;
    if (this.#waiting) this.#waiting.push(packet);
    else if (this.#connected) this.#handle(packet);
    else if (packet.cmd === 'connect') this.#connect(packet);
    else this.bad('the first packet must be CONNECT');
  }

  #handle(packet: Packet): void {
    switch (packet.cmd) {
      case 'publish':
        this.#publish(packet);
        return;
      case 'pubrel':
        this.#received.delete(packet.messageId!);
        this.#link.send(ackPacket('pubcomp', packet.messageId!));
        return;
      case 'puback':
        this.#delivery.acknowledge(packet.messageId!);
        return;
      case 'subscribe':
        this.#begin(this.#subscribe(packet));
        return;
      case 'unsubscribe':
        this.#begin(this.#unsubscribe(packet));
        return;
      case 'pingreq':
        this.#link.send(pingrespPacket);
        return;
      case 'disconnect':
        this.#will = undefined;
        this.#end(closeCodes.goodbye, '');
        return;
      default:
        this.bad(`a client must not send ${packet.cmd} here`);
    }
  }

  #connect(packet: IConnectPacket): void {
    clearTimeout(this.#connectDeadline);
    const { protocolVersion, clientId, clean, will, password } = packet;
    if (protocolVersion === 5 || 'bridgeMode' in packet) {
      this.#refuse(connackCodes.badVersion, 'MQTT 3.1.1 is spoken here');
    } else if (clientId === '' && !clean) {
      this.#refuse(connackCodes.badIdentifier, 'a session that is kept needs a client identifier');
    } else if (will && topicProblemOf(will.topic) !== undefined) {
      this.#refuse(connackCodes.notAuthorized, `the will: ${topicProblemOf(will.topic)}`);
    } else {
      try {
        const grant = this.#shown ?? this.#services.gate.admit(password && Buffer.from(password).toString('utf8'));
        if (grant instanceof Promise) this.#wait(grant.then((granted) => this.#enter(granted, packet)));
        else this.#enter(grant, packet);
      } catch (error) {
        this.#refuseToken(error);
      }
    }
  }

  #refuse(returnCode: number, problem: string): void {
    this.#link.send(connackPacket(returnCode));
    this.#end(closeCodes.unauthorized, problem);
  }

  #refuseToken(error: unknown): void {
    if (!(error instanceof TokenProblem)) throw error;
    this.#refuse(connackCodes.badPassword, error.message);
  }

  /** Nothing else of the client is looked at until then. */
  #wait(ready: Promise<unknown>): void {
    if (this.#waiting === undefined) {
      this.#waiting = [];
      this.#link.setReading(false);
    }
    ready
      .catch((error: unknown) => {
        if (error instanceof TokenProblem) this.#refuseToken(error);
        else this.#end(1011, errorMessage(error));
      })
      .then(() => this.#goOn());
  }

  #goOn(): void {
    // Entering may have begun to resume.
    if (this.#resuming || this.#ended || this.#waiting === undefined) return;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#link.setReading(true);
    for (const packet of waiting) this.#dispatch(packet);
  }

  #enter(grant: Grant, { clientId, clean, will, keepalive = 0 }: IConnectPacket): void {
    if (this.#ended) return;
    if (will && !grant.rights.may('publish', will.topic)) {
      this.#refuse(connackCodes.notAuthorized, 'the token does not allow to publish the will');
      return;
    }
    this.#lease = this.#services.gate.lease(grant, this.#services.limits.expiryWarningMs, this);
    this.#watchSilence(keepalive);
    // Bearers of different tokens do not reach each other's sessions.
    this.#clientId = clientId === '' ? undefined : JSON.stringify([grant.subject ?? null, clientId]);
    this.#persistent = !clean;
    const earlier = this.#clientId === undefined ? undefined : this.#clients.enter(this.#clientId, this);
    this.#will = will;
    if (clean || earlier === undefined) {
      this.#welcome(false);
      return;
    }
    this.#resuming = earlier;
    this.#wait(this.#resume(earlier));
  }

  #welcome(sessionPresent: boolean): void {
    this.#resuming = undefined;
    this.#connected = true;
    this.#link.send(connackPacket(connackCodes.accepted, sessionPresent));
    this.#delivery.open();
  }

  /** Without everything that was published meanwhile the session is another one, and the client is told so. */
  async #resume(state: MqttState): Promise<void> {
    const isAllowed = [...state.filters.keys()].every((filter) => this.#may('subscribe', filter));
    const isComplete = isAllowed && (await this.#resubscribe(state));
    if (this.#ended) return;
    if (isComplete) {
      this.#received = state.received;
    } else {
      await this.#filters.unsubscribe([...state.filters.keys()]);
      this.#delivery.reset();
    }
    if (!this.#ended) this.#welcome(isComplete);
  }

  async #resubscribe(state: MqttState): Promise<boolean> {
    this.#delivery.resume(state);
    const filters = [...state.filters.keys()];
    if (filters.length === 0) return true;
    if (state.since === undefined) return false;
    const { recovered } = await this.#filters.subscribe(filters, { since: state.since });
    if (recovered && state.owesRetained) await this.#filters.subscribe(filters);
    return recovered === true;
  }

  #publish({ topic, payload, qos, retain, messageId }: IPublishPacket): void {
    const problem = this.#publishProblem(topic);
    if (problem !== undefined) {
      // There is no way to refuse a message and go on [MQTT-3.3.5-2].
      this.bad(problem);
      return;
    }
    this.#rate.count();
    const bytes = payload as Buffer;
    if (qos === 2) {
      this.#publishOnce(messageId!, () => this.#services.broker.publish(topic, bytes, { retain }));
      return;
    }
    const accepting = this.#services.broker.publish(topic, bytes, { retain });
    if (accepting) this.#begin(accepting);
    if (qos === 1) this.#acks.push(ackPacket('puback', messageId!), accepting);
    else accepting?.catch(() => this.#end(1011, 'the broker did not take a message'));
  }

  /** A packet identifier means the same message until it is released [MQTT-4.3.3-2]. */
  #publishOnce(id: number, publish: () => Promise<void> | undefined): void {
    if (!this.#received.has(id)) {
      if (this.#received.size >= this.#services.limits.mqttUnreleased) {
        this.bad(`${this.#received.size} messages of QoS 2 wait for their PUBREL`);
        return;
      }
      const received = this.#received;
      const accepting = publish();
      received.set(id, accepting);
      accepting?.then(
        () => received.has(id) && received.set(id, undefined),
        () => received.delete(id),
      );
      if (accepting) this.#begin(accepting);
    }
    this.#acks.push(ackPacket('pubrec', id), this.#received.get(id));
  }

  #publishProblem(topic: string): string | undefined {
    if (this.#allowed.has(topic)) return undefined;
    const problem = topicProblemOf(topic);
    if (problem !== undefined) return problem;
    if (!this.#may('publish', topic)) return 'the token does not allow to publish there';
    if (this.#allowed.size >= mostAllowed) this.#allowed.clear();
    this.#allowed.add(topic);
    return undefined;
  }

  async #subscribe({ messageId, subscriptions }: ISubscribePacket): Promise<void> {
    const granted = await Promise.all(subscriptions.map(({ topic, qos }) => this.#subscribeTo(topic, qos)));
    this.#link.send(subackPacket(messageId!, granted));
  }

  /** The QoS that is granted. */
  async #subscribeTo(filter: string, wished: Qos): Promise<number> {
    if (isReserved(filter) || filterProblem(filter) !== undefined || !this.#may('subscribe', filter)) {
      return refusedSubscription;
    }
    const qos = wished === 0 ? 0 : 1;
    const earlier = this.#delivery.filters.get(filter);
    this.#delivery.addFilter(filter, qos);
    try {
      const { position } = await this.#filters.subscribe([filter]);
      this.#delivery.begin(filter, position);
      return qos;
    } catch {
      if (earlier === undefined) this.#delivery.deleteFilter(filter);
      return refusedSubscription;
    }
  }

  async #unsubscribe({ messageId, unsubscriptions }: IUnsubscribePacket): Promise<void> {
    for (const filter of unsubscriptions) this.#delivery.deleteFilter(filter);
    await this.#filters.unsubscribe(unsubscriptions);
    this.#link.send(ackPacket('unsuback', messageId!));
  }

  #may(action: 'publish' | 'subscribe', path: string): boolean {
    return this.#lease?.grant.rights.may(action, path) ?? false;
  }

  /** Counts an operation until it ends; beyond the limit, the client is not read. */
  #begin(operation: Promise<unknown>): void {
    const end = () => {
      if (this.#operations === this.#services.limits.operations) this.#link.setReading(true);
      this.#operations -= 1;
    };
    this.#operations += 1;
    if (this.#operations === this.#services.limits.operations) this.#link.setReading(false);
    operation.then(end, end);
  }

  /** A client that says nothing for one and a half times its keep-alive is gone [MQTT-3.1.2-24]. */
  #watchSilence(keepaliveSeconds: number): void {
    if (keepaliveSeconds === 0) return;
    this.#silence = setTimeout(() => {
      // Perhaps it speaks and is not read.
      if (this.#waiting || this.#operations >= this.#services.limits.operations) this.#silence?.refresh();
      else this.#end(closeCodes.keepalive, 'nothing came within one and a half times the keep-alive');
    }, keepaliveSeconds * 1_500);
    this.#silence.unref();
  }

  #end(code: number, reason: string): void {
    if (this.#ended) return;
    this.#leave();
    this.#link.close(code, closeReason(reason));
  }

  /** What is due however the connection ends: the session is remembered or forgotten, the will published. */
  #leave(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#connectDeadline);
    clearTimeout(this.#silence);
    this.#lease?.close();
    this.#rate.close();
    this.#acks.close();
    this.#filters.close();
    this.#delivery.close();
    if (this.#clientId !== undefined) this.#clients.leave(this.#clientId, this, this.#remembered());
    if (this.#will) {
      const { topic, payload, retain = false } = this.#will;
      this.#services.broker.publish(topic, payload as Buffer, { retain })?.catch(() => {});
    }
  }

  #remembered(): MqttState | undefined {
    if (!this.#persistent) return undefined;
    return this.#resuming ?? { ...this.#delivery.state(), received: this.#received };
  }
}

function topicProblemOf(topic: string): string | undefined {
  return isReserved(topic) ? 'topics must not begin with $' : topicProblem(topic);
}
