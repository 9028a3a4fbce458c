/**
 * The metrics of all processes of a machine, asked for through the primary, and the primary's own: workers, restarts, the
 * hub and what waits in it for each worker (docs/scaling.md, "Workers").
 */

import { Gauge, Registry } from 'prom-client';
import { EarlError } from '../../errors/index.ts';
import type { HubServer } from '../broker/hub-server.ts';
import type { Broker, LocalBroker } from '../broker/index.ts';
import { Metrics } from '../server/metrics.ts';
import { noCounts } from '../server/options.ts';
import { readCounter, readGauge } from '../server/read-metrics.ts';
import { type Exposition, mergeExpositions } from './metrics-merge.ts';
import type { WorkerProcess } from './worker-process.ts';

/** For each worker; one that does not answer by then is said not to. */
const patienceMs = 1_000;
/** Value of the label `worker` for what is the primary's. */
const primaryName = 'primary';

/** Where an engine has the messages, the primary has none and asks for none. */
const nobody: Broker = {
  subscribe: () => Promise.reject(new EarlError('BROKER_CLOSED', 'the primary has no messages')),
  read: async () => ({ messages: [], complete: false }),
  publish: () => undefined,
  close: async () => {},
};

export interface SupervisorSources {
  readonly broker: LocalBroker | undefined;
  workers(): readonly WorkerProcess[];
  /** Workers that were started in the place of others. */
  restarts(): number;
  hub(): HubServer | undefined;
}

export class SupervisorMetrics {
  readonly #sources: SupervisorSources;
  readonly #own: Metrics;
  readonly #registry = new Registry();
  /** Numbers of the workers that did not answer the last question. */
  #silent = new Set<number>();

  constructor(sources: SupervisorSources) {
    this.#sources = sources;
    this.#own = new Metrics({
      broker: sources.broker ?? nobody,
      counters: noCounts(),
      connections: () => 0,
      waitingBytes: () => (sources.hub()?.peers ?? []).reduce((sum, peer) => sum + peer.waitingBytes, 0),
      isDraining: () => false,
    });
    this.#registry.setDefaultLabels({ process: String(process.pid) });
    this.#add();
  }

  start(): void {
    this.#own.start();
  }

  stop(): void {
    this.#own.stop();
  }

  /** Everybody's, given those of the worker that asks. */
  async all(asker: WorkerProcess, own: string): Promise<string> {
    const others = this.#sources.workers().filter((worker) => worker !== asker && worker.state !== 'starting');
    const told = await Promise.all(others.map(async (worker) => ({ worker, text: await worker.metrics(patienceMs) })));
    this.#silent = new Set(told.flatMap(({ worker, text }) => (text === undefined ? [worker.number] : [])));
    const workers = [{ worker: asker, text: own }, ...told].sort((a, b) => a.worker.number - b.worker.number);
    const expositions: Exposition[] = [
      { worker: primaryName, text: await this.#own.text() },
      { worker: primaryName, text: await this.#registry.metrics() },
      ...workers.map(({ worker, text = '' }) => ({ worker: String(worker.number), text })),
    ];
    return mergeExpositions(expositions);
  }

  #add(): void {
    const { workers, restarts, hub } = this.#sources;
    const listening = () => workers().filter(({ state }) => state === 'listening');
    this.#gauge('earl_workers', 'Workers that take connections.', () => listening().length);
    this.#counter('earl_worker_restarts_total', 'Workers started in the place of others that ended.', restarts);
    this.#perWorker('earl_worker_unanswered', '1 for a worker that did not tell its metrics within a second.', () =>
      workers().map(({ number }) => [number, Number(this.#silent.has(number))]),
    );
    this.#perWorker('earl_worker_utilisation', 'Share of the time in which the event loop was busy, lately.', () =>
      listening().flatMap(({ number, load }) => (load ? [[number, load.utilisation]] : [])),
    );
    this.#perWorker('earl_hub_round_trip_seconds', 'A question of a worker to the hub and its answer, lately.', () =>
      listening().flatMap(({ number, load }) => (load?.hubMs === undefined ? [] : [[number, load.hubMs / 1000]])),
    );
    this.#perWorker('earl_hub_waiting_bytes', 'Messages that wait in the hub for a worker.', () =>
      (hub()?.peers ?? []).map(({ worker, waitingBytes }) => [worker, waitingBytes]),
    );
    this.#counter(
      'earl_hub_gaps_total',
      'How often messages for a worker that did not read were dropped; its clients resumed.',
      () => hub()?.gaps ?? 0,
    );
  }

  #gauge(name: string, help: string, read: () => number): void {
    readGauge(this.#registry, name, help, read);
  }

  #counter(name: string, help: string, read: () => number): void {
    readCounter(this.#registry, name, help, read);
  }

  #perWorker(name: string, help: string, read: () => readonly (readonly [worker: number, value: number])[]): void {
    new Gauge({
      name,
      help,
      labelNames: ['worker'],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const [worker, value] of read()) this.set({ worker: String(worker) }, value);
      },
    });
  }
}
