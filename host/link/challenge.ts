/**
 * One question to a probe: prove that you have your key (docs/link-protocol.md, "Authentication").
 *
 * A fresh nonce goes out in `authenticate`, repeated under its sequence number until the ack comes or the time is over.
 * The answer must be SipHash-2-4 of a byte 1, the nonce and the id that the probe's hello claimed, under the key that the
 * host knows. A nonce is used for one question, so a recorded answer fits none that will be asked. An ack of another
 * sequence number is none of its business. What follows from the result is admission.ts's.
 */

import { EarlError } from '../../errors/index.ts';
import type { Clock } from './clock.ts';
import { encodeMessage } from './codec.ts';
import type { Packet } from './framer.ts';
import { type MessageOf, statuses } from './messages.ts';
import { equalInConstantTime, sipHash24 } from './siphash.ts';

export const NONCE_LENGTH = 8;

/** First byte of what is hashed: another use of the same key would take another number. */
const PURPOSE_AUTHENTICATE = 1;
const ANSWER_WITHIN_MS = 5000;
const FIRST_PAUSE_MS = 400;
const LONGEST_PAUSE_MS = 2000;

/**
 * `proven`; `wrong_answer` it has another key, or none and guessed; `no_key` it says that it has none; `too_old` its
 * firmware does not know the question; `no_answer` in time.
 */
export type ChallengeResult = 'proven' | 'wrong_answer' | 'no_key' | 'too_old' | 'no_answer';

/** Whose answer an ack was; `no_session`: the probe restarted before it was asked, and must be greeted again. */
export type AckTaken = 'taken' | 'no_session' | 'other';

export interface ChallengeOptions {
  readonly clock: Clock;
  /** 0 up to 1; for pauses only. */
  readonly random: () => number;
  /** 8 bytes of a cryptographic source, other ones each time. */
  readonly nonce: () => Uint8Array;
  /** Sends a packet and returns its sequence number; the same number goes out again when one is given. */
  readonly send: (packet: Pick<Packet, 'type' | 'payload'>, sequence?: number) => number;
  readonly onEnd: (result: ChallengeResult) => void;
}

interface Question {
  readonly packet: Pick<Packet, 'type' | 'payload'>;
  readonly expected: Uint8Array;
  sequence?: number;
  attempts: number;
}

/** What a probe with this id and key answers to a nonce. */
export function proofOf(key: Uint8Array, nonce: Uint8Array, id: Uint8Array): Uint8Array {
  return sipHash24(key, Uint8Array.of(PURPOSE_AUTHENTICATE, ...nonce, ...id));
}

export class Challenge {
  private readonly options: ChallengeOptions;
  private question: Question | undefined;
  private lastNonce: Uint8Array | undefined;
  private cancelRepeat: () => void = () => {};
  private cancelDeadline: () => void = () => {};

  constructor(options: ChallengeOptions) {
    this.options = options;
  }

  get underway(): boolean {
    return this.question !== undefined;
  }

  /** Asks; an earlier question is forgotten. Throws `LINK_BAD_NONCE` when the source of nonces is broken. */
  begin(key: Uint8Array, id: Uint8Array): void {
    this.cancel();
    const nonce = this.freshNonce();
    const packet = encodeMessage({ name: 'authenticate', nonce });
    this.question = { packet, expected: proofOf(key, nonce, id), attempts: 0 };
    this.cancelDeadline = this.options.clock.after(ANSWER_WITHIN_MS, () => this.end('no_answer'));
    this.ask();
  }

  /** Forgets the question: whatever is answered now is too late. */
  cancel(): void {
    this.question = undefined;
    this.cancelRepeat();
    this.cancelDeadline();
  }

  /** An ack came. */
  acknowledge(ack: MessageOf<'ack'>): AckTaken {
    const { question } = this;
    if (question === undefined || ack.commandSequence !== question.sequence) return 'other';
    if (ack.status === statuses.no_session) {
      this.cancel();
      return 'no_session';
    }
    this.end(this.judge(ack, question.expected));
    return 'taken';
  }

  private judge({ status, data }: MessageOf<'ack'>, expected: Uint8Array): ChallengeResult {
    if (status === statuses.unsupported) return 'no_key';
    if (status === statuses.unknown_command) return 'too_old';
    return status === statuses.ok && equalInConstantTime(data, expected) ? 'proven' : 'wrong_answer';
  }

  private end(result: ChallengeResult): void {
    this.cancel();
    this.options.onEnd(result);
  }

  private ask(): void {
    const { question } = this;
    if (question === undefined) return;
    const { clock, random, send } = this.options;
    question.sequence = send(question.packet, question.sequence);
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** question.attempts++);
    this.cancelRepeat = clock.after(pause * (1 + random() / 4), () => this.ask());
  }

  private freshNonce(): Uint8Array {
    const nonce = this.options.nonce().slice();
    const isStuck = this.lastNonce !== undefined && equalInConstantTime(nonce, this.lastNonce);
    if (nonce.length !== NONCE_LENGTH || isStuck) {
      throw new EarlError('LINK_BAD_NONCE', `the source of nonces must give ${NONCE_LENGTH} other bytes each time`);
    }
    this.lastNonce = nonce;
    return nonce;
  }
}
