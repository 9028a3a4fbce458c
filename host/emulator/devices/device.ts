/** What a part on an emulated board looks like to the chip and to the people who watch it. */

import type { Scheduler } from '../scheduler.ts';

/**
 * A slave on the I2C bus. USCI_B0 calls these in bus order, at the time that the acknowledge bit is due.
 * `false` means NACK.
 */
export interface I2cDevice {
  /** 7-bit address. */
  readonly address: number;
  /** START or repeated START with this device's address. */
  start(read: boolean): boolean;
  /** A byte from the master. */
  write(byte: number): boolean;
  /** A byte for the master; `undefined` cannot happen: a slave that has nothing sends 0xFF. */
  read(): number;
  /** STOP. */
  stop(): void;
}

/** Trace events, one shape per kind; `earl emulate --json` prints them with `t` in seconds. */
export type TraceEvent =
  | { kind: 'i2c'; addr: number; write: number[]; read: number[]; ack: boolean }
  | { kind: 'uart'; dir: 'tx' | 'rx'; byte: number }
  | { kind: 'pin'; pin: string; level: 0 | 1 }
  | { kind: 'led'; led: string; brightness: number }
  | { kind: 'motor'; duty: number }
  | { kind: 'cpu'; event: string; detail?: string };

/** Where traces go: the board stamps the time. */
export type TraceSink = (event: TraceEvent & { t: number }) => void;

/** What a device is given when it is put on a board. */
export interface DeviceContext {
  readonly scheduler: Scheduler;
  trace(event: TraceEvent): void;
  /** False when nobody listens to this kind: a device then does no work for it. */
  tracing(kind: TraceEvent['kind']): boolean;
}
