/**
 * Carries commands to the one gateway that serves a probe, and its results back, through the broker alone: an engine
 * that spans several servers carries them between servers without a change here.
 *
 *     $serve/site/probe/session   retained: the session serves the probe (directory.ts)
 *     $alive/server               a server lives
 *     $call/session               a command for a gateway's session
 *     $reply/server               its result, to the server of the client that asked
 *
 * A command is published once and never repeated, so it is delivered at most once. When the gateway disconnects while
 * it holds a command, nobody can know what became of it and the result says so: status `unknown`.
 */

import { type Broker, type BrokerMessage, publishJson, type Subscription } from '../broker/index.ts';
import { type CommandObject, type CommandResult, errorCodes, type Json } from '../protocol/index.ts';
import type { Directory } from './directory.ts';
import type { Book } from './directory-book.ts';
import { type Call, GatewayCalls, type Outcome } from './gateway-calls.ts';
import { RequestError } from './request-error.ts';

interface Pending {
  readonly resolve: (result: CommandResult) => void;
  readonly reject: (failure: RequestError) => void;
  readonly deadline: NodeJS.Timeout;
}

export class CommandRouter {
  readonly #broker: Broker;
  /** Who serves which probe. */
  readonly served: Book<true>;
  readonly #serverId: string;
  readonly #mostPerGateway: number;
  readonly #pending = new Map<string, Pending>();
  #calls = 0;
  #subscription: Subscription | undefined;

  /** @param serverId unique among the servers that share the broker; one topic level */
  constructor(broker: Broker, directory: Directory, serverId: string, mostPerGateway: number) {
    this.#broker = broker;
    this.served = directory.book('$serve', { keep: () => true });
    this.#serverId = serverId;
    this.#mostPerGateway = mostPerGateway;
  }

  async start(): Promise<void> {
    this.#subscription = await this.#broker.subscribe(`$reply/${this.#serverId}`, (message) => this.#onReply(message));
  }

  async stop(): Promise<void> {
    for (const call of [...this.#pending.keys()]) {
      this.#settle(call, (pending) => pending.reject(new RequestError(errorCodes.overloaded, 'the cloud is closing')));
    }
    await this.#subscription?.unsubscribe();
  }

  /** Sends a command to the newest gateway that serves the probe. Rejects with a `RequestError`. */
  async command(probe: string, command: CommandObject, timeoutMs: number): Promise<CommandResult> {
    const session = this.served.newest(probe)?.session;
    if (session === undefined) {
      throw new RequestError(errorCodes.noSuchProbe, `no gateway serves the probe ${probe}`);
    }
    const call = `${this.#serverId}-${++this.#calls}`;
    const answered = this.#expect(call, probe, timeoutMs);
    const message: Call = { call, replyTo: this.#serverId, probe, command, timeoutMs };
    publishJson(this.#broker, `$call/${session}`, message as unknown as Json).catch((error: unknown) => {
      const failure = new RequestError(errorCodes.overloaded, `the broker did not take the command: ${String(error)}`);
      this.#settle(call, (pending) => pending.reject(failure));
    });
    return answered;
  }

  /** A gateway's side: `send` passes a command on to the client, at most once each. */
  gateway(session: string, send: (call: Call) => void): GatewayCalls {
    return new GatewayCalls(this.#broker, this.served, session, send, this.#mostPerGateway);
  }

  #expect(call: string, probe: string, timeoutMs: number): Promise<CommandResult> {
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => {
        const failure = new RequestError(errorCodes.timeout, `no result from ${probe} within ${timeoutMs} ms`);
        this.#settle(call, (pending) => pending.reject(failure));
      }, timeoutMs);
      this.#pending.set(call, { resolve, reject, deadline });
    });
  }

  /** Ends a pending command; does nothing for one that has ended, such as a result after the timeout. */
  #settle(call: string, end: (pending: Pending) => void): void {
    const pending = this.#pending.get(call);
    if (pending === undefined) return;
    this.#pending.delete(call);
    clearTimeout(pending.deadline);
    end(pending);
  }

  #onReply(message: BrokerMessage): void {
    const { call, outcome } = message.data as unknown as { call: string; outcome: Outcome };
    this.#settle(call, (pending) => {
      if ('result' in outcome) pending.resolve(outcome.result);
      else pending.reject(new RequestError(outcome.code, outcome.message));
    });
  }
}
