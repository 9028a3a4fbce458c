/**
 * Pending interrupt requests and their priority (SLAU144 "Interrupts"; vector numbers of interrupts.ts).
 *
 * Maskable vectors wait for GIE, the NMI vector does not. Which sources stand behind a vector is their owners' matter.
 */

import { type InterruptLines, vectors } from './interrupts.ts';

const none: readonly (() => void)[] = [];

export class InterruptController implements InterruptLines {
  /** Requested vectors, a bit each. */
  private requested = 0;
  private readonly acceptors: (readonly (() => void)[])[] = new Array(16).fill(none);
  private readonly nmiSources = new Set<string>();
  private readonly changed: () => void;

  /** @param changed called when a request appeared, so that the CPU looks before its next instruction */
  constructor(changed: () => void) {
    this.changed = changed;
  }

  set(vector: number, requested: boolean): void {
    const bit = 1 << vector;
    if (((this.requested & bit) !== 0) === requested) return;
    this.requested ^= bit;
    if (requested) this.changed();
  }

  /** The NMI vector has several sources, each with its own flag and enable: it is requested while one of them asks. */
  setNmi(source: 'oscillator' | 'flash-access' | 'rst-pin', requested: boolean): void {
    if (requested) this.nmiSources.add(source);
    else this.nmiSources.delete(source);
    this.set(vectors.NMI, this.nmiSources.size > 0);
  }

  onAccept(vector: number, accepted: () => void): void {
    this.acceptors[vector] = this.acceptors[vector]!.concat(accepted);
  }

  /** The vector to accept now, -1 for none. */
  next(gie: boolean): number {
    const acceptable = gie ? this.requested : this.requested & (1 << vectors.NMI);
    return acceptable === 0 ? -1 : 31 - Math.clz32(acceptable);
  }

  /** The CPU took the vector. */
  accept(vector: number): void {
    for (const accepted of this.acceptors[vector]!) accepted();
  }
}
