/** The grant that a session lives on: warns before it expires, ends it then, and is renewed in place. */

import { type Grant, TokenProblem } from './tokens-jwt.ts';

/** What a session hears of its grant; not called from within the constructor. */
export interface LeaseEvents {
  /** The token expires in so many ms; called once per token. */
  onExpiring(inMs: number): void;
  /** The session must end. */
  onGrantEnd(problem: TokenProblem): void;
}

/** The longest that a timer of Node can wait. */
const longestTimerMs = 2 ** 31 - 1;

export class Lease {
  readonly #warningMs: number;
  readonly #events: LeaseEvents;
  readonly #closed: (lease: Lease) => void;
  #grant: Grant;
  #timer: NodeJS.Timeout | undefined;

  constructor(grant: Grant, warningMs: number, events: LeaseEvents, closed: (lease: Lease) => void) {
    this.#grant = grant;
    this.#warningMs = warningMs;
    this.#events = events;
    this.#closed = closed;
    this.#restart();
  }

  get grant(): Grant {
    return this.#grant;
  }

  /**
   * Goes on with another token of the same subject that allows no more than the one before; whoever wants more connects
   * anew. Throws a `TokenProblem` and leaves everything as it was.
   */
  renew(grant: Grant): void {
    if (grant.subject !== this.#grant.subject) throw new TokenProblem('the token is of another subject: connect anew');
    if (!this.#grant.rights.includes(grant.rights)) {
      throw new TokenProblem('the token allows more than the one before: connect anew');
    }
    this.#grant = grant;
    this.#restart();
  }

  /** Ends the session that lives on it. */
  revoke(problem: TokenProblem): void {
    this.close();
    this.#events.onGrantEnd(problem);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#closed(this);
  }

  #restart(): void {
    clearTimeout(this.#timer);
    if (this.#grant.expiresAtMs !== Number.POSITIVE_INFINITY) this.#arm(false, this.#leftMs - this.#warningMs);
  }

  #arm(warned: boolean, waitMs: number): void {
    this.#timer = setTimeout(() => this.#wake(warned), Math.min(Math.max(waitMs, 0), longestTimerMs));
    this.#timer.unref();
  }

  #wake(warned: boolean): void {
    const leftMs = this.#leftMs;
    if (leftMs <= 0) {
      this.revoke(new TokenProblem('the token has expired', true));
    } else if (warned || leftMs > this.#warningMs) {
      this.#arm(warned, warned ? leftMs : leftMs - this.#warningMs);
    } else {
      this.#arm(true, leftMs);
      this.#events.onExpiring(leftMs);
    }
  }

  get #leftMs(): number {
    return this.#grant.expiresAtMs - Date.now();
  }
}
