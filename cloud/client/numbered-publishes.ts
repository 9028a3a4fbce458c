/**
 * Acknowledged publishes that the caller numbers, such as a gateway with a spool of its own: none is repeated here. When
 * the connection ends, or the cloud refuses for now, they are rejected, and the caller sends them again.
 */

import { EarlError } from '../../errors/index.ts';
import type { Waiting } from './acknowledged-queue.ts';
import { Fifo } from './fifo.ts';
import { isPassingCode, serverError } from './requests.ts';

/** On their way or about to leave; one more is rejected. */
const most = 1024;

export class NumberedPublishes {
  readonly #leaving = new Fifo<Waiting>();
  /** In the order in which they left; a number that was given twice stands there twice. */
  readonly #flight = new Fifo<Waiting>();

  get messages(): number {
    return this.#leaving.length + this.#flight.length;
  }

  /** Resolves when the cloud has it. Rejects with `CLOUD_OVERLOADED`, or as `refused` and `rejectAll` say. */
  push(topic: string, json: string, retain: boolean, order: number, seq: number): Promise<void> {
    if (this.messages >= most) {
      const problem = `${most} publishes wait for the cloud already: try again later`;
      return Promise.reject(new EarlError('CLOUD_OVERLOADED', problem));
    }
    return new Promise((resolve, reject) => {
      this.#leaving.push({ topic, json, retain, seq, order, bytes: 0, resolve, reject });
    });
  }

  peek(): Waiting | undefined {
    return this.#leaving.peek();
  }

  /** The next to be sent, now on its way. */
  take(): Waiting | undefined {
    const next = this.#leaving.shift();
    if (next !== undefined) this.#flight.push(next);
    return next;
  }

  /** The cloud has this one; with `upTo` all up to it. */
  accepted(seq: number, upTo: boolean): void {
    // Most are accepted in the order in which they left.
    let first = this.#flight.peek();
    for (; first !== undefined && (upTo ? first.seq <= seq : first.seq === seq); first = this.#flight.peek()) {
      this.#flight.shift();
      first.resolve();
    }
    if (!upTo && first !== undefined) for (const { resolve } of this.#remove((one) => one.seq === seq)) resolve();
  }

  /** With one that is refused for now, all after it are (docs/protocol.md, "publish"). */
  refused(seq: number, code: number, message: string): void {
    const isPassing = isPassingCode(code);
    const refused = this.#remove((one) => one.seq === seq || (isPassing && one.seq > seq));
    const leaving = isPassing ? this.#leaving.clear() : [];
    for (const { reject } of [...refused, ...leaving]) reject(serverError(code, message));
  }

  rejectAll(error: EarlError): void {
    for (const { reject } of [...this.#flight.clear(), ...this.#leaving.clear()]) reject(error);
  }

  #remove(chosen: (one: Waiting) => boolean): Waiting[] {
    const all = this.#flight.clear();
    for (const one of all) if (!chosen(one)) this.#flight.push(one);
    return all.filter(chosen);
  }
}
