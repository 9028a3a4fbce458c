/**
 * `earl emulate --gdb PORT`: a GDB server on 127.0.0.1 for the emulated chip, one debugger at a time.
 *
 * The chip stands still until a debugger says `continue`; board time passes only while the program runs. When the
 * debugger goes the program runs on; when the next one comes it stops where it is.
 */

import { createServer, type Server, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { EarlError } from '../../errors/index.ts';
import { type Board, GdbSession, GdbTarget, Pacer } from '../emulator/index.ts';
import { nodeTimers } from '../transport/node-timers.ts';

/** Board time between two looks at the socket when it runs as fast as it can. */
const FAST_SLICE_S = 0.01;

export interface GdbRun {
  readonly board: Board;
  /** Board seconds per second; Infinity: as fast as it goes. */
  readonly speed: number;
  /** Board time at which it ends. */
  readonly seconds: number;
  readonly signal: AbortSignal;
  afterSlice(): void;
  drained(): Promise<void>;
}

export class GdbServer {
  readonly port: number;
  private readonly server: Server;
  private client: Socket | undefined;

  private constructor(server: Server, port: number) {
    this.server = server;
    this.port = port;
  }

  /** Listens on a port of 127.0.0.1, 0 for any. Rejects with `PORT_IN_USE`. */
  static listen(port: number): Promise<GdbServer> {
    return new Promise((resolve, reject) => {
      const server = createServer();
      server.once('error', (error: NodeJS.ErrnoException) => {
        const code = error.code === 'EADDRINUSE' ? 'PORT_IN_USE' : 'TRANSPORT_FAILED';
        reject(new EarlError(code, `cannot listen on 127.0.0.1:${port}: ${error.message}`, { cause: error }));
      });
      server.listen(port, '127.0.0.1', () => {
        const address = server.address();
        resolve(new GdbServer(server, address !== null && typeof address === 'object' ? address.port : port));
      });
    });
  }

  /** Serves debuggers until the board's time is over or `signal` aborts. */
  run(options: GdbRun): Promise<void> {
    const { board, signal } = options;
    const target = new GdbTarget(board.mcu);
    return new Promise((resolve, reject) => {
      let session: GdbSession | undefined;
      const clock = new BoardClock(options, {
        afterSlice: () => session?.afterSlice(),
        ended: () => finish(),
        failed: (error) => {
          clock.stop();
          reject(error);
        },
      });
      const finish = () => {
        clock.stop();
        resolve();
      };
      this.server.on('connection', (socket) => {
        if (!this.accept(socket)) return;
        clock.stop();
        const current = new GdbSession(target, {
          send: (bytes) => void socket.write(bytes),
          resume: () => clock.start(),
          pause: () => clock.stop(),
        });
        session = current;
        socket.on('data', (bytes) => guard(() => current.receive(bytes), reject));
        socket.on('close', () => {
          session = undefined;
          guard(() => current.close(), reject);
        });
      });
      if (signal.aborted) finish();
      else signal.addEventListener('abort', finish, { once: true });
    });
  }

  async close(): Promise<void> {
    this.client?.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  /** A chip has one debug port: whoever comes second is sent away. */
  private accept(socket: Socket): boolean {
    socket.on('error', () => {});
    if (this.client) {
      socket.destroy();
      return false;
    }
    this.client = socket;
    socket.setNoDelay(true);
    socket.on('close', () => {
      this.client = undefined;
    });
    return true;
  }
}

function guard(action: () => void, failed: (error: unknown) => void): void {
  try {
    action();
  } catch (error) {
    failed(error);
  }
}

interface ClockEvents {
  afterSlice(): void;
  ended(): void;
  failed(error: unknown): void;
}

/** Lets the board's time pass, or not. */
class BoardClock {
  private readonly options: GdbRun;
  private readonly events: ClockEvents;
  private readonly pacer: Pacer | undefined;
  private running = false;
  private turns = 0;

  constructor(options: GdbRun, events: ClockEvents) {
    this.options = options;
    this.events = events;
    if (options.speed === Number.POSITIVE_INFINITY) return;
    this.pacer = new Pacer(options.board, nodeTimers, {
      speed: options.speed,
      onSlice: () => this.afterSlice(),
      onError: (error) => events.failed(error),
    });
  }

  start(): void {
    if (this.running) return;
    this.running = true;
    if (this.pacer) this.pacer.start();
    else void this.runFast(++this.turns);
  }

  stop(): void {
    this.running = false;
    this.pacer?.stop();
  }

  /** `turn` tells this run from one that was stopped and has not noticed yet. */
  private async runFast(turn: number): Promise<void> {
    const { board, seconds, drained } = this.options;
    try {
      while (this.running && this.turns === turn) {
        board.runFor(Math.min(FAST_SLICE_S, Math.max(1e-6, seconds - board.seconds)));
        this.afterSlice();
        await drained();
        await nextTurn();
      }
    } catch (error) {
      this.events.failed(error);
    }
  }

  private afterSlice(): void {
    this.options.afterSlice();
    this.events.afterSlice();
    if (this.options.seconds - this.options.board.seconds < 1e-6) this.events.ended();
  }
}
