/**
 * One client of the thesis, subprotocol `echo-protocol` (Karadogan, KTH 2013, section 2.5.1, and its load script).
 *
 *     subscriber sends  {"type":"client","object":["subject1"]}
 *     publisher sends   {"type":"publisher","object":"subject1","published":N}
 *     subscriber gets   {"channel":"subject1","message":N}
 *
 * The thesis prints the publisher's field as `subject`, its script sends `object`: both are taken. A subject is a topic,
 * so these clients and those of `earl.v1.json` hear each other. There are no acknowledgements, no errors and no
 * wildcards; a message that is none of the above ends the connection with 4000 and a reason.
 */

import { jsonPayload, type Subscription } from '../broker/index.ts';
import { closeCodes, isReserved, type Json, jsonProblem, topicProblem } from '../protocol/index.ts';
import { closeReason } from './answers.ts';
import type { Connection, ConnectionHandlers } from './connection.ts';
import { PublishRate } from './rate.ts';
import type { SessionServices } from './session-services.ts';
import type { Grant, TokenProblem } from './tokens-jwt.ts';
import type { Lease, LeaseEvents } from './tokens-lease.ts';

export class EchoSession implements ConnectionHandlers, LeaseEvents {
  readonly #connection: Connection;
  readonly #services: SessionServices;
  readonly #lease: Lease;
  readonly #rate: PublishRate;
  readonly #subscriptions = new Map<string, Promise<Subscription>>();
  #operations = 0;

  constructor(connection: Connection, services: SessionServices, grant: Grant) {
    this.#connection = connection;
    this.#services = services;
    this.#rate = new PublishRate(services.limits.publishes, (reading) => connection.setReading(reading));
    this.#lease = services.gate.lease(grant, services.limits.expiryWarningMs, this);
  }

  onText(text: string): void {
    let message: Json;
    try {
      message = JSON.parse(text) as Json;
    } catch {
      this.#bad('the message is not JSON');
      return;
    }
    if (typeof message !== 'object' || message === null || Array.isArray(message)) {
      this.#bad('the message is not a JSON object');
    } else if (message.type === 'client') {
      this.#subscribe(message.object);
    } else if (message.type === 'publisher') {
      this.#publish(message.object ?? message.subject, message.published);
    } else {
      this.#bad('"type" must be "client" or "publisher"');
    }
  }

  onBinary(): void {
    this.#bad('messages must be text, not binary');
  }

  /** These clients cannot be warned. */
  onExpiring(): void {}

  onGrantEnd(problem: TokenProblem): void {
    const code = problem.expired ? closeCodes.tokenExpired : closeCodes.unauthorized;
    this.#connection.close(code, closeReason(problem.message));
  }

  onClose(): void {
    this.#lease.close();
    this.#rate.close();
    for (const subscription of this.#subscriptions.values()) {
      subscription.then((begun) => begun.unsubscribe()).catch(() => {});
    }
    this.#subscriptions.clear();
  }

  #subscribe(subjects: Json | undefined): void {
    if (!Array.isArray(subjects)) {
      this.#bad('"object" of a client must be an array of subjects');
      return;
    }
    for (const subject of subjects) {
      const problem = subjectProblem(subject) ?? this.#forbidden('subscribe', subject);
      if (problem !== undefined) {
        this.#bad(problem);
        return;
      }
      this.#subscribeTo(subject as string);
    }
  }

  #subscribeTo(subject: string): void {
    if (this.#subscriptions.has(subject)) return;
    if (this.#subscriptions.size >= this.#services.limits.subscriptions) {
      this.#bad(`a client may have ${this.#services.limits.subscriptions} subjects`);
      return;
    }
    const { broker, frames } = this.#services;
    const begun = broker.subscribe(subject, (message) => {
      this.#connection.send(frames.echo(message), message.retained);
    });
    this.#subscriptions.set(subject, begun);
    this.#run(begun);
  }

  #publish(subject: Json | undefined, published: Json | undefined): void {
    const problem =
      subjectProblem(subject) ?? this.#forbidden('publish', subject) ?? jsonProblem('published', published);
    if (problem !== undefined) {
      this.#bad(problem);
      return;
    }
    this.#rate.count();
    const json = published as Json;
    this.#run(this.#services.broker.publish(subject as string, jsonPayload(json), { json }));
  }

  /** Stops reading while the broker has too much to accept; a broker that refuses ends the connection. */
  #run(operation: Promise<unknown> | undefined): void {
    if (operation === undefined) return;
    this.#operations += 1;
    if (this.#operations === this.#services.limits.operations) this.#connection.setReading(false);
    operation
      .catch(() => this.#connection.close(1011, 'the broker did not take the message'))
      .finally(() => {
        if (this.#operations === this.#services.limits.operations) this.#connection.setReading(true);
        this.#operations -= 1;
      });
  }

  #forbidden(action: 'subscribe' | 'publish', subject: Json | undefined): string | undefined {
    if (this.#lease.grant.rights.may(action, subject as string)) return undefined;
    return `the token does not allow to ${action} there`;
  }

  #bad(problem: string): void {
    this.#services.counters.badMessages += 1;
    this.#connection.close(closeCodes.badMessage, closeReason(problem));
  }
}

function subjectProblem(subject: Json | undefined): string | undefined {
  if (typeof subject !== 'string') return 'a subject must be a string';
  if (isReserved(subject)) return 'a subject must not begin with $';
  return topicProblem(subject)?.replace('the topic', 'a subject');
}
