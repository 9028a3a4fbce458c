/**
 * `--serial auto`: looks for serial ports with a known board behind them, again and again, because probes are plugged in
 * and out. What counts as known is said in host/transport/boards.ts; no other port is touched.
 */

import { errorMessage } from '../../errors/index.ts';
import type { Clock } from '../link/index.ts';
import { probePorts, type SerialPortEntry } from '../transport/list.ts';
import type { Log } from './log.ts';

export interface SerialWatchOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** E.g. `listSerialPorts`. */
  readonly list: () => Promise<SerialPortEntry[]>;
  readonly onFound: (port: SerialPortEntry) => void;
  readonly onGone: (port: SerialPortEntry) => void;
  /** Between two looks, 2000 ms when absent. */
  readonly periodMs?: number;
}

export class SerialWatch {
  private readonly options: SerialWatchOptions;
  private ports = new Map<string, SerialPortEntry>();
  private lastProblem = '';
  private stopped = false;
  private cancel: (() => void) | undefined;

  constructor(options: SerialWatchOptions) {
    this.options = options;
    void this.look();
  }

  stop(): void {
    this.stopped = true;
    this.cancel?.();
  }

  private async look(): Promise<void> {
    const { list, clock, periodMs = 2000 } = this.options;
    try {
      const ports = probePorts(await list());
      this.lastProblem = '';
      this.compare(ports);
    } catch (error) {
      this.compare([]);
      this.report(errorMessage(error));
    }
    if (!this.stopped) this.cancel = clock.after(periodMs, () => void this.look());
  }

  private compare(found: readonly SerialPortEntry[]): void {
    if (this.stopped) return;
    const before = this.ports;
    this.ports = new Map(found.map((port) => [port.url, port]));
    for (const [url, port] of before) if (!this.ports.has(url)) this.options.onGone(port);
    for (const [url, port] of this.ports) if (!before.has(url)) this.options.onFound(port);
  }

  /** Says why there is nothing to connect, once until that changes. */
  private report(message: string): void {
    if (this.stopped || message === this.lastProblem) return;
    this.lastProblem = message;
    this.options.log({ level: 'warn', event: 'no-port', message: `${message} (still looking)` });
  }
}
