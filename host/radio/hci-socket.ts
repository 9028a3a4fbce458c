/**
 * The shape of socket that noble and bleno expect below their HCI code, on top of any `HciPort`.
 *
 * It does what their UART driver does: a Reset goes out first, and what comes before its Command Complete, that answer
 * included, is not shown; then the adapter is up. Two differences: nothing reconnects, and `stop` leaves nothing behind.
 */
import { EventEmitter } from 'node:events';
import type { EarlError } from '../../errors/index.ts';
import { COMMAND, commandPacket, EVENT, H4, LE_EVENT, readUint16 } from './hci.ts';
import type { HciPort } from './hci-port.ts';

/** Longer than the usual supervision timeout: by then the other side has noticed anyway. */
const LINKS_END_MS = 1000;

export class HciSocket extends EventEmitter {
  private readonly port: HciPort;
  private isUp = false;
  private isStopped = false;
  private readonly links = new Set<number>();
  private onLinksEnded: (() => void) | undefined;

  /** @param onGone the controller went away while the host was using it */
  constructor(port: HciPort, onGone: (error?: EarlError) => void) {
    super();
    this.port = port;
    port.onPacket = (packet) => this.take(packet);
    port.onClose = (error) => {
      this.links.clear();
      this.onLinksEnded?.();
      if (this.isStopped) return;
      this.setUp(false);
      onGone(error);
    };
  }

  setFilter(): void {
    // H4 has no filter: everything that the controller says is for this host.
  }

  bindRaw(deviceId: number): number {
    this.reset();
    return deviceId;
  }

  bindUser(deviceId: number): number {
    return this.bindRaw(deviceId);
  }

  bindControl(): number {
    return 0;
  }

  start(): void {
    // Packets come as soon as the adapter is up.
  }

  stop(): void {
    this.isStopped = true;
    this.isUp = false;
  }

  isDevUp(): boolean {
    return this.isUp;
  }

  write(packet: Uint8Array): void {
    if (!this.isStopped) this.port.write(packet);
  }

  reset(): void {
    this.write(commandPacket(COMMAND.RESET));
  }

  /** Resolves when the links that `stop` ends are ended, or after a second. */
  linksEnded(): Promise<void> {
    if (this.links.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, LINKS_END_MS);
      this.onLinksEnded = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private take(packet: Uint8Array): void {
    this.countLinks(packet);
    if (this.isStopped) return;
    if (this.isUp) {
      this.emit('data', Buffer.from(packet.buffer, packet.byteOffset, packet.byteLength));
    } else if (
      packet[0] === H4.EVENT &&
      packet[1] === EVENT.COMMAND_COMPLETE &&
      readUint16(packet, 4) === COMMAND.RESET
    ) {
      this.setUp(true);
    }
  }

  private countLinks(packet: Uint8Array): void {
    if (packet[0] !== H4.EVENT) return;
    const isMade = packet[1] === EVENT.LE_META && packet[3] === LE_EVENT.CONNECTION_COMPLETE && packet[4] === 0;
    if (isMade) this.links.add(readUint16(packet, 5));
    if (packet[1] === EVENT.DISCONNECTION_COMPLETE) this.links.delete(readUint16(packet, 4));
    if (this.links.size === 0) this.onLinksEnded?.();
  }

  private setUp(isUp: boolean): void {
    if (this.isUp === isUp) return;
    this.isUp = isUp;
    this.emit('state', isUp);
  }
}
