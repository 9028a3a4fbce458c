/**
 * One transport, kept connected for ever: connects, hands bytes to its link session, and comes back with jittered
 * backoff when the connection ends. Who answers at the other end, and what it says, is the gateway's business.
 *
 * What it leaves out: finding transports (see host/transport) and greeting, retransmission and liveness, which are the
 * session's (host/link/session.ts).
 */

import { errorMessage } from '../../errors/index.ts';
import {
  type Authentication,
  type Clock,
  type MessageOf,
  type ProbeMessage,
  type Received,
  type Refusal,
  Session,
  type SessionState,
} from '../link/index.ts';
import type { Connection, Transport } from '../transport/transport.ts';
import { Backoff, type BackoffOptions } from './backoff.ts';
import { leastDelayMs } from './least-delay.ts';
import type { Log } from './log.ts';

export interface ProbeLinkHandlers {
  /** The probe of this connection said who it is, for the first time or after a restart. */
  onHello(link: ProbeLink, hello: MessageOf<'hello'>, about: { readonly restarted: boolean }): void;
  /** The probe of this connection is not let in; what its hello says is a claim. Once per connection and reason. */
  onRefused?(link: ProbeLink, hello: MessageOf<'hello'>, refusal: Refusal): void;
  onMessage(link: ProbeLink, message: ProbeMessage, received: Received): void;
  onState(link: ProbeLink, state: SessionState): void;
  /** The connection ended; `reason` is for people. */
  onLost(link: ProbeLink, reason: string): void;
}

export interface ProbeLinkOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  /** 0 up to 1. */
  readonly random: () => number;
  readonly log: Log;
  readonly backoff: Pick<BackoffOptions, 'firstMs' | 'longestMs'>;
  /** Commands that may wait for the probe. */
  readonly maxCommands: number;
  /** What probes must show; without it everything is taken for what it says it is. */
  readonly authentication?: Authentication;
  readonly handlers: ProbeLinkHandlers;
}

export class ProbeLink {
  readonly transport: Transport;
  readonly session: Session;
  private readonly options: ProbeLinkOptions;
  private readonly backoff: Backoff;
  private connection: Connection | undefined;
  private closed = false;
  private running: Promise<void> | undefined;
  private lastError = '';
  private closeReason: string | undefined;
  private holdMs = 0;
  private wakeUp: (() => void) | undefined;

  constructor(options: ProbeLinkOptions) {
    const { transport, clock, random, maxCommands, handlers, authentication } = options;
    this.options = options;
    this.transport = transport;
    this.backoff = new Backoff({ ...options.backoff, random });
    this.session = new Session({
      clock,
      random,
      maxCommands,
      leastDelayMs: leastDelayMs(transport.baud),
      ...(authentication && { authentication }),
      handlers: {
        onHello: (hello, about) => {
          this.backoff.reset();
          handlers.onHello(this, hello, about);
        },
        onRefused: (hello, refusal) => handlers.onRefused?.(this, hello, refusal),
        onMessage: (message, received) => handlers.onMessage(this, message, received),
        onState: (state) => handlers.onState(this, state),
      },
    });
  }

  get url(): string {
    return this.transport.url;
  }

  /** Begins to connect, and never gives up until `close`. */
  start(): void {
    this.running ??= this.run();
  }

  /** Ends this connection and begins another, at the earliest after `holdMs` or a `wake`. */
  reconnect(reason: string, holdMs = 0): void {
    this.holdMs = holdMs;
    this.closeReason = reason;
    this.connection?.close().catch(() => {}); // it is over either way
  }

  /** Tries to connect now, if it is waiting to. */
  wake(): void {
    this.wakeUp?.();
  }

  /** Ends for good and releases the transport. */
  async close(): Promise<void> {
    this.closed = true;
    this.wake();
    this.session.dispose();
    await this.transport.dispose();
    await this.running;
  }

  private async run(): Promise<void> {
    while (!this.closed) {
      const reason = await this.connectOnce();
      if (this.closed) return;
      if (reason !== undefined) this.options.handlers.onLost(this, reason);
      await this.pause(Math.max(this.backoff.next(), this.holdMs));
      this.holdMs = 0;
    }
  }

  /** Connects and stays until the connection ends. Returns why it ended; undefined when there never was one. */
  private async connectOnce(): Promise<string | undefined> {
    let ended: (error?: Error) => void = () => {};
    const end = new Promise<Error | undefined>((resolve) => {
      ended = resolve;
    });
    this.closeReason = undefined;
    try {
      const onData = (bytes: Uint8Array) => this.session.receive(bytes);
      this.connection = await this.options.transport.connect({ onData, onClose: ended });
    } catch (error) {
      this.reportFailure(error);
      return undefined;
    }
    this.lastError = '';
    const { connection } = this;
    if (this.closed) return undefined; // dispose ends the connection
    this.session.attach((bytes) => connection.write(bytes));
    const error = await end;
    this.session.detach();
    this.connection = undefined;
    return this.closeReason ?? (error ? errorMessage(error) : 'connection closed');
  }

  /** Says why a connection failed, once until something else happens. */
  private reportFailure(error: unknown): void {
    const message = errorMessage(error);
    if (this.closed || message === this.lastError) return;
    this.lastError = message;
    this.options.log({
      level: 'warn',
      event: 'transport-failed',
      message: `${this.url}: ${message} (still trying)`,
      transport: this.url,
    });
  }

  private async pause(delayMs: number): Promise<void> {
    if (this.closed) return;
    await new Promise<void>((resolve) => {
      const cancel = this.options.clock.after(delayMs, resolve);
      this.wakeUp = () => {
        cancel();
        resolve();
      };
    });
    this.wakeUp = undefined;
  }
}
