/** The host's end of a Bluetooth controller, whatever carries it: whole H4 packets both ways. */
import type { EarlError } from '../../errors/index.ts';

export interface HciPort {
  /** One H4 packet to the controller; it is not answered from within this call. */
  write(packet: Uint8Array): void;
  /** One H4 packet from the controller, from the event loop; set it before the first `write`. */
  onPacket: (packet: Uint8Array) => void;
  /** The controller is gone, by `close` (without error) or by itself; nothing comes afterwards. */
  onClose: (error?: EarlError) => void;
  close(): void;
}

/** Sees every packet between a host and a controller. */
export interface HciTrace {
  packet(direction: 'to-controller' | 'to-host', packet: Uint8Array): void;
}
