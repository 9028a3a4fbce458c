/** What one session of `earl.v1.json` and `earl.v1` answers, and how many of its requests are unfinished. */

import { errorMessage } from '../../errors/index.ts';
import { closeCodes, type ErrorCode, errorCodes, type ServerMessage } from '../protocol/index.ts';
import type { Connection } from './connection.ts';
import { frameOf } from './frames.ts';
import type { CloudCounters, ServerLimits } from './options.ts';
import { RequestError } from './request-error.ts';

/** What an `ok` says beyond its id. */
export type Answer = Omit<Extract<ServerMessage, { op: 'ok' }>, 'op' | 'id'>;

export class Answers {
  readonly #connection: Connection;
  readonly #limits: ServerLimits;
  readonly #counters: CloudCounters;
  #operations = 0;
  #badMessages = 0;

  constructor(connection: Connection, limits: ServerLimits, counters: CloudCounters) {
    this.#connection = connection;
    this.#limits = limits;
    this.#counters = counters;
  }

  /** Runs a request and answers it, when it has an id, with `ok` or `error`. */
  run(id: number | undefined, operation: () => Promise<Answer | undefined> | Promise<void> | undefined): void {
    const running = operation();
    if (running === undefined) {
      this.ok(id);
      return;
    }
    this.begin(running.then((answer) => this.ok(id, answer || {})).catch((error) => this.failWith(id, error)));
  }

  /** Counts an operation until it ends; beyond the limit, the client is not read. */
  begin(operation: Promise<unknown>): void {
    const end = () => {
      if (this.#operations === this.#limits.operations) this.#connection.setReading(true);
      this.#operations -= 1;
    };
    this.#operations += 1;
    if (this.#operations === this.#limits.operations) this.#connection.setReading(false);
    operation.then(end, end);
  }

  ok(id: number | undefined, answer: Answer = {}): void {
    if (id !== undefined) this.send({ op: 'ok', id, ...answer });
  }

  failWith(id: number | undefined, error: unknown): void {
    const { code, message } = refusal(error);
    this.fail(id, code, message);
  }

  fail(id: number | undefined, code: ErrorCode, message: string): void {
    this.send({ op: 'error', ...(id === undefined ? {} : { id }), code, message });
  }

  /** Answers a message that broke the protocol; at once (`final`), or too often, it ends the connection. */
  bad(code: ErrorCode, problem: string, id: number | undefined, final: boolean): void {
    this.#counters.badMessages += 1;
    this.#badMessages += 1;
    this.fail(id, code, problem);
    if (final || this.#badMessages >= this.#limits.badMessages) {
      this.#connection.close(closeCodes.badMessage, closeReason(problem));
    }
  }

  send(message: ServerMessage): void {
    this.#connection.send(frameOf(message));
  }
}

/** What the client is told when an operation failed. */
export function refusal(error: unknown): { code: ErrorCode; message: string } {
  return { code: error instanceof RequestError ? error.code : errorCodes.overloaded, message: errorMessage(error) };
}

/** A close reason has at most 123 bytes (RFC 6455, section 5.5); what is cut stands in the `error` before it. */
export function closeReason(problem: string): string {
  let reason = problem;
  while (Buffer.byteLength(reason) > 123) reason = reason.slice(0, -1);
  return reason;
}
