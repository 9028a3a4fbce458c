/**
 * The seam between a module and its radio: what the module asks of it, and what it is told.
 *
 * bleno-radio.ts is one; a test may script another, and then everything happens on the board's own time.
 */

export interface BridgeRadio {
  /** `aa:bb:cc:dd:ee:ff`. */
  readonly address: string;
  /** Advertises under this name whenever nobody is connected; undefined: not at all. */
  advertise(name: string | undefined): void;
  /** One notification to whoever subscribed; false when the radio has no room for it now. */
  notify(packet: Uint8Array): boolean;
  /** Hangs up; `onDisconnected` follows. */
  disconnect(): void;
  close(): Promise<void>;
}

/** Told to the module, in the order in which it happens. */
export interface BridgeRadioEvents {
  /** @param peer address of the central */
  onConnected(peer: string): void;
  onDisconnected(): void;
  /** @param room bytes that a notification holds: ATT_MTU less 3 */
  onSubscribed(room: number): void;
  onUnsubscribed(): void;
  /** The MTU was negotiated after subscribing. */
  onRoom(room: number): void;
  /**
   * Data for the UART. With `taken` the central waits for a response: it is called when there was room. Without, what
   * finds no room is lost.
   */
  onWritten(bytes: Uint8Array, taken?: () => void): void;
}
