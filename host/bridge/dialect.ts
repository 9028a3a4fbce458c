/**
 * What a module understands besides data: commands on its UART, and what it says there by itself.
 *
 * A dialect sees every byte before it becomes data. One without any is transparent (nus).
 */

/** What a dialect may do with its module. */
export interface ModuleControl {
  /** Six bytes in hex, without colons, as AT commands and status strings write it. */
  readonly address: string;
  readonly connected: boolean;
  /** The central's address in the same form; empty without a connection. */
  readonly peer: string;
  /** Name now, and rate of the UART now. */
  readonly name: string;
  readonly baud: number;
  /** Seconds of the board. */
  readonly seconds: number;
  /** Text to the UART; `said` is called when its last byte has left. */
  say(text: string, said?: () => void): void;
  /** A byte that was held back is data after all. */
  data(byte: number): void;
  disconnect(): void;
  /** Off and on again with these settings; a connection is lost. */
  restart(settings: { readonly name?: string; readonly baud?: number }): void;
  /** The state pin has to be looked at again. */
  updateStatePin(): void;
}

export interface Dialect {
  /** Power is on, or on again. */
  started?(again: boolean): void;
  connected?(): void;
  /** Somebody listens to the stream. */
  subscribed?(): void;
  disconnected?(): void;
  /** A byte from the UART: true when it is the dialect's, and not data. */
  byte?(byte: number): boolean;
  /** The UART paused. */
  idle?(): void;
  /** A packet that stood alone on the UART is about to go on the air: true when it is a command instead. */
  alone?(packet: Uint8Array): boolean;
  /** True when the state pin blinks while nobody is connected. */
  readonly blinks?: boolean;
}

/** Makes a dialect for a module. */
export type DialectFactory = (control: ModuleControl) => Dialect;
