/**
 * Whether a probe is let in: on what its host demands of it, and how it stood the test.
 *
 * The session tells when a probe said hello and when it answers; this class asks its `Authentication` what to demand, and
 * challenges the probe when a proof is due. Every new session begins as a stranger. Until a probe is let in, the session
 * hands on nothing that it says. A refused probe is asked again after a while (noise can spoil an answer), at a new
 * greeting, and when the host has learned something (`reconsider`).
 */

import { EarlError, errorMessage } from '../../errors/index.ts';
import { type AckTaken, Challenge, type ChallengeOptions, type ChallengeResult } from './challenge.ts';
import type { MessageOf } from './messages.ts';
import { equalInConstantTime } from './siphash.ts';

/**
 * Why a probe is not let in. From the host: `unknown` it was never accepted; `refused` the user refused it; `downgrade` its
 * key is known, and it claims to have none; `undecided` what is known of it cannot be read. From the probe: see
 * `ChallengeResult`.
 */
export type RefusalCode = 'unknown' | 'refused' | 'downgrade' | 'undecided' | Exclude<ChallengeResult, 'proven'>;

export interface Refusal {
  readonly code: RefusalCode;
  /** A sentence for people. */
  readonly message: string;
}

/** What a probe must do to be let in: nothing, prove that it has this key, or it may not. */
export type Demand =
  | { readonly kind: 'none' }
  | { readonly kind: 'proof'; readonly key: Uint8Array }
  | { readonly kind: 'refuse'; readonly refusal: Refusal };

/** The host's side of trust. What it throws refuses the probe as `undecided`. */
export interface Authentication {
  /** At every hello of a probe that is not let in, and again by `Session.reconsider`. */
  demand(hello: MessageOf<'hello'>): Demand;
  /** 8 fresh bytes of a cryptographic source, e.g. `crypto.getRandomValues(new Uint8Array(8))`. */
  nonce(): Uint8Array;
}

export interface AdmissionOptions extends Pick<ChallengeOptions, 'clock' | 'random' | 'send'> {
  readonly authentication: Authentication;
  /** It is let in. */
  readonly onAdmitted: () => void;
  /** It is being asked for a proof. */
  readonly onAsked: () => void;
  /** It is not let in; `isNews` the first time on a connection, and when the id or the reason changed. */
  readonly onRefused: (refusal: Refusal, isNews: boolean) => void;
}

const RETRY_AFTER_MS = 15_000;

const sentences: Readonly<Record<Exclude<ChallengeResult, 'proven'>, string>> = {
  wrong_answer:
    'it does not have the key that is known for this id: it is another probe, or was flashed elsewhere since',
  no_key: 'it says that it has no key, and one is known for this id',
  too_old: 'its firmware cannot prove who it is, and a key is known for this id',
  no_answer: 'it did not answer when it was asked to prove who it is',
};

export class Admission {
  /** Let in: what it says counts. */
  admitted = false;
  /** Why not, once that is decided. */
  refusal: Refusal | undefined;

  private readonly options: AdmissionOptions;
  private readonly challenge: Challenge;
  private demanded: Demand | undefined;
  private proven = false;
  /** Id and code of the refusal that was told last. */
  private told: string | undefined;
  private cancelRetry: () => void = () => {};
  private hello: MessageOf<'hello'> | undefined;

  constructor(options: AdmissionOptions) {
    const { clock, random, send, authentication } = options;
    this.options = options;
    this.challenge = new Challenge({
      clock,
      random,
      send,
      nonce: () => authentication.nonce(),
      onEnd: (result) => this.onEnd(result),
    });
  }

  /** A question is on its way. */
  get underway(): boolean {
    return this.challenge.underway;
  }

  /** Another connection, or none. */
  reset(): void {
    this.forget();
    this.admitted = false;
    this.demanded = undefined;
    this.told = undefined;
  }

  /** A new session with the same connection: who proved something must prove it again. */
  restart(): void {
    this.forget();
    if (this.demanded?.kind !== 'none') this.admitted = false;
  }

  /**
   * The probe said something new about itself, or answered the greeting.
   * @param greeted it answers: only then can it be asked for a proof
   */
  consider(hello: MessageOf<'hello'>, greeted: boolean): void {
    this.hello = hello;
    if (this.proven || this.challenge.underway || (greeted && this.refusal !== undefined)) return;
    this.decide(this.demandOf(hello), greeted);
  }

  /** What the host knows of probes changed. */
  reconsider(): void {
    if (this.hello === undefined || this.demanded === undefined) return;
    const demand = this.demandOf(this.hello);
    if (sameDemand(demand, this.demanded)) return;
    this.forget();
    this.decide(demand, true);
  }

  /** Whether the ack was the answer to a question of this class. */
  acknowledge(ack: MessageOf<'ack'>): AckTaken {
    return this.challenge.acknowledge(ack);
  }

  private forget(): void {
    this.challenge.cancel();
    this.cancelRetry();
    this.refusal = undefined;
    this.proven = false;
  }

  private decide(demand: Demand, greeted: boolean): void {
    this.demanded = demand;
    this.admitted = demand.kind === 'none';
    if (demand.kind === 'none') this.options.onAdmitted();
    else if (!greeted) return;
    else if (demand.kind === 'refuse') this.refuse(demand.refusal);
    else this.ask(demand.key);
  }

  private demandOf(hello: MessageOf<'hello'>): Demand {
    try {
      return this.options.authentication.demand(hello);
    } catch (error) {
      return { kind: 'refuse', refusal: { code: 'undecided', message: errorMessage(error) } };
    }
  }

  private ask(key: Uint8Array): void {
    try {
      this.challenge.begin(key, this.hello!.id);
    } catch (error) {
      if (!(error instanceof EarlError)) throw error;
      this.refuse({ code: 'undecided', message: error.message });
      return;
    }
    this.options.onAsked();
  }

  private onEnd(result: ChallengeResult): void {
    if (result === 'proven') {
      this.proven = true;
      this.admitted = true;
      this.told = undefined;
      this.options.onAdmitted();
    } else {
      this.refuse({ code: result, message: sentences[result] });
      this.cancelRetry = this.options.clock.after(RETRY_AFTER_MS, () => this.retry());
    }
  }

  private retry(): void {
    this.refusal = undefined;
    this.decide(this.demandOf(this.hello!), true);
  }

  private refuse(refusal: Refusal): void {
    const news = `${this.hello!.id.join()} ${refusal.code}`;
    const isNews = news !== this.told;
    this.refusal = refusal;
    this.told = news;
    this.options.onRefused(refusal, isNews);
  }
}

function sameDemand(a: Demand, b: Demand): boolean {
  if (a.kind === 'proof') return b.kind === 'proof' && equalInConstantTime(a.key, b.key);
  if (a.kind === 'refuse') return b.kind === 'refuse' && a.refusal.code === b.refusal.code;
  return b.kind === 'none';
}
