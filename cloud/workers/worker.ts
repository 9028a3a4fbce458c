/**
 * A worker of `earl cloud --workers`: the cloud as it runs alone, on a port that it shares with others and over the hub of
 * the primary, or over the engine. It begins, drains and ends as the primary says, and ends when the primary is gone.
 */

import { EarlError, errorMessage } from '../../errors/index.ts';
import { HubBroker } from '../broker/hub.ts';
import { type Cloud, type CloudOptions, startCloud } from '../server/index.ts';
import { LoadMeter } from './load-meter.ts';
import type { Begin, ToPrimary, ToWorker } from './messages.ts';
import { limitsOfOne } from './shares.ts';

/** Time between two reports of the load. */
const reportMs = 500;
/** For the primary to gather everybody's metrics; it waits for 1 s itself. */
const metricsTimeoutMs = 3_000;

/** Runs until the primary ends it, or is gone; ends the process. `drainMs`: for a signal to this process alone. */
export async function runWorker(options: CloudOptions, drainMs: number): Promise<never> {
  const log = options.log ?? (() => {});
  const begin = await beginning();
  const worker = new CloudWorker(begin, drainMs, (line) => log(`worker ${begin.worker}: ${line}`));
  try {
    await worker.start(options);
  } catch (error) {
    const code = error instanceof EarlError ? error.code : 'WORKER_FAILED';
    await tell({ kind: 'failed', code, message: errorMessage(error) });
    process.exit(1);
  }
  return await new Promise<never>(() => {});
}

/** Asks the primary how to begin. */
function beginning(): Promise<Begin> {
  return new Promise((resolve) => {
    const onMessage = (message: ToWorker) => {
      if (message.kind !== 'begin') return;
      process.off('message', onMessage);
      resolve(message);
    };
    process.on('message', onMessage);
    void tell({ kind: 'ready' });
  });
}

/** Resolves when it is on its way, or the primary is gone. */
function tell(message: ToPrimary): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected) resolve();
    else process.send!(message, undefined, undefined, () => resolve());
  });
}

class CloudWorker {
  readonly #begin: Begin;
  readonly #log: (line: string) => void;
  readonly #asked = new Map<number, (text: string) => void>();
  readonly #meter = new LoadMeter();
  #ids = 0;
  #workers: number;
  #cloud: Cloud | undefined;
  #hub: HubBroker | undefined;
  #hubMs: number | undefined;
  #asking = false;
  #leaving = false;

  constructor(begin: Begin, drainMs: number, log: (line: string) => void) {
    this.#begin = begin;
    this.#log = log;
    this.#workers = begin.workers;
    process.on('message', (message: ToWorker) => void this.#take(message));
    // Ctrl-C reaches every process of the terminal; what is to be done then, the primary says.
    process.on('SIGINT', () => {});
    process.on('SIGUSR2', () => {});
    process.on('SIGTERM', () => {
      void tell({ kind: 'leaving' });
      void this.#drain(drainMs, false);
    });
  }

  /** Rejects as `startCloud`. */
  async start(options: CloudOptions): Promise<void> {
    const { worker, port, mqttPort, token, hub, mostWorkers } = this.#begin;
    if (hub !== undefined) {
      this.#hub = await HubBroker.connect({
        ...hub,
        worker,
        onLost: () => this.#onHubLost(),
        onSubscriberError: (error, { topic }) => this.#log(`delivering a message on ${topic}: ${errorMessage(error)}`),
      });
    }
    this.#cloud = await startCloud({
      ...options,
      port,
      ...(mqttPort === undefined ? {} : { mqttPort }),
      ...(token === undefined ? {} : { token }),
      ...(this.#hub && { broker: this.#hub }),
      limits: { ...limitsOfOne(mostWorkers), ...options.limits },
      seat: { worker, workers: () => this.#workers, allMetrics: (own) => this.#allMetrics(own) },
      log: this.#log,
    });
    setInterval(() => void this.#report(), reportMs).unref();
    await tell({ kind: 'listening', url: this.#cloud.url });
  }

  async #take(message: ToWorker): Promise<void> {
    switch (message.kind) {
      case 'workers':
        this.#workers = message.count;
        return;
      case 'metrics':
        await tell({ kind: 'metrics', id: message.id, text: (await this.#cloud?.metricsText()) ?? '' });
        return;
      case 'allMetrics':
        this.#asked.get(message.id)?.(message.text);
        return;
      case 'shed':
        await this.#shed(message.share, message.overMs);
        return;
      case 'listen':
        await this.#cloud?.takeConnections(true);
        return;
      case 'drain':
        await this.#drain(message.overMs, message.alone);
        return;
      case 'begin':
        return;
      default:
        message satisfies never;
    }
  }

  /** Its own alone, when the primary does not answer. */
  #allMetrics(own: string): Promise<string> {
    const id = ++this.#ids;
    return new Promise((resolve) => {
      const end = (text: string) => {
        clearTimeout(timer);
        this.#asked.delete(id);
        resolve(text);
      };
      const timer = setTimeout(() => end(own), metricsTimeoutMs);
      this.#asked.set(id, end);
      void tell({ kind: 'allMetrics', id, text: own });
    });
  }

  async #shed(share: number, overMs: number): Promise<void> {
    const cloud = this.#cloud;
    if (cloud === undefined || this.#leaving) return;
    await cloud.takeConnections(false);
    await cloud.shed(share, overMs);
    await cloud.takeConnections(true);
    await tell({ kind: 'shed' });
  }

  async #drain(overMs: number, alone: boolean): Promise<void> {
    if (this.#leaving) {
      // A signal of its own had it leave at leisure, and now the whole cloud ends.
      setTimeout(() => void this.#cloud?.close(), overMs);
      return;
    }
    this.#leaving = true;
    // Others take connections: none is refused here.
    if (!alone) await this.#cloud?.takeConnections(false);
    await this.#cloud?.drain(overMs);
    await this.#hub?.close();
    await tell({ kind: 'drained' });
    process.exit(0);
  }

  async #report(): Promise<void> {
    const load = this.#meter.take();
    void this.#askHub();
    await tell({ kind: 'load', ...load, connections: this.#cloud?.connections ?? 0, hubMs: this.#hubMs });
  }

  /** One question at a time: a hub that is slow is not asked more. */
  async #askHub(): Promise<void> {
    if (this.#hub === undefined || this.#asking) return;
    this.#asking = true;
    try {
      this.#hubMs = await this.#hub.roundTripMs();
    } catch {
      // Without the hub this process ends.
    }
    this.#asking = false;
  }

  /** The primary is gone, and with it what was not acknowledged. */
  #onHubLost(): void {
    if (this.#leaving) return;
    this.#log('the primary is gone: this worker ends');
    process.exit(1);
  }
}
