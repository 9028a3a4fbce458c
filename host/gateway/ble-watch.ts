/**
 * `--ble`: serves every serial bridge that advertises, now or later. A bridge that is connected to is silent, so one is taken
 * to be gone only after it was neither heard nor connected for ten minutes; heard again, it is found anew.
 *
 * What counts as a bridge is said in host/transport/ble-bridges.ts. Bridges are told apart by address, not by name: names
 * are not unique, and anybody can take one.
 */

import { errorMessage } from '../../errors/index.ts';
import type { Clock } from '../link/index.ts';
import type { BleAdapter, Sighting } from '../transport/ble-adapter.ts';
import type { Log } from './log.ts';

export interface BleWatchOptions {
  readonly adapter: Pick<BleAdapter, 'hold' | 'release' | 'observe'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Is this one served under a URL that the user gave? */
  readonly isServed: (sighting: Sighting) => boolean;
  readonly isConnected: (url: string) => boolean;
  readonly onFound: (url: string) => void;
  readonly onGone: (url: string) => void;
  /** 64 when absent; others are not served, and that is said once. */
  readonly maxBridges?: number;
  /** 10 minutes when absent. */
  readonly forgetMs?: number;
}

const RETRY_MS = 5000;
const SWEEP_MS = 30_000;

export class BleWatch {
  private readonly options: BleWatchOptions;
  /** When each was last heard, or known to be connected, by URL. */
  private readonly served = new Map<string, number>();
  private stopped = false;
  private lastProblem = '';
  private full = false;
  private stopObserving: (() => void) | undefined;
  private cancelOpen: () => void = () => {};
  private cancelSweep: () => void = () => {};

  constructor(options: BleWatchOptions) {
    this.options = options;
    void this.open();
    this.sweepLater();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.stopObserving?.();
    this.cancelOpen();
    this.cancelSweep();
    await this.options.adapter.release(this);
  }

  /** Until there is an adapter, and again when it went away. */
  private async open(): Promise<void> {
    const { adapter, clock } = this.options;
    try {
      await adapter.hold(this);
      if (this.stopped) return;
      this.stopObserving ??= adapter.observe({
        all: false,
        urgent: false,
        onSighting: (sighting) => this.take(sighting),
        onTrouble: (error) => this.report(error.message),
      });
    } catch (error) {
      this.report(errorMessage(error));
    }
    if (!this.stopped) this.cancelOpen = clock.after(RETRY_MS, () => void this.open());
  }

  private take(sighting: Sighting): void {
    const { clock, log, maxBridges = 64, isServed, onFound } = this.options;
    if (this.stopped || isServed(sighting)) return;
    this.lastProblem = '';
    const { address, name, bridge, rssiDbm } = sighting;
    const url = `ble:${address}`;
    const known = this.served.has(url);
    if (!known && this.served.size >= maxBridges) {
      const message = `${maxBridges} Bluetooth bridges are served already: ${url} and further ones are not`;
      if (!this.full) log({ level: 'warn', event: 'too-many-bridges', message });
      this.full = true;
      return;
    }
    this.served.set(url, clock.nowMs());
    if (known) return;
    const message = `found ${name ?? 'a bridge without a name'}: ${url}, ${bridge?.name}, ${rssiDbm} dBm`;
    log({ level: 'info', event: 'bridge-found', message, transport: url, name: name ?? '', rssiDbm });
    onFound(url);
  }

  private sweepLater(): void {
    const { clock, forgetMs = 600_000, isConnected, onGone } = this.options;
    this.cancelSweep = clock.after(SWEEP_MS, () => {
      const nowMs = clock.nowMs();
      for (const [url, heardMs] of [...this.served]) {
        if (isConnected(url)) this.served.set(url, nowMs);
        else if (nowMs - heardMs > forgetMs) {
          this.served.delete(url);
          this.full = false;
          onGone(url);
        }
      }
      this.sweepLater();
    });
  }

  /** Says why nothing is found, once until that changes. */
  private report(message: string): void {
    if (this.stopped || message === this.lastProblem) return;
    this.lastProblem = message;
    this.options.log({ level: 'warn', event: 'no-adapter', message: `${message} (still trying)` });
  }
}
