/**
 * What the cloud is shown: at each connection, and in place before it expires (docs/protocol.md, "Signed tokens").
 *
 * When the cloud warns that the token expires, its successor is asked for after a third of the time that is left, and
 * then until there is another one: at once would be a circle with tokens that live as long as the warning.
 */

import { EarlError } from '../../errors/index.ts';
import type { CloudClientOptions } from './client.ts';

/** The cloud does not take this client's token, and there is no other. */
export class TokenRefused extends EarlError {
  constructor() {
    super('CLOUD_UNAUTHORIZED', 'the token is missing or wrong, and there is no other: get one that is in force');
  }
}

const longestWaitMs = 5_000;
const shortestWaitMs = 100;

export class TokenKeeper {
  readonly #token: CloudClientOptions['token'];
  readonly #refresh: (token: string) => Promise<unknown>;
  readonly #onError: (error: unknown) => void;
  #shown: string | undefined;
  /** The token that the cloud refused last. */
  #refused: string | undefined;
  /** The token that this connection could not go on with: the next one may begin with it. */
  #declined: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #said = '';

  /**
   * @param refresh shows the cloud another token in place; rejects when it does not take it
   * @param onError hears why there is no token, once for each reason
   */
  constructor(
    token: CloudClientOptions['token'],
    refresh: (token: string) => Promise<unknown>,
    onError: (error: unknown) => void,
  ) {
    this.#token = token;
    this.#refresh = refresh;
    this.#onError = onError;
  }

  /** For `hello`. Rejects with `TokenRefused` when there is none but the one that was refused. */
  async forHello(): Promise<{ token?: string }> {
    const token = await this.#ask();
    if (token !== undefined && token === this.#refused) throw new TokenRefused();
    this.#shown = token;
    this.#declined = undefined;
    return token === undefined ? {} : { token };
  }

  /**
   * The token that was shown is wrong, or has expired. One that has expired may be shown again: clocks differ.
   * @param wrong it will never be taken
   */
  refused(wrong: boolean): void {
    this.#refused = wrong ? this.#shown : undefined;
  }

  /** The cloud has said that the token expires in so many ms. */
  expires(inMs: number): void {
    if (typeof this.#token !== 'function') return;
    const waitMs = Math.min(longestWaitMs, Math.max(shortestWaitMs, inMs / 3));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.renew().then(
        (renewed) => {
          if (!renewed) this.expires(inMs - waitMs);
        },
        (error: unknown) => {
          this.#onError(error);
          this.expires(inMs - waitMs);
        },
      );
    }, waitMs);
  }

  /** Shows the cloud the token of now, when it is another. False when it is not. Rejects as `refresh`. */
  async renew(): Promise<boolean> {
    const token = await this.#ask().catch(() => undefined);
    if (token === undefined || token === this.#shown || token === this.#declined) return false;
    this.#declined = token;
    await this.#refresh(token);
    this.#shown = token;
    return true;
  }

  /** The connection has ended, and what was said about its token. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  async #ask(): Promise<string | undefined> {
    if (typeof this.#token !== 'function') return this.#token;
    try {
      const token = await this.#token(this.#refused);
      this.#said = '';
      return token;
    } catch (error) {
      if (String(error) !== this.#said) this.#onError(error);
      this.#said = String(error);
      throw error;
    }
  }
}
