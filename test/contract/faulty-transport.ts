/**
 * A Transport around another that makes it as bad as the world is: bytes cut anywhere, damaged, late, and connections
 * that end in the middle. Every fault comes from a seeded generator, so that a failure can be run again.
 */
import { EarlError } from '../../errors/index.ts';
import type { Connection, ConnectionHandlers, Transport } from '../../host/transport/transport.ts';

export interface Faults {
  /** 0 up to 1; see `seeded`. */
  readonly random: () => number;
  /** Cuts what passes into pieces of 1 to 4 bytes, each handed on by itself. */
  readonly fragment?: boolean;
  /** Share of bytes, each way, of which one bit is turned. */
  readonly noise?: number;
  /** Longest time that bytes from the far end are held back, in order. */
  readonly delayMs?: number;
  /** Ends the connection with `TRANSPORT_LOST` after so many bytes from the far end; the next one is a new count. */
  readonly loseAfterBytes?: number;
}

/** Numbers in 0 up to 1 from a seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export class FaultyTransport implements Transport {
  /** Bytes damaged so far, both ways. */
  damaged = 0;
  private readonly inner: Transport;
  private readonly faults: Faults;

  constructor(inner: Transport, faults: Faults) {
    this.inner = inner;
    this.faults = faults;
  }

  get url(): string {
    return this.inner.url;
  }

  dispose(): Promise<void> {
    return this.inner.dispose();
  }

  async connect(handlers: ConnectionHandlers): Promise<Connection> {
    const { loseAfterBytes = Number.POSITIVE_INFINITY } = this.faults;
    let leftBytes = loseAfterBytes;
    let lost: EarlError | undefined;
    // Held bytes and the end of the connection pass through one queue, so that no data follows `onClose`.
    let inOrder = Promise.resolve();
    const later = (run: () => void) => {
      inOrder = inOrder.then(() => this.hold()).then(run);
    };
    const connection = await this.inner.connect({
      onData: (bytes) => {
        if (lost !== undefined) return;
        for (const piece of this.pieces(this.damage(bytes.subarray(0, leftBytes)))) later(() => handlers.onData(piece));
        leftBytes -= bytes.length;
        if (leftBytes > 0) return;
        lost = new EarlError('TRANSPORT_LOST', `${this.url} was lost: injected`);
        void connection.close();
      },
      onClose: (error) => later(() => handlers.onClose(lost ?? error)),
    });
    return {
      write: async (bytes) => {
        for (const piece of this.pieces(this.damage(bytes))) await connection.write(piece);
      },
      close: async () => {
        await connection.close();
        await inOrder;
      },
    };
  }

  private hold(): Promise<void> | undefined {
    const { delayMs = 0, random } = this.faults;
    if (delayMs > 0) return new Promise((resolve) => setTimeout(resolve, delayMs * random()));
    return this.faults.fragment ? new Promise((resolve) => setImmediate(resolve)) : undefined;
  }

  private damage(bytes: Uint8Array): Uint8Array {
    const { noise = 0, random } = this.faults;
    return bytes.map((byte) => {
      if (random() >= noise) return byte;
      this.damaged++;
      return byte ^ (1 << Math.floor(8 * random()));
    });
  }

  private pieces(bytes: Uint8Array): Uint8Array[] {
    if (!this.faults.fragment) return [bytes];
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; ) {
      const length = 1 + Math.floor(4 * this.faults.random());
      pieces.push(bytes.slice(at, at + length));
      at += length;
    }
    return pieces;
  }
}
