/** A TCP connection between two programs that takes its time, and can be cut and mended. */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class TcpLink {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #cut = false;

  /** @param delayMs one way */
  static async open(targetPort: number, delayMs = 0): Promise<TcpLink> {
    const link = new TcpLink(targetPort, delayMs);
    link.#server.listen(0, '127.0.0.1');
    await once(link.#server, 'listening');
    return link;
  }

  private constructor(targetPort: number, delayMs: number) {
    this.#server = createServer((near) => {
      if (this.#cut) {
        near.destroy();
        return;
      }
      const far = connect(targetPort, '127.0.0.1');
      this.#carry(near, far, delayMs);
      this.#carry(far, near, delayMs);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Ends all connections and takes no new ones. */
  cut(): void {
    this.#cut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#cut = false;
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #carry(from: Socket, to: Socket, delayMs: number): void {
    this.#sockets.add(from);
    from.setNoDelay();
    const write = (bytes: Buffer) => {
      if (to.writable) to.write(bytes);
    };
    // Timers of one length fire in the order in which they were set.
    from.on('data', (bytes) => (delayMs > 0 ? setTimeout(write, delayMs, bytes) : write(bytes)));
    from.on('error', () => {});
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }
}
