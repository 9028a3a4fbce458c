/**
 * The one way up: spool and cloud client together.
 *
 * Every message goes through the spool, connected or not, and leaves by publishAcknowledged with a window of messages
 * on their way, so that latency is one way and not a round trip. When the connection ends, what was not acknowledged is
 * sent again with the same sequence numbers, which the server knows: nothing is delivered twice. What the spool had to
 * drop is reported when the cloud is back.
 */

import type { CloudClient } from '../../cloud/client/client.ts';
import { EarlError, errorMessage } from '../../errors/index.ts';
import type { Clock } from '../link/index.ts';
import type { Log } from './log.ts';
import { Spool, type SpoolEntry, type SpoolLimits, type SpoolMessage } from './spool.ts';

export interface UplinkOptions {
  readonly client: CloudClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: SpoolLimits;
  /** Messages on their way before the first of them is acknowledged; 512 when absent. */
  readonly window?: number;
  /** Window in which samples are gathered into one message to the cloud, ms; 0 when absent. Asked for each sample. */
  readonly batchMs?: () => number;
  /** Pause after the server said that it is overloaded, ms. */
  readonly retryMs?: number;
  /** A message had to go: the spool was full, or the server will never take it. */
  readonly onDropped: (message: SpoolMessage) => void;
  /** The cloud is there, again: returns the states to publish first. */
  readonly onConnected: () => readonly SpoolMessage[];
}

/** What was dropped since it was last reported. */
interface Dropped {
  sample: number;
  event: number;
  state: number;
}

/** A cloud that is not there by then, at the start, is worth a line. */
const HINT_MS = 3000;

export class Uplink {
  private readonly options: UplinkOptions;
  private readonly spool: Spool;
  private readonly window: number;
  private readonly stopWatching: () => void;
  private dropped: Dropped = { sample: 0, event: 0, state: 0 };
  /** Changes with every connection and retry, so that a late rejection of what will be sent again is recognised. */
  private connection = 0;
  private pause: (() => void) | undefined;
  private drained: (() => void)[] = [];
  private closed = false;
  private wasConnected = false;
  private cancelHint: (() => void) | undefined;

  constructor(options: UplinkOptions) {
    this.options = options;
    this.window = options.window ?? 512;
    this.spool = new Spool(options.limits, (entry) => this.drop(entry));
    this.stopWatching = options.client.onState((connected, reason) => {
      if (connected) this.connected();
      else this.disconnected(reason);
    });
    if (options.client.connected) this.connected();
    else this.cancelHint = options.clock.after(HINT_MS, () => this.hint());
  }

  /** Messages that the cloud has not acknowledged. */
  get waiting(): number {
    return this.spool.size;
  }

  /** Takes a message; sends it now or when the cloud is back. */
  publish(message: SpoolMessage): void {
    if (this.closed) return;
    this.spool.push(message);
    this.pump();
  }

  /** Resolves when everything is acknowledged, or after `timeoutMs`; the value says which. */
  drain(timeoutMs: number): Promise<boolean> {
    if (this.spool.size === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const finish = (empty: boolean) => {
        this.drained = this.drained.filter((waiter) => waiter !== onDrained);
        cancel();
        resolve(empty);
      };
      const cancel = this.options.clock.after(timeoutMs, () => finish(false));
      const onDrained = () => finish(true);
      this.drained.push(onDrained);
    });
  }

  /** Stops; what waits is lost. The client belongs to the caller. */
  close(): void {
    this.closed = true;
    this.stopWatching();
    this.pause?.();
    this.cancelHint?.();
  }

  private hint(): void {
    const message = 'the cloud has not answered yet: keeping samples until it does';
    this.options.log({ level: 'warn', event: 'cloud-unreachable', message });
  }

  private connected(): void {
    this.connection++;
    this.cancelHint?.();
    const { log, onConnected } = this.options;
    const { sample, event, state } = this.dropped;
    this.dropped = { sample: 0, event: 0, state: 0 };
    const waiting = this.spool.size;
    const message = this.wasConnected ? `the cloud is back, ${waiting} messages wait for it` : 'connected to the cloud';
    this.wasConnected = true;
    log({ level: 'info', event: 'cloud-connected', message, waiting });
    if (sample + event + state > 0) {
      const what = `dropped while the cloud was away: ${sample} samples, ${event} events`;
      log({ level: 'warn', event: 'spool-dropped', message: what, samples: sample, events: event });
    }
    this.pause?.();
    this.pause = undefined;
    this.spool.rewind();
    this.spool.pushFirst(onConnected());
    this.pump();
  }

  private disconnected(reason?: string): void {
    this.connection++;
    this.cancelHint?.();
    this.spool.rewind();
    const message = `cloud away${reason ? ` (${reason})` : ''}: keeping samples until it is back`;
    this.options.log({ level: 'warn', event: 'cloud-disconnected', message, ...(reason && { reason }) });
  }

  private pump(): void {
    const { client } = this.options;
    while (!this.closed && this.pause === undefined && client.connected && this.spool.inFlight < this.window) {
      const entry = this.spool.take();
      if (entry === undefined) return;
      this.send(entry, this.connection);
    }
  }

  private send(entry: SpoolEntry, connection: number): void {
    const { client } = this.options;
    const retain = entry.kind === 'state';
    const batchMs = entry.kind === 'sample' ? (this.options.batchMs?.() ?? 0) : 0;
    client.publishAcknowledged(entry.topic, entry.data, entry.seq!, { retain, batchMs }).then(
      () => this.settled(entry),
      (error: unknown) => this.refused(entry, connection, error),
    );
  }

  private settled(entry: SpoolEntry): void {
    this.spool.settle(entry);
    this.pump();
    if (this.spool.size === 0) for (const waiter of [...this.drained]) waiter();
  }

  private refused(entry: SpoolEntry, connection: number, error: unknown): void {
    if (connection !== this.connection) return; // rewound already
    const code = error instanceof EarlError ? error.code : undefined;
    if (code === 'CLOUD_DISCONNECTED') {
      // The client will say so by onState; should it still be connected, go on after a pause.
      this.connection++;
      this.spool.rewind();
      this.resumeLater();
    } else if (code === 'CLOUD_OVERLOADED') {
      // What left after it has been refused with it, or will be.
      this.connection++;
      this.spool.retry();
      this.resumeLater();
    } else {
      const message = `the cloud refused ${entry.topic}: ${errorMessage(error)}`;
      this.options.log({ level: 'error', event: 'refused', message, topic: entry.topic });
      this.drop(entry);
      this.settled(entry);
    }
  }

  private resumeLater(): void {
    if (this.pause !== undefined || this.closed) return;
    this.pause = this.options.clock.after(this.options.retryMs ?? 250, () => {
      this.pause = undefined;
      this.pump();
    });
  }

  private drop(entry: SpoolEntry): void {
    this.dropped[entry.kind]++;
    this.options.onDropped(entry);
  }
}
