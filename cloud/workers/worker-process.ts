/** One worker as the primary sees it: its process, what it said last, and questions to it. */

import cluster, { type Worker } from 'node:cluster';
import { EarlError } from '../../errors/index.ts';
import type { ToPrimary, ToWorker, WorkerLoad } from './messages.ts';

export type WorkerState = 'starting' | 'listening' | 'leaving' | 'gone';

export interface WorkerEvents {
  /** It runs and wants to be told how to begin. */
  onReady(worker: WorkerProcess): void;
  /** It asks for everybody's metrics and tells its own. */
  onAskedForMetrics(worker: WorkerProcess, own: string): Promise<string>;
  /** It was told by a signal of its own to end. */
  onLeaving(worker: WorkerProcess): void;
  onExit(worker: WorkerProcess, how: string): void;
}

export class WorkerProcess {
  readonly number: number;
  readonly startedAtMs = performance.now();
  state: WorkerState = 'starting';
  /** Resolves with its address when it listens; rejects with why it never will. */
  readonly listening: Promise<string>;
  readonly exited: Promise<void>;
  load: WorkerLoad | undefined;
  loadAtMs = 0;
  /** When it began to listen. */
  listeningSinceMs: number | undefined;
  #problem: EarlError | undefined;
  readonly #worker: Worker;
  readonly #events: WorkerEvents;
  readonly #asked = new Map<number, (text: string) => void>();
  #ids = 0;
  #shed: (() => void) | undefined;
  #onListening: (url: string) => void = () => {};
  #onFailed: (error: EarlError) => void = () => {};

  /** Starts the process: cluster's settings say which program. */
  constructor(number: number, events: WorkerEvents) {
    this.number = number;
    this.#events = events;
    this.listening = new Promise((resolve, reject) => {
      this.#onListening = resolve;
      this.#onFailed = reject;
    });
    this.listening.catch(() => {});
    this.#worker = cluster.fork();
    this.#worker.on('message', (message: ToPrimary) => this.#take(message));
    this.exited = new Promise((resolve) => {
      this.#worker.once('exit', (code, signal) => {
        this.#exit(signal === null ? `exit code ${code}` : signal);
        resolve();
      });
      this.#worker.on('error', ({ message }) => {
        // A process that could not be started has no exit. Other errors are of messages to one that is about to end.
        if (this.#worker.process.pid !== undefined || this.state === 'gone') return;
        this.#exit(`not started: ${message}`);
        resolve();
      });
    });
  }

  get pid(): number {
    return this.#worker.process.pid ?? 0;
  }

  /** Why it could not work, if it said so. */
  get problem(): EarlError | undefined {
    return this.#problem;
  }

  tell(message: ToWorker): void {
    if (this.state === 'gone' || !this.#worker.isConnected()) return;
    this.#worker.send(message, (error) => {
      // Its end is told by its exit.
      if (error) return;
    });
  }

  /** Its own metrics, or undefined when it does not answer in time. */
  async metrics(withinMs: number): Promise<string | undefined> {
    const id = ++this.#ids;
    return await new Promise((resolve) => {
      const end = (text?: string) => {
        clearTimeout(timer);
        this.#asked.delete(id);
        resolve(text);
      };
      const timer = setTimeout(end, withinMs);
      this.#asked.set(id, end);
      this.tell({ kind: 'metrics', id });
    });
  }

  /** Lets it send a share of its clients away; resolves when it takes connections again, or is gone. */
  async shed(share: number, overMs: number): Promise<void> {
    const done = new Promise<void>((resolve) => {
      this.#shed = resolve;
    });
    this.tell({ kind: 'shed', share, overMs });
    await Promise.race([done, this.exited]);
  }

  /** Lets it drain and end; kills it when it does not within the time and some grace. Resolves when it has ended. */
  async drain(overMs: number, alone: boolean, graceMs: number): Promise<void> {
    if (this.state === 'gone') return;
    // Who has no clients yet has nobody to send away.
    if (this.state === 'starting') this.kill();
    this.state = 'leaving';
    this.tell({ kind: 'drain', overMs, alone });
    const deadline = setTimeout(() => this.kill(), overMs + graceMs);
    await this.exited;
    clearTimeout(deadline);
  }

  kill(): void {
    this.#worker.process.kill('SIGKILL');
  }

  #take(message: ToPrimary): void {
    switch (message.kind) {
      case 'ready':
        this.#events.onReady(this);
        return;
      case 'listening':
        if (this.state === 'starting') this.state = 'listening';
        this.listeningSinceMs = performance.now();
        this.#onListening(message.url);
        return;
      case 'failed':
        this.#problem = new EarlError(message.code, message.message);
        return;
      case 'load':
        this.load = message;
        this.loadAtMs = performance.now();
        return;
      case 'metrics':
        this.#asked.get(message.id)?.(message.text);
        return;
      case 'allMetrics':
        void this.#events
          .onAskedForMetrics(this, message.text)
          .then((text) => this.tell({ kind: 'allMetrics', id: message.id, text }));
        return;
      case 'shed':
        this.#shed?.();
        return;
      case 'leaving':
        if (this.state !== 'listening') return;
        this.state = 'leaving';
        this.#events.onLeaving(this);
        return;
      case 'drained':
        return;
      default:
        message satisfies never;
    }
  }

  #exit(how: string): void {
    const wasExpected = this.state === 'leaving';
    this.state = 'gone';
    for (const answer of [...this.#asked.values()]) answer('');
    const why = `worker ${this.number} ended before it listened (${how})`;
    this.#onFailed(this.#problem ?? new EarlError('WORKER_ENDED', why));
    this.#events.onExit(this, wasExpected && how === 'exit code 0' ? 'drained' : how);
  }
}
