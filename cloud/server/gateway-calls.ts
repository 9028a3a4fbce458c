/**
 * The commands that one gateway's session holds: which probes it serves, what it was asked and has not answered.
 * See command-router.ts for the topics.
 */

import { type Broker, type BrokerMessage, publishJson, type Subscription } from '../broker/index.ts';
import { type CommandObject, type CommandResult, type ErrorCode, errorCodes, type Json } from '../protocol/index.ts';
import type { Book } from './directory-book.ts';

/** A command on its way to a gateway. */
export interface Call {
  readonly call: string;
  /** The server that asked. */
  readonly replyTo: string;
  readonly probe: string;
  readonly command: CommandObject;
  readonly timeoutMs: number;
}

export type Outcome = { readonly result: CommandResult } | { readonly code: ErrorCode; readonly message: string };

interface Held {
  readonly replyTo: string;
  readonly deadline: NodeJS.Timeout;
}

export class GatewayCalls {
  readonly #broker: Broker;
  readonly #served: Book<true>;
  readonly #session: string;
  readonly #send: (call: Call) => void;
  readonly #mostHeld: number;
  readonly #held = new Map<string, Held>();
  #probes = new Set<string>();
  #subscription: Promise<Subscription> | undefined;
  #closed = false;

  constructor(broker: Broker, served: Book<true>, session: string, send: (call: Call) => void, mostHeld: number) {
    this.#broker = broker;
    this.#served = served;
    this.#session = session;
    this.#send = send;
    this.#mostHeld = mostHeld;
  }

  /** Replaces the probes that the session serves; resolves when commands for them find it. */
  async serve(probes: readonly string[]): Promise<void> {
    const left = [...this.#probes].filter((probe) => !probes.includes(probe));
    this.#probes = new Set(probes);
    this.#subscription ??= this.#broker.subscribe(`$call/${this.#session}`, (message) => this.#onCall(message));
    await this.#subscription;
    await Promise.all([
      ...left.map((probe) => this.#served.withdraw(probe, this.#session)),
      ...[...this.#probes].map((probe) => this.#served.announce(probe, this.#session)),
    ]);
    if (this.#closed) await this.#withdraw(probes);
  }

  /** Serves no more than what may be served. */
  async keep(may: (probe: string) => boolean): Promise<void> {
    const kept = [...this.#probes].filter(may);
    if (kept.length < this.#probes.size) await this.serve(kept);
  }

  /** Passes a result on; false when the session does not hold the call, or no longer. */
  reply(call: string, result: CommandResult): boolean {
    return this.#end(call, { result });
  }

  /** The session is over: calls that it held end as `unknown`. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const message = 'the gateway disconnected before it answered: the command may have been executed';
    for (const call of [...this.#held.keys()]) this.#end(call, { result: { status: 'unknown', data: [], message } });
    await this.#withdraw(this.#probes);
    await (await this.#subscription)?.unsubscribe();
  }

  #onCall(message: BrokerMessage): void {
    const call = message.data as unknown as Call;
    if (this.#closed || !this.#probes.has(call.probe)) {
      this.#publishOutcome(call.call, call.replyTo, {
        code: errorCodes.noSuchProbe,
        message: `no gateway serves the probe ${call.probe} any more; the command was not passed on`,
      });
    } else if (this.#held.size >= this.#mostHeld) {
      this.#publishOutcome(call.call, call.replyTo, {
        code: errorCodes.overloaded,
        message: `the gateway of ${call.probe} holds ${this.#mostHeld} commands; this one was not passed on`,
      });
    } else {
      // The client's server tells it of the timeout; here the call is only forgotten.
      const deadline = setTimeout(() => this.#held.delete(call.call), call.timeoutMs);
      this.#held.set(call.call, { replyTo: call.replyTo, deadline });
      this.#send(call);
    }
  }

  #end(call: string, outcome: Outcome): boolean {
    const held = this.#held.get(call);
    if (held === undefined) return false;
    this.#held.delete(call);
    clearTimeout(held.deadline);
    this.#publishOutcome(call, held.replyTo, outcome);
    return true;
  }

  #publishOutcome(call: string, replyTo: string, outcome: Outcome): void {
    // If the broker refuses, the client hears `timeout`: there is no other way to reach it.
    publishJson(this.#broker, `$reply/${replyTo}`, { call, outcome } as unknown as Json).catch(() => {});
  }

  async #withdraw(probes: Iterable<string>): Promise<void> {
    await Promise.all([...probes].map((probe) => this.#served.withdraw(probe, this.#session)));
  }
}
