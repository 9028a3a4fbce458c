/**
 * One client that speaks MQTT 3.1.1 (or 3.1), over TCP or WebSocket (docs/mqtt.md).
 *
 * An MQTT topic is an Earl topic and a payload its bytes, so these clients and those of `earl.v1.json` hear each other.
 * QoS 2 is taken from publishers; to subscribers at most QoS 1 is granted. Numbers in brackets are the specification's.
 * What it leaves out: MQTT 5.
 */

import type { IConnectPacket, Packet } from 'mqtt-packet';
import { errorMessage } from '../../errors/index.ts';
import { closeCodes } from '../protocol/index.ts';
import { closeReason } from './answers.ts';
import type { Kept, MqttClient, MqttClients } from './mqtt-clients.ts';
import { connectProblem } from './mqtt-connect.ts';
import { connackPacket, pingrespPacket } from './mqtt-frames.ts';
import type { MqttLink } from './mqtt-link.ts';
import { MqttPublisher } from './mqtt-publisher.ts';
import { connackCodes, MqttProblem, MqttReader } from './mqtt-reader.ts';
import type { MqttState } from './mqtt-record.ts';
import { MqttSilence } from './mqtt-silence.ts';
import { MqttSubscriber } from './mqtt-subscriber.ts';
import { OpenOperations } from './open-operations.ts';
import { PublishRate } from './rate.ts';
import type { SessionServices } from './session-services.ts';
import { type Grant, TokenProblem } from './tokens-jwt.ts';
import type { Lease, LeaseEvents } from './tokens-lease.ts';
import type { Will } from './will.ts';

/** RFC 6455, section 7.4.1. */
const internalError = 1011;

export class MqttSession implements MqttClient, LeaseEvents {
  readonly #link: MqttLink;
  readonly #services: SessionServices;
  readonly #clients: MqttClients;
  readonly #shown: Grant | undefined;
  readonly #reader: MqttReader;
  readonly #publisher: MqttPublisher;
  readonly #subscriber: MqttSubscriber;
  readonly #rate: PublishRate;
  readonly #operations: OpenOperations;
  readonly #silence: MqttSilence;
  readonly #connectDeadline: NodeJS.Timeout;
  #lease: Lease | undefined;
  #clientId: string | undefined;
  #will: Will | undefined;
  /** What was kept, while it is not known yet whether it still holds. */
  #resuming: MqttState | undefined;
  /** What came while the client was being let in: no more than had been read already. */
  #waiting: (Packet | MqttProblem)[] | undefined;
  #isBroken = false;
  #connected = false;
  #ended = false;

  /** @param shown what the token of the WebSocket handshake gave */
  constructor(link: MqttLink, services: SessionServices, clients: MqttClients, shown: Grant | undefined) {
    this.#link = link;
    this.#services = services;
    this.#clients = clients;
    this.#shown = shown;
    const { limits } = services;
    this.#rate = new PublishRate(limits.publishes, (reading) => link.setReading(reading));
    this.#operations = new OpenOperations(limits.operations, (reading) => link.setReading(reading));
    this.#silence = new MqttSilence(
      () => this.#waiting === undefined && !this.#operations.isFull,
      () => this.#end(closeCodes.keepalive, 'nothing came within one and a half times the keep-alive'),
    );
    this.#reader = new MqttReader(limits.messageBytes, (packet) => this.#take(packet));
    this.#publisher = new MqttPublisher(services, {
      send: (packet) => link.send(packet),
      may: (topic) => this.#may('publish', topic),
      begin: (operation) => this.#operations.begin(operation),
      bad: (problem) => this.bad(problem),
      onRefused: () => this.#end(internalError, 'the broker did not take a message'),
    });
    this.#subscriber = new MqttSubscriber(link, services, {
      may: (filter) => this.#may('subscribe', filter),
      save: () => this.#save(),
      onOverflow: () => {
        if (!this.#ended) services.counters.slowConsumers += 1;
        this.#end(closeCodes.slowConsumer, 'too slow: messages piled up; subscribe to less');
      },
      onGap: (reason) => this.#end(closeCodes.gap, `resume: ${reason}`),
    });
    this.#connectDeadline = setTimeout(
      () => this.#end(closeCodes.badMessage, 'no CONNECT in time'),
      limits.helloTimeoutMs,
    );
  }

  /** Bytes of messages that wait for acknowledgements of earlier ones. */
  get waitingBytes(): number {
    return this.#subscriber.delivery.waitingBytes;
  }

  onBytes(bytes: Buffer): void {
    if (this.#ended || this.#isBroken) return;
    try {
      this.#reader.push(bytes);
    } catch (error) {
      if (!(error instanceof MqttProblem)) throw error;
      this.#isBroken = true;
      if (this.#waiting) this.#waiting.push(error);
      else this.#break(error);
    }
  }

  #break({ message, returnCode }: MqttProblem): void {
    if (returnCode !== undefined && !this.#connected) this.#link.send(connackPacket(returnCode));
    this.bad(message);
  }

  /** Ends a connection that broke the protocol [MQTT-4.8.0-1]. */
  bad(problem: string): void {
    if (this.#ended) return;
    this.#services.counters.badMessages += 1;
    this.#end(closeCodes.badMessage, problem);
  }

  /** What is due however the connection ends: the session is kept or forgotten, the will published. */
  onClose(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#connectDeadline);
    this.#silence.close();
    this.#lease?.close();
    this.#rate.close();
    this.#publisher.close();
    this.#subscriber.close();
    if (this.#clientId !== undefined) {
      this.#clients.leave(this.#clientId, this, this.#connected ? this.keepsake() : this.#resuming);
    }
    this.#will?.endAtOnce().catch(() => {});
  }

  takeOver(): void {
    this.#end(closeCodes.goodbye, 'another connection has this client identifier now');
  }

  keepsake(): MqttState {
    return this.#resuming ?? { ...this.#subscriber.delivery.state(), received: this.#publisher.received };
  }

  /** MQTT 3.1.1 has no message for it. */
  onExpiring(): void {}

  onGrantEnd(problem: TokenProblem): void {
    this.#end(problem.expired ? closeCodes.tokenExpired : closeCodes.unauthorized, problem.message);
  }

  #take(packet: Packet): void {
    if (this.#ended) return;
    this.#silence.heard();
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
        this.#rate.count();
        this.#publisher.publish(packet);
        return;
      case 'pubrel':
        this.#publisher.release(packet.messageId!);
        return;
      case 'puback':
        this.#subscriber.delivery.acknowledge(packet.messageId!);
        return;
      case 'subscribe':
        this.#operations.begin(this.#subscriber.subscribe(packet));
        return;
      case 'unsubscribe':
        this.#operations.begin(this.#subscriber.unsubscribe(packet));
        return;
      case 'pingreq':
        this.#link.send(pingrespPacket);
        return;
      case 'disconnect':
        this.#will?.end('goodbye');
        this.#will = undefined;
        this.#end(closeCodes.goodbye, '');
        return;
      default:
        this.bad(`a client must not send ${packet.cmd} here`);
    }
  }

  #connect(packet: IConnectPacket): void {
    clearTimeout(this.#connectDeadline);
    const refused = connectProblem(packet);
    if (refused) {
      this.#refuse(refused.returnCode, refused.problem);
      return;
    }
    try {
      const grant = this.#shown ?? this.#services.gate.admit(packet.password && String(packet.password));
      if (grant instanceof Promise) this.#wait(grant.then((granted) => this.#enter(granted, packet)));
      else this.#wait(this.#enter(grant, packet));
    } catch (error) {
      this.#refuseToken(error);
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

  /** Nothing else of the client is looked at until it has been let in. */
  #wait(entering: Promise<void>): void {
    this.#waiting = [];
    this.#link.setReading(false);
    entering
      .catch((error: unknown) => {
        if (error instanceof TokenProblem) this.#refuseToken(error);
        else this.#end(internalError, errorMessage(error));
      })
      .then(() => {
        const waiting = this.#waiting!;
        this.#waiting = undefined;
        this.#link.setReading(true);
        for (const one of waiting) {
          if (one instanceof MqttProblem) this.#break(one);
          else this.#dispatch(one);
        }
      });
  }

  async #enter(grant: Grant, { clientId, clean, will, keepalive = 0 }: IConnectPacket): Promise<void> {
    if (this.#ended) return;
    if (will && !grant.rights.may('publish', will.topic)) {
      this.#refuse(connackCodes.notAuthorized, 'the token does not allow to publish the will');
      return;
    }
    this.#lease = this.#services.gate.lease(grant, this.#services.limits.expiryWarningMs, this);
    this.#silence.watch(keepalive);
    // Bearers of different tokens do not reach each other's sessions.
    if (clientId !== '') this.#clientId = JSON.stringify([grant.subject ?? null, clientId]);
    const kept = this.#clientId && (await this.#clients.enter(this.#clientId, this, !clean));
    if (will && !this.#ended) await this.#keepWill(will);
    if (!this.#ended) this.#welcome(kept ? await this.#resume(kept) : false);
  }

  /** So that it is published though the server may be killed. */
  #keepWill({ topic, payload, retain = false }: NonNullable<IConnectPacket['will']>): Promise<void> {
    const name = this.#clientId && `mqtt ${this.#clientId}`;
    const onLost = () => this.#end(closeCodes.gap, 'other servers took this one for dead: connect again');
    this.#will = this.#services.wills.of(this.#services.newSession(), name, onLost);
    const data = (payload as Buffer).toString('base64');
    return this.#will.set([{ topic, data, encoding: 'base64', retain }], false);
  }

  async #resume(kept: Kept): Promise<boolean> {
    this.#resuming = kept.state;
    const isComplete = await this.#subscriber.resume(kept);
    if (this.#ended) return false;
    this.#resuming = undefined;
    if (isComplete) this.#publisher.resume(kept.state.received);
    // What the client is told to be gone must not come back.
    else await this.#save();
    return isComplete;
  }

  #welcome(sessionPresent: boolean): void {
    if (this.#ended) return;
    this.#connected = true;
    this.#link.send(connackPacket(connackCodes.accepted, sessionPresent));
    this.#subscriber.delivery.open();
  }

  async #save(): Promise<void> {
    const saving = this.#clientId && this.#clients.save(this.#clientId, this);
    if (saving) await saving.catch(() => this.#end(internalError, 'the broker did not keep the session'));
  }

  #may(action: 'publish' | 'subscribe', path: string): boolean {
    return this.#lease?.grant.rights.may(action, path) ?? false;
  }

  #end(code: number, reason: string): void {
    if (this.#ended) return;
    this.onClose();
    this.#link.close(code, closeReason(reason));
  }
}
