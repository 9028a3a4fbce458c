/**
 * The primary of `earl cloud --workers`: starts the workers, replaces those that die, and ends or renews them one by one
 * (docs/adr/0011-workers.md). It serves no clients. Without an engine it holds the messages, so that what was
 * acknowledged survives the end of any worker.
 */

import cluster from 'node:cluster';
import { availableParallelism } from 'node:os';
import { EarlError, errorMessage } from '../../errors/index.ts';
import type { JournalOptions } from '../broker/index.ts';
import { generateToken, isLoopback } from '../server/tokens.ts';
import { AutoScale } from './auto-scale.ts';
import { freePort } from './free-port.ts';
import { Restarts } from './restarts.ts';
import type { ScalingPolicy } from './scaling.ts';
import { WorkerStore } from './store.ts';
import { SupervisorMetrics } from './supervisor-metrics.ts';
import { WorkerProcess } from './worker-process.ts';

export interface SupervisorOptions {
  /** How many, or as many as are needed, from 1 to one for each CPU. */
  readonly workers: number | 'auto';
  /** The program that workers run, with the arguments of this one. */
  readonly script: string;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Undefined: no MQTT by TCP. */
  readonly mqttPort: number | undefined;
  /** What clients must show. Default: none on loopback or with keys, one that is made up elsewhere. */
  readonly token: string | undefined;
  readonly hasKeys: boolean;
  /** Whether an engine has the messages: then there is no hub. */
  readonly hasEngine: boolean;
  readonly journal?: JournalOptions | undefined;
  /** Over which time clients move to other workers, from one that is renewed or not needed or has too many. */
  readonly moveMs: number;
  readonly scaling?: Partial<ScalingPolicy>;
  readonly onEvent: (event: WorkerEvent) => void;
  /** Called with a line for each thing an operator should know. */
  readonly log: (line: string) => void;
}

export type WorkerEvent =
  | { readonly event: 'worker_started'; readonly worker: number; readonly pid: number; readonly workers: number }
  | { readonly event: 'worker_drained'; readonly worker: number; readonly pid: number; readonly workers: number }
  | {
      readonly event: 'worker_exited';
      readonly worker: number;
      readonly pid: number;
      readonly workers: number;
      /** `exit code 1`, `SIGKILL`. */
      readonly how: string;
    };

/** Beyond the time of a drain: for closing handshakes, wills and the rest. */
const graceMs = 5_000;
/** Workers tell twice a second how they are. */
const hungAfterMs = 30_000;
const lookMs = 5_000;
/** How often a free port is looked for. */
const mostTries = 3;

export class Supervisor {
  /** `http://127.0.0.1:8080`. */
  url = '';
  readonly port: number;
  readonly mqttPort: number | undefined;
  readonly token: string | undefined;
  /** Rejects when the cloud cannot go on. */
  readonly failed: Promise<never>;
  readonly #options: SupervisorOptions;
  readonly #most: number;
  readonly #workers = new Set<WorkerProcess>();
  readonly #restarts = new Restarts();
  readonly #metrics: SupervisorMetrics;
  readonly #scale: AutoScale | undefined;
  readonly #store: WorkerStore | undefined;
  #restartCount = 0;
  #wanted: number;
  #ending = false;
  #renewing: Promise<void> | undefined;
  #watch: NodeJS.Timeout | undefined;
  #fail: (error: EarlError) => void = () => {};

  /** Resolves when all workers listen. Rejects with what the first to fail says, or why there are no messages. */
  static async start(options: SupervisorOptions): Promise<Supervisor> {
    cluster.schedulingPolicy = cluster.SCHED_RR;
    cluster.setupPrimary({ exec: options.script });
    const mayChoose = options.port === 0 || options.mqttPort === 0;
    for (let tries = 1; ; tries++) {
      const port = options.port === 0 ? await freePort(options.host) : options.port;
      const mqttPort = options.mqttPort === 0 ? await freePort(options.host) : options.mqttPort;
      const supervisor = new Supervisor(options, port, mqttPort);
      try {
        await supervisor.#begin();
        return supervisor;
      } catch (error) {
        await supervisor.#stop();
        const isTaken = error instanceof EarlError && error.code === 'PORT_IN_USE';
        // Another program was faster to take the port that was free.
        if (!isTaken || !mayChoose || tries === mostTries) throw error;
      }
    }
  }

  private constructor(options: SupervisorOptions, port: number, mqttPort: number | undefined) {
    this.#options = options;
    this.port = port;
    this.mqttPort = mqttPort;
    // Made up once, since all workers must want the same.
    const isOpen = isLoopback(options.host) || options.hasKeys;
    this.token = options.token ?? (isOpen ? undefined : generateToken());
    this.#most = options.workers === 'auto' ? (options.scaling?.most ?? availableParallelism()) : options.workers;
    this.#wanted = options.workers === 'auto' ? (options.scaling?.least ?? 1) : options.workers;
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => {});
    if (!options.hasEngine) this.#store = new WorkerStore(options.journal, options.log);
    this.#metrics = new SupervisorMetrics({
      broker: this.#store?.broker,
      workers: () => [...this.#workers],
      restarts: () => this.#restartCount,
      hub: () => this.#store?.hub,
    });
    if (options.workers === 'auto') {
      this.#scale = new AutoScale({
        policy: { ...options.scaling, most: this.#most },
        workers: () => this.#listening,
        hubUtilisation: (own) => (this.#store === undefined ? 0 : own),
        add: () => this.#addOne(),
        remove: () => this.#removeOne(),
        log: options.log,
      });
    }
  }

  /** Workers that take connections. */
  get workers(): number {
    return this.#listening.length;
  }

  /** Renews all workers, one after the other: the next begins when the one before serves. Resolves when it is done. */
  restart(): Promise<void> {
    this.#renewing ??= this.#renewAll().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  /** Lets all workers send their clients away over this time, and ends. */
  async drain(overMs: number): Promise<void> {
    this.#ending = true;
    this.#scale?.stop();
    await Promise.all([...this.#workers].map((worker) => worker.drain(overMs, true, graceMs)));
    await this.#stop();
  }

  /** Ends everything now. */
  kill(): void {
    this.#ending = true;
    for (const worker of this.#workers) worker.kill();
    this.#store?.remove();
  }

  get #listening(): WorkerProcess[] {
    return [...this.#workers].filter(({ state }) => state === 'listening');
  }

  async #begin(): Promise<void> {
    await this.#store?.open();
    const first = Array.from({ length: this.#wanted }, () => this.#fork());
    const [url] = await Promise.all(first.map(({ listening }) => listening));
    this.url = url!;
    this.#metrics.start();
    this.#scale?.start();
    let lookedAtMs = performance.now();
    this.#watch = setInterval(() => {
      const passedMs = performance.now() - lookedAtMs;
      lookedAtMs += passedMs;
      // Whoever was stopped itself has heard nobody, and hears them next.
      if (passedMs < 2 * lookMs) this.#endHung();
    }, lookMs);
    this.#watch.unref();
  }

  /** A worker whose event loop stands still serves nobody and lets nobody go. */
  #endHung(): void {
    for (const worker of this.#listening) {
      const heardAtMs = Math.max(worker.loadAtMs, worker.listeningSinceMs ?? 0);
      if (performance.now() - heardAtMs < hungAfterMs) continue;
      const seconds = hungAfterMs / 1000;
      this.#options.log(`worker ${worker.number} (process ${worker.pid}) said nothing for ${seconds} s and is killed`);
      worker.kill();
    }
  }

  async #stop(): Promise<void> {
    this.#ending = true;
    clearInterval(this.#watch);
    this.#scale?.stop();
    this.#metrics.stop();
    for (const worker of this.#workers) worker.kill();
    await Promise.all([...this.#workers].map(({ exited }) => exited));
    await this.#store?.close();
  }

  #fork(): WorkerProcess {
    const taken = new Set([...this.#workers].map(({ number }) => number));
    let number = 1;
    while (taken.has(number)) number += 1;
    const worker = new WorkerProcess(number, {
      onReady: (ready) => this.#tellBegin(ready),
      onAskedForMetrics: (asker, own) => this.#metrics.all(asker, own),
      onLeaving: () => this.#replace(0),
      onExit: (gone, how) => this.#onExit(gone, how),
    });
    this.#workers.add(worker);
    worker.listening.then(
      () => {
        this.#tellCount();
        this.#say('worker_started', worker);
        setTimeout(() => {
          if (worker.state === 'listening') this.#restarts.well();
        }, this.#restarts.youngMs).unref();
      },
      () => {},
    );
    return worker;
  }

  #tellBegin(worker: WorkerProcess): void {
    worker.tell({
      kind: 'begin',
      worker: worker.number,
      port: this.port,
      mqttPort: this.mqttPort,
      token: this.token,
      hub: this.#store?.access,
      mostWorkers: this.#most,
      workers: this.workers + 1,
    });
  }

  #tellCount(): void {
    for (const worker of this.#workers) worker.tell({ kind: 'workers', count: this.workers });
  }

  #onExit(worker: WorkerProcess, how: string): void {
    this.#workers.delete(worker);
    this.#tellCount();
    if (how === 'drained') this.#say('worker_drained', worker);
    else this.#options.onEvent({ ...this.#about('worker_exited', worker), how });
    if (this.#ending || how === 'drained') return;
    // While the first ones start, their failure is the start's.
    if (this.url === '') return;
    const { listeningSinceMs } = worker;
    const delayMs = this.#restarts.after(
      listeningSinceMs === undefined ? undefined : performance.now() - listeningSinceMs,
    );
    if (delayMs === undefined) {
      const why = worker.problem?.message ?? how;
      this.#fail(new EarlError('WORKERS_FAILING', `the workers die as soon as they start; the last one: ${why}`));
    } else {
      this.#replace(delayMs);
    }
  }

  /** Brings the workers back to the number that is wanted. */
  #replace(delayMs: number): void {
    setTimeout(() => {
      const present = [...this.#workers].filter(({ state }) => state === 'starting' || state === 'listening').length;
      if (this.#ending || present >= this.#wanted) return;
      this.#restartCount += 1;
      this.#fork();
    }, delayMs);
  }

  /** Starts one more and lets the others send it its share of their clients. */
  async #addOne(): Promise<void> {
    if (this.#wanted >= this.#most) return;
    this.#wanted += 1;
    const added = this.#fork();
    try {
      await added.listening;
    } catch {
      // Its exit has asked for another.
      return;
    }
    const others = this.#listening.filter((worker) => worker !== added);
    const share = 1 / (others.length + 1);
    const ended = added.exited.then(() => {
      for (const worker of others) worker.tell({ kind: 'listen' });
    });
    await Promise.race([Promise.all(others.map((worker) => worker.shed(share, this.#options.moveMs))), ended]);
  }

  /** Ends the one with the fewest clients, for the fewest reconnections. */
  async #removeOne(): Promise<void> {
    const clients = ({ load }: WorkerProcess) => load?.connections ?? 0;
    const [leaving] = this.#listening.sort((one, other) => clients(one) - clients(other));
    if (leaving === undefined) return;
    this.#wanted -= 1;
    await this.#retire(leaving);
  }

  async #renewAll(): Promise<void> {
    for (const old of this.#listening) {
      if (this.#ending) return;
      if (old.state !== 'listening') continue;
      const next = this.#fork();
      try {
        await next.listening;
      } catch (error) {
        this.#options.log(`the workers stay as they are, a new one does not start: ${errorMessage(error)}`);
        return;
      }
      await this.#retire(old);
    }
  }

  async #retire(worker: WorkerProcess): Promise<void> {
    const drained = worker.drain(this.#options.moveMs, false, graceMs);
    this.#tellCount();
    await drained;
    // Another may have ended while there was one too many.
    this.#replace(0);
  }

  #say(event: 'worker_started' | 'worker_drained', worker: WorkerProcess): void {
    this.#options.onEvent(this.#about(event, worker));
  }

  #about<Name extends WorkerEvent['event']>(event: Name, { number, pid }: WorkerProcess) {
    return { event, worker: number, pid, workers: this.workers };
  }
}
