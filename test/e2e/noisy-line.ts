/**
 * A bad cable: a TCP relay that flips a bit in a given share of the bytes, both ways, and can be pulled out.
 *
 * The damage comes from a seeded generator, so a run can be repeated with the seed that it prints.
 */

import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export interface NoisyLineOptions {
  /** Port on 127.0.0.1 that the relay connects to. */
  readonly targetPort: number;
  /** Share of damaged bytes, 0 to 1. */
  readonly noise: number;
  readonly seed: number;
}

export class NoisyLine {
  /** Bytes relayed and bytes damaged so far. */
  relayed = 0;
  damaged = 0;
  private readonly options: NoisyLineOptions;
  private readonly random: () => number;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  private constructor(options: NoisyLineOptions) {
    this.options = options;
    this.random = xorshift32(options.seed);
    this.server = createServer((socket) => this.relay(socket));
  }

  static async open(options: NoisyLineOptions): Promise<NoisyLine> {
    const line = new NoisyLine(options);
    await new Promise<void>((resolve, reject) => {
      line.server.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
    return line;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Pulls the cable: connections end, and new ones are welcome. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private relay(near: Socket): void {
    const far = connect(this.options.targetPort, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.sockets.add(from.setNoDelay(true));
      from.on('data', (bytes) => to.write(this.damage(bytes)));
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.sockets.delete(from);
        to.destroy();
      });
    }
  }

  private damage(bytes: Buffer): Buffer {
    this.relayed += bytes.length;
    for (let index = 0; index < bytes.length; index++) {
      if (this.random() >= this.options.noise) continue;
      bytes[index]! ^= 1 << Math.floor(this.random() * 8);
      this.damaged++;
    }
    return bytes;
  }
}

/** Numbers from 0 to 1 that a seed repeats: xorshift32 (Marsaglia, "Xorshift RNGs", 2003, section 3: 13, 17, 5). */
export function xorshift32(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
