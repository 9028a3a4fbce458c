/**
 * Interrupt requests by vector (SLAS735, "Interrupt Vector Addresses"): a level per vector, set by peripherals,
 * looked at by the CPU between instructions.
 */

/** Numbers of the vectors: the word at 0xFFE0 + 2 × number. A higher number has a higher priority. */
export const vectors = {
  PORT1: 2,
  PORT2: 3,
  ADC10: 5,
  USCIAB0TX: 6,
  USCIAB0RX: 7,
  TIMER0_A1: 8,
  TIMER0_A0: 9,
  WDT: 10,
  COMPARATORA: 11,
  TIMER1_A1: 12,
  TIMER1_A0: 13,
  NMI: 14,
  RESET: 15,
} as const;

/** A peripheral that wants to know when the CPU takes a vector of its. */
export interface InterruptSource {
  interruptAccepted(vector: number): void;
}

export interface InterruptLines {
  /** Sets the request of a vector: the OR of (flag and enable) of all its sources, recomputed by its owner on each change. */
  set(vector: number, requested: boolean): void;
  /** Called when the CPU accepts a vector, so that a single-source flag (TACCR0, WDTIFG) can reset itself. */
  onAccept(vector: number, accepted: () => void): void;
  /** The same for a peripheral. */
  attach(vector: number, source: InterruptSource): void;
}
