/** Publishes of a worker that the hub accepts together: those of one turn of the event loop, with one promise. */

import type { EarlError } from '../../errors/index.ts';

interface Batch {
  readonly accepted: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: EarlError) => void;
}

export class HubBatches {
  readonly #sealed = new Map<number, Batch>();
  #open: Batch | undefined;
  #number = 0;

  /** Of what is published now. */
  get accepted(): Promise<void> {
    this.#open ??= newBatch();
    return this.#open.accepted;
  }

  /** Ends the batch, if there is one; its number. */
  seal(): number | undefined {
    if (this.#open === undefined) return undefined;
    this.#number = (this.#number + 1) % 2 ** 32;
    this.#sealed.set(this.#number, this.#open);
    this.#open = undefined;
    return this.#number;
  }

  accept(number: number): void {
    this.#sealed.get(number)?.resolve();
    this.#sealed.delete(number);
  }

  refuse(number: number, error: EarlError): void {
    this.#sealed.get(number)?.reject(error);
    this.#sealed.delete(number);
  }

  /** Resolves when all so far are accepted or refused. */
  async settled(): Promise<void> {
    const open = this.#open ? [this.#open] : [];
    await Promise.allSettled([...this.#sealed.values(), ...open].map(({ accepted }) => accepted));
  }

  /** Nothing is accepted any more. */
  end(error: EarlError): void {
    for (const number of [...this.#sealed.keys()]) this.refuse(number, error);
    this.#open?.reject(error);
  }
}

function newBatch(): Batch {
  let [resolve, reject]: [() => void, (error: EarlError) => void] = [() => {}, () => {}];
  const accepted = new Promise<void>((fulfil, refuse) => {
    resolve = fulfil;
    reject = refuse;
  });
  // Nobody may be waiting for it.
  accepted.catch(() => {});
  return { accepted, resolve, reject };
}
