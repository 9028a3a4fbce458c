/**
 * The seam between a stream of link bytes and whatever carries it: a serial port, TCP, an emulated board, BLE.
 *
 * A Transport is a place that can be connected to, again and again; a Connection is one such time. Bytes come as they
 * come: a transport promises order within a connection and nothing about how they are cut into chunks. Every
 * implementation passes test/contract/transport.contract.ts.
 */

import type { EarlError } from '../../errors/index.ts';

/** What a connection tells its owner. Handlers are called from the event loop, never from inside connect or write. */
export interface ConnectionHandlers {
  /** Bytes arrived. The array belongs to the handler. */
  onData(bytes: Uint8Array): void;
  /**
   * The connection ended, exactly once, and no data follows. `error` is absent when `close` was called, and says why
   * otherwise (`TRANSPORT_LOST`).
   */
  onClose(error?: EarlError): void;
}

export interface Connection {
  /**
   * Hands bytes on, in order. Resolves when the operating system or the board's UART took them; rejects with
   * `TRANSPORT_CLOSED` when the connection is over, `TRANSPORT_FULL` when more than 64 KiB would be waiting.
   */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends the connection; resolves after `onClose`. A second call does nothing. */
  close(): Promise<void>;
}

export interface Transport {
  /** What the user typed: `serial:/dev/ttyACM0`, `tcp:127.0.0.1:4000`, `emu:ball`, `ble:Earl44556677`. */
  readonly url: string;
  /** Of the UART that the probe's bytes leave by, where it is known: a byte is that much older when it arrives. */
  readonly baud?: number;
  /** Connected, it keeps everybody else from the far end, which may not be ours: let go of it when no probe answers. */
  readonly exclusive?: boolean;
  /** Signal of an open radio link, dBm. */
  readonly rssiDbm?: number | undefined;
  /**
   * Opens the connection. One at a time: a second call while one is open rejects with `TRANSPORT_BUSY`.
   * Rejects with `TRANSPORT_NOT_FOUND`, `TRANSPORT_BUSY`, `TRANSPORT_PERMISSION` or `TRANSPORT_FAILED`.
   */
  connect(handlers: ConnectionHandlers): Promise<Connection>;
  /** Releases what the transport owns beyond its connections (an emulated board is switched off). Closes them too. */
  dispose(): Promise<void>;
}
