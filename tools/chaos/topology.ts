/** What a run is made of: a cloud in some arrangement of real programs, and the faults that it must stand. */

import type { SeededRandom } from './random.ts';

/** One fault with all its times drawn: what happens depends on the seed alone. */
export interface Fault {
  /** Short and stable, for statistics: `kill server`. */
  readonly kind: string;
  /** What exactly, for the reader: `kill -9 of server-2, 400 ms without it`. */
  readonly what: string;
  /** What it befalls; two faults of one target do not overlap. */
  readonly target: string;
  /** Time between the two. */
  readonly holdMs: number;
  inject(): Promise<void> | void;
  heal(): Promise<void> | void;
}

/** Draws the times and the target of one kind of fault; always as many numbers from the generator. */
export type FaultSource = (random: SeededRandom) => Fault;

export interface Topology {
  /** Where clients connect. */
  readonly url: string;
  /** What may befall it, each as likely as the others. */
  readonly faults: readonly FaultSource[];
  /** Ends all programs. */
  stop(): Promise<void>;
}
