/**
 * A virtual controller behind a pseudo-terminal, for programs that open an HCI adapter as a serial port: noble and bleno
 * with their UART driver, btattach, Zephyr's hosts. Linux and macOS.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { EarlError, errorMessage } from '../../errors/index.ts';
import type { VirtualController } from './controller.ts';
import { H4Parser } from './h4.ts';

export interface PtyEnd {
  /** What the other program opens. */
  readonly path: string;
  close(): void;
}

/** What the native part of node-pty gives for `open`, which its type declarations leave out. */
interface PtyPair {
  readonly ptsName: string;
  readonly fd: number;
  readonly master: NodeJS.ReadStream;
  readonly slave: NodeJS.ReadStream;
}

const RETRY_MS = 5;
/** A program that reads nothing loses the oldest events that it has not read; it must reset the controller anyway. */
const MAX_WAITING_OCTETS = 65_536;

/** Rejects with `TRANSPORT_FAILED` where there are no pseudo-terminals. The controller is taken off the air by `close`. */
export async function servePty(controller: VirtualController): Promise<PtyEnd> {
  const pty = (await import('@lydell/node-pty')) as unknown as { open(options: { encoding: null }): PtyPair };
  let pair: PtyPair;
  let held: number;
  try {
    pair = pty.open({ encoding: null });
    // Held open, the terminal survives its users; held by a plain descriptor, because node-pty's own end would read.
    held = openSync(pair.ptsName, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
    pair.slave.destroy();
    execFileSync('stty', [process.platform === 'darwin' ? '-f' : '-F', pair.ptsName, 'raw', '-echo']);
  } catch (error) {
    throw new EarlError('TRANSPORT_FAILED', `no pseudo-terminal: ${errorMessage(error)}`, { cause: error });
  }
  const writer = new PtyWriter(pair.fd);
  const parser = new H4Parser((packet) => controller.port.write(packet));
  const close = () => {
    writer.stop();
    closeSync(held);
    pair.master.destroy();
    controller.detach();
  };
  pair.master.on('data', (bytes: Buffer) => parser.push(bytes));
  pair.master.on('error', () => {});
  controller.port.onPacket = (packet) => writer.write(packet);
  controller.port.onClose = () => {};
  return { path: pair.ptsName, close };
}

/** A terminal takes some kilobytes that nobody reads; then it says EAGAIN. */
class PtyWriter {
  private readonly fd: number;
  private waiting: Uint8Array[] = [];
  private retry: NodeJS.Timeout | undefined;
  private waitingOctets = 0;

  constructor(fd: number) {
    this.fd = fd;
  }

  write(packet: Uint8Array): void {
    this.waiting.push(packet);
    this.waitingOctets += packet.length;
    // The first may be half written, and half a packet would never be understood.
    while (this.waitingOctets > MAX_WAITING_OCTETS && this.waiting.length > 2) {
      this.waitingOctets -= this.waiting.splice(1, 1)[0]!.length;
    }
    if (this.retry === undefined) this.flush();
  }

  stop(): void {
    clearTimeout(this.retry);
    this.waiting = [];
  }

  private flush(): void {
    this.retry = undefined;
    while (this.waiting.length > 0) {
      const packet = this.waiting[0]!;
      let written: number;
      try {
        written = writeSync(this.fd, packet);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
        this.retry = setTimeout(() => this.flush(), RETRY_MS);
        return;
      }
      this.waitingOctets -= written;
      if (written < packet.length) this.waiting[0] = packet.subarray(written);
      else this.waiting.shift();
    }
  }
}
