/**
 * Numbers in the place of texts that repeat on one connection: topics and publishers. Who writes says once what a number
 * means; who reads remembers.
 */

import { wrongRecord } from './hub-records.ts';

/** Texts that have numbers; beyond, they are numbered anew. */
const mostNames = 100_000;

/** Numbers for texts that repeat; the one who writes. */
export class NameNumbers {
  readonly #numbers = new Map<string, number>();
  readonly #announce: (number: number, text: string) => void;

  /** @param announce called before a number is used with another meaning */
  constructor(announce: (number: number, text: string) => void) {
    this.#announce = announce;
  }

  of(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    if (this.#numbers.size >= mostNames) this.#numbers.clear();
    const number = this.#numbers.size;
    this.#numbers.set(text, number);
    this.#announce(number, text);
    return number;
  }
}

/** What numbers mean; the one who reads. */
export class Names {
  readonly #texts: string[] = [];

  set(number: number, text: string): void {
    if (number >= mostNames) throw wrongRecord(`it numbers a text ${number}`);
    this.#texts[number] = text;
  }

  of(number: number): string {
    const text = this.#texts[number];
    if (text === undefined) throw wrongRecord(`number ${number} has no meaning`);
    return text;
  }
}
