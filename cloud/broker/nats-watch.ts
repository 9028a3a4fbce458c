/**
 * Notices when NATS goes and comes: the connection to the server at hand, and, behind it, the home stream, which is asked
 * every few seconds. Whatever was away is checked before it is trusted again.
 */

import type { NatsConnection } from '@nats-io/transport-node';
import { errorMessage } from '../../errors/index.ts';
import { isNoStream, type NatsLog } from './nats-log.ts';

export interface NatsWatchOptions {
  readonly nats: NatsConnection;
  readonly stream: NatsLog;
  readonly everyMs: number;
  /** Of the stream as it is known here. */
  readonly epoch: () => string;
  readonly onLost: () => void;
  readonly onFound: () => void;
  /** NATS is back, or the home stream has another epoch. A rejection is logged, and it is tried again. */
  readonly recover: (reconnected: boolean) => Promise<void>;
  readonly log: (line: string) => void;
}

export class NatsWatch {
  readonly #options: NatsWatchOptions;
  #timer: NodeJS.Timeout | undefined;
  #connected = true;
  /** Connections so far, and how many of them have been recovered from. */
  #connections = 0;
  #recovered = 0;
  #homeAway = false;
  #looking = false;
  #stopped = false;

  constructor(options: NatsWatchOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#watchConnection();
    this.#timer = setInterval(() => void this.#look(), this.#options.everyMs);
    this.#timer.unref();
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  async #watchConnection(): Promise<void> {
    for await (const status of this.#options.nats.status()) {
      if (this.#stopped) return;
      if (status.type === 'disconnect') {
        this.#connected = false;
        this.#options.onLost();
        this.#options.log('the connection to NATS is lost: messages wait until it is back');
      } else if (status.type === 'reconnect') {
        this.#connected = true;
        this.#connections += 1;
        this.#options.onFound();
        void this.#look();
      }
    }
  }

  async #look(): Promise<void> {
    if (this.#looking || this.#stopped || !this.#connected) return;
    this.#looking = true;
    try {
      const connections = this.#connections;
      const reconnected = connections > this.#recovered;
      const epoch = await this.#epochAtHome();
      if (!reconnected && !this.#homeAway && epoch === this.#options.epoch()) return;
      await this.#options.recover(reconnected);
      this.#recovered = connections;
      if (this.#homeAway) this.#options.log('the stream in NATS can be reached again');
      this.#homeAway = false;
    } catch (error) {
      if (this.#stopped) return;
      if (!this.#homeAway) {
        const consequence = 'what is published waits, and nothing new is delivered';
        this.#options.log(`the stream in NATS cannot be reached: ${problemOf(error)}; ${consequence}`);
      }
      this.#homeAway = true;
    } finally {
      this.#looking = false;
    }
  }

  /** Undefined when there is no such stream any more. */
  async #epochAtHome(): Promise<string | undefined> {
    try {
      return (await this.#options.stream.homeState()).epoch;
    } catch (error) {
      if (isNoStream(error)) return undefined;
      throw error;
    }
  }
}

/** What the client says when nobody answers is that JetStream is not enabled: behind a leaf node its home is away. */
function problemOf(error: unknown): string {
  const text = errorMessage(error);
  return text === 'jetstream is not enabled' ? 'nobody answers for it' : text;
}
