/**
 * How a session of `earl.v1.json` and `earl.v1` is let in: `hello` in time, with a token where one is needed, which may
 * be exchanged for another later (`refresh`) and ends the session when it expires or its key is withdrawn.
 */

import { type ClientMessage, closeCodes, errorCodes } from '../protocol/index.ts';
import { type Answers, closeReason } from './answers.ts';
import type { Connection } from './connection.ts';
import { RequestError } from './request-error.ts';
import { type Action, allRights, type Rights } from './rights.ts';
import type { TokenGate } from './tokens.ts';
import { type Grant, TokenProblem } from './tokens-jwt.ts';
import type { Lease, LeaseEvents } from './tokens-lease.ts';

type Hello = Extract<ClientMessage, { op: 'hello' }>;
type Refresh = Extract<ClientMessage, { op: 'refresh' }>;

export interface AdmissionLimits {
  readonly helloTimeoutMs: number;
  readonly expiryWarningMs: number;
}

export class Admission implements LeaseEvents {
  readonly #connection: Connection;
  readonly #answers: Answers;
  readonly #gate: TokenGate;
  readonly #limits: AdmissionLimits;
  readonly #shown: Grant | undefined;
  readonly #onAdmitted: (grant: Grant, hello: Hello) => void;
  #deadline: NodeJS.Timeout | undefined;
  /** What came while the token of `hello` was checked: no more than had been read already. */
  #waiting: (() => void)[] | undefined;
  #lease: Lease | undefined;

  /**
   * @param shown what the token of the handshake gave
   * @param onAdmitted called once, before anything else of the client is looked at
   */
  constructor(
    connection: Connection,
    answers: Answers,
    { gate, limits }: { readonly gate: TokenGate; readonly limits: AdmissionLimits },
    shown: Grant | undefined,
    onAdmitted: (grant: Grant, hello: Hello) => void,
  ) {
    this.#connection = connection;
    this.#answers = answers;
    this.#gate = gate;
    this.#limits = limits;
    this.#shown = shown;
    this.#onAdmitted = onAdmitted;
    this.#deadline = setTimeout(
      () => connection.close(closeCodes.badMessage, 'no hello in time'),
      limits.helloTimeoutMs,
    );
  }

  get isAdmitted(): boolean {
    return this.#lease !== undefined;
  }

  /** The token is being checked: what comes is held. */
  get isDeciding(): boolean {
    return this.#waiting !== undefined;
  }

  get rights(): Rights {
    return this.#lease?.grant.rights ?? allRights;
  }

  get subject(): string | undefined {
    return this.#lease?.grant.subject;
  }

  /** Keeps what came while the token is checked, until it has been. */
  hold(take: () => void): void {
    this.#waiting!.push(take);
  }

  /** Throws a `RequestError` for the first path at which the client may not do so. */
  mustAllow(action: Action, paths: readonly string[]): void {
    const refused = paths.find((path) => !this.rights.may(action, path));
    if (refused !== undefined) throw new RequestError(errorCodes.forbidden, refusalOf(action, refused));
  }

  hello(message: Hello): void {
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
    try {
      const grant = this.#shown ?? this.#gate.admit(message.token);
      if (grant instanceof Promise) this.#await(grant, message);
      else this.#enter(grant, message);
    } catch (error) {
      this.#refuse(error);
    }
  }

  /** Goes on with another token, and answers. @param renewed ends what its rights do not allow */
  refresh({ id, token }: Refresh, renewed: (rights: Rights) => Promise<void>): void {
    const renewing = this.#renew(token, renewed).then(
      () => this.#answers.ok(id),
      (error: unknown) => {
        // Counted as bad, so that nobody tries one token after the other.
        if (error instanceof TokenProblem) this.#answers.bad(errorCodes.unauthorized, error.message, id, false);
        else this.#answers.failWith(id, error);
      },
    );
    this.#answers.begin(renewing);
  }

  close(): void {
    clearTimeout(this.#deadline);
    this.#lease?.close();
  }

  onGrantEnd(problem: TokenProblem): void {
    const code = problem.expired ? closeCodes.tokenExpired : closeCodes.unauthorized;
    this.#connection.close(code, closeReason(problem.message));
  }

  onExpiring(inMs: number): void {
    this.#answers.send({ op: 'expiring', inMs });
  }

  /** Checking a signature takes a moment, in which nothing else of the client is looked at. */
  #await(grant: Promise<Grant>, hello: Hello): void {
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

  #enter(grant: Grant, hello: Hello): void {
    if (this.#connection.isClosing) return;
    this.#lease = this.#gate.lease(grant, this.#limits.expiryWarningMs, this);
    this.#onAdmitted(grant, hello);
  }

  async #renew(token: string, renewed: (rights: Rights) => Promise<void>): Promise<void> {
    const grant = await this.#gate.admit(token);
    if (this.#connection.isClosing) return;
    this.#lease!.renew(grant);
    await renewed(grant.rights);
  }

  #refuse(error: unknown): void {
    if (!(error instanceof TokenProblem)) throw error;
    this.#answers.fail(undefined, errorCodes.unauthorized, error.message);
    this.onGrantEnd(error);
  }
}

const what: Record<Action, string> = {
  publish: 'publish to',
  subscribe: 'subscribe to',
  command: 'command',
  serve: 'serve',
  presence: 'be at, or to ask who is at,',
};

export function refusalOf(action: Action, path: string): string {
  return `the token does not allow to ${what[action]} ${path}`;
}
