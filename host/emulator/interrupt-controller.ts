/**
 * Pending interrupt requests and their priority (SLAU144 "Interrupts"; vector numbers of interrupts.ts).
 *
 * Maskable vectors wait for GIE, the NMI vector does not. Which sources stand behind a vector is their owners' matter.
 */

import { type InterruptLines, type InterruptSource, vectors } from './interrupts.ts';

/** Somebody on a vector. */
interface Attached {
  readonly vector: number;
  readonly source: InterruptSource;
}

/** What the CPU does when a request appeared: it looks before its next instruction. */
export interface RequestListener {
  interruptRun(): void;
}

/** Sources of the NMI vector, a bit each. */
const nmiBits = { oscillator: 1, 'flash-access': 2, 'rst-pin': 4 } as const;

export class InterruptController implements InterruptLines {
  /** Requested vectors, a bit each. */
  private requested = 0;
  private attached: readonly Attached[] = [];
  /** Vectors that somebody is attached to, a bit each. */
  private heard = 0;
  private nmiSources = 0;
  /** Told when a request appeared. */
  private listener: RequestListener | undefined;

  /** States who is told; nobody until then. */
  listen(listener: RequestListener): void {
    this.listener = listener;
  }

  set(vector: number, requested: boolean): void {
    const bit = 1 << vector;
    if (((this.requested & bit) !== 0) === requested) return;
    this.requested ^= bit;
    if (requested) this.listener?.interruptRun();
  }

  /** The NMI vector has several sources, each with its own flag and enable: it is requested while one of them asks. */
  setNmi(source: 'oscillator' | 'flash-access' | 'rst-pin', requested: boolean): void {
    const bit = nmiBits[source];
    this.nmiSources = requested ? this.nmiSources | bit : this.nmiSources & ~bit;
    this.set(vectors.NMI, this.nmiSources !== 0);
  }

  onAccept(vector: number, accepted: () => void): void {
    this.attach(vector, { interruptAccepted: accepted });
  }

  attach(vector: number, source: InterruptSource): void {
    this.attached = this.attached.concat({ vector, source });
    this.heard |= 1 << vector;
  }

  /** The vector to accept now, -1 for none. */
  next(gie: boolean): number {
    const acceptable = gie ? this.requested : this.requested & (1 << vectors.NMI);
    return acceptable === 0 ? -1 : 31 - Math.clz32(acceptable);
  }

  /** The CPU took the vector. */
  accept(vector: number): void {
    if ((this.heard & (1 << vector)) === 0) return;
    for (const attached of this.attached) if (attached.vector === vector) attached.source.interruptAccepted(vector);
  }
}
