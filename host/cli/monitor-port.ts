/**
 * Listens to a transport, and to nothing else: what it hears goes to its handlers, and when the connection is lost it comes
 * back. It sends nothing, except a greeting where one is asked for. The first connection must succeed; later ones are
 * tried for ever, with growing pauses.
 */

import { EarlError, errorMessage } from '../../errors/index.ts';
import { Backoff } from '../gateway/backoff.ts';
import { type Clock, encodeFrame, encodeMessage } from '../link/index.ts';
import type { Connection, Transport } from '../transport/transport.ts';

export interface PortMonitorHandlers {
  onBytes(bytes: Uint8Array): void;
  onConnected(again: boolean): void;
  /** @param error why, `undefined` when the other end closed in order */
  onLost(error: EarlError | undefined): void;
  /** Before each pause; the first one after a loss, and those where the reason is another. */
  onRetry(reason: string, delayMs: number): void;
}

export interface PortMonitorOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly handlers: PortMonitorHandlers;
  /** Session number of a greeting at each connection; none is sent without. */
  readonly greetWith?: number | undefined;
  /** 0 up to 1; Math.random when absent. */
  readonly random?: () => number;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5000;

export class PortMonitor {
  reconnections = 0;

  private readonly options: PortMonitorOptions;
  private readonly backoff: Backoff;
  private connected = false;
  private stopped = false;
  private wake: () => void = () => {};

  constructor(options: PortMonitorOptions) {
    this.options = options;
    const { random = Math.random } = options;
    this.backoff = new Backoff({ firstMs: FIRST_PAUSE_MS, longestMs: LONGEST_PAUSE_MS, random });
  }

  /** Listens until `stop`. Rejects when the first connection fails. */
  async run(): Promise<void> {
    let lastReason = '';
    while (!this.stopped) {
      let reason: string;
      try {
        reason = await this.listen();
        lastReason = '';
      } catch (error) {
        if (this.stopped) return;
        if (!this.connected) throw error;
        reason = errorMessage(error);
      }
      if (this.stopped) return;
      const delayMs = this.backoff.next();
      if (reason !== lastReason) this.options.handlers.onRetry(reason, delayMs);
      lastReason = reason;
      await this.pause(delayMs);
    }
  }

  /** Ends `run`, and releases the transport. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.wake();
    await this.options.transport.dispose();
  }

  /** One connection, from its beginning to its end; why it ended. */
  private async listen(): Promise<string> {
    const { transport, handlers } = this.options;
    let onClose: (error: EarlError | undefined) => void = () => {};
    const closed = new Promise<EarlError | undefined>((resolve) => {
      onClose = resolve;
    });
    const onData = (bytes: Uint8Array) => {
      this.backoff.reset(); // a port that opens and closes at once is no success
      handlers.onBytes(bytes);
    };
    const connection = await transport.connect({ onData, onClose });
    handlers.onConnected(this.connected);
    if (this.connected) this.reconnections++;
    this.connected = true;
    await this.greet(connection);
    const error = await closed;
    if (!this.stopped) handlers.onLost(error);
    return error?.message ?? `${transport.url} was closed`;
  }

  private async greet(connection: Connection): Promise<void> {
    const session = this.options.greetWith;
    if (session === undefined) return;
    const frame = encodeFrame({ sequence: 0, ...encodeMessage({ name: 'hello_request', session }) });
    // A zero first: it ends what the probe may hold as the beginning of a frame.
    await connection.write(Uint8Array.of(0, ...frame)).catch((error: unknown) => {
      if (!(error instanceof EarlError)) throw error;
    });
  }

  private pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.options.clock.after(delayMs, resolve);
      this.wake = () => {
        cancel();
        resolve();
      };
    });
  }
}
