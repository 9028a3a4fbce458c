/**
 * A TCP proxy of the run's own, through which clients reach servers and servers their engine: it cuts, delays and
 * swallows, as networks do.
 *
 * While it is a hole nothing passes and nothing is closed, as behind a pulled cable: what the ends say waits in the
 * kernel's buffers, and goes on or is cut when the fault ends. Chunks in flight to a slow reader are bounded by the
 * pauses of `pipe`.
 */

import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Transform, type TransformCallback } from 'node:stream';

/** Changes what passes from server to client; made anew for each connection. */
export type Tamper = () => (chunk: Buffer) => Buffer;

export class FaultyProxy {
  readonly port: number;
  readonly #target: () => number;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  readonly #tamper: Tamper | undefined;
  #hole = false;
  #delayMs = 0;

  private constructor(port: number, server: Server, target: () => number, tamper: Tamper | undefined) {
    this.port = port;
    this.#server = server;
    this.#target = target;
    this.#tamper = tamper;
    server.on('connection', (client) => this.#accept(client));
  }

  /** @param target port on loopback, asked for each connection */
  static async start(port: number, target: () => number, tamper?: Tamper): Promise<FaultyProxy> {
    const server = createServer({ pauseOnConnect: true });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return new FaultyProxy(port, server, target, tamper);
  }

  /** Ends all connections at once, without a goodbye; how many. */
  cut(): number {
    const cut = this.#pairs.size;
    for (const pair of this.#pairs) pair.cut();
    return cut;
  }

  /** Lets nothing pass until it is switched off. */
  setHole(hole: boolean): void {
    this.#hole = hole;
    for (const pair of this.#pairs) pair.setHole(hole);
  }

  /** Holds everything back for so long. */
  setDelay(delayMs: number): void {
    this.#delayMs = delayMs;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.cut();
    await Promise.all([...this.#pairs].map(({ ended }) => ended));
  }

  #accept(client: Socket): void {
    const server = connect(this.#target(), '127.0.0.1');
    const pair = new Pair(client, server, () => this.#delayMs, this.#tamper?.());
    this.#pairs.add(pair);
    pair.setHole(this.#hole);
    void pair.ended.then(() => this.#pairs.delete(pair));
  }
}

class Pair {
  readonly ended: Promise<void>;
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #gates: readonly Gate[];

  constructor(client: Socket, server: Socket, delayMs: () => number, tamper: ((chunk: Buffer) => Buffer) | undefined) {
    this.#client = client;
    this.#server = server;
    const up = new Gate(delayMs, undefined);
    const down = new Gate(delayMs, tamper);
    this.#gates = [up, down];
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('error', () => this.cut());
    }
    client.pipe(up).pipe(server);
    server.pipe(down).pipe(client);
    this.ended = Promise.all([client, server].map(closed)).then(() => {});
    endAfter(client, up, server);
    endAfter(server, down, client);
  }

  setHole(hole: boolean): void {
    for (const gate of this.#gates) gate.setHole(hole);
  }

  /** `resetAndDestroy` never closes a socket that is ending already (libuv refuses, Node 20 forgets it). */
  cut(): void {
    this.#client.destroy();
    this.#server.destroy();
  }
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

/** How long the other end may take to read what was said last. */
const lingerMs = 200;

/** The other end hears of an end when it has heard what came before it: behind a hole, not before the hole is gone. */
function endAfter(ended: Socket, gate: Gate, other: Socket): void {
  ended.once('close', () => {
    gate.end();
    gate.once('end', () => setTimeout(() => other.destroy(), lingerMs));
  });
}

/** One direction of one connection. */
class Gate extends Transform {
  readonly #delayMs: () => number;
  readonly #tamper: ((chunk: Buffer) => Buffer) | undefined;
  #hole = false;
  #held: (() => void) | undefined;

  constructor(delayMs: () => number, tamper: ((chunk: Buffer) => Buffer) | undefined) {
    super();
    this.#delayMs = delayMs;
    this.#tamper = tamper;
  }

  setHole(hole: boolean): void {
    this.#hole = hole;
    if (hole) return;
    const held = this.#held;
    this.#held = undefined;
    held?.();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const pass = () => {
      if (this.#hole) this.#held = pass;
      else done(null, this.#tamper === undefined ? chunk : this.#tamper(chunk));
    };
    const delayMs = this.#delayMs();
    if (delayMs > 0) setTimeout(pass, delayMs);
    else pass();
  }
}
