/** `--workers auto`: looks at the workers twice a second, and adds or removes one when scaling.ts says so. */

import { LoadMeter } from './load-meter.ts';
import { decide, defaultScaling, type ScalingPolicy, type ScalingState } from './scaling.ts';
import type { WorkerProcess } from './worker-process.ts';

const periodMs = 500;

export interface AutoScaleOptions {
  readonly policy: Partial<ScalingPolicy> & Pick<ScalingPolicy, 'most'>;
  /** Those that take connections. */
  workers(): readonly WorkerProcess[];
  /** @param own utilisation of the primary */
  hubUtilisation(own: number): number;
  add(): Promise<void>;
  remove(): Promise<void>;
  log(line: string): void;
}

/** Who says nothing is busy with something; undefined for one that has not begun to tell. */
function loadOf({ load, loadAtMs }: WorkerProcess): { lagMs: number; utilisation: number } | undefined {
  const silentMs = performance.now() - loadAtMs;
  return load !== undefined && silentMs > 4 * periodMs ? { lagMs: silentMs, utilisation: 1 } : load;
}

export class AutoScale {
  readonly #options: AutoScaleOptions;
  readonly #policy: ScalingPolicy;
  readonly #meter = new LoadMeter();
  #state: ScalingState = {};
  #timer: NodeJS.Timeout | undefined;
  #changing = false;

  constructor(options: AutoScaleOptions) {
    this.#options = options;
    this.#policy = { ...defaultScaling, ...options.policy };
  }

  start(): void {
    this.#timer = setInterval(() => void this.#look(), periodMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#meter.stop();
  }

  async #look(): Promise<void> {
    const own = this.#meter.take().utilisation;
    if (this.#changing) return;
    const workers = this.#options.workers().map(loadOf);
    if (!workers.every((load) => load !== undefined)) return;
    const hubUtilisation = this.#options.hubUtilisation(own);
    const { state, action, reason } = decide(this.#policy, this.#state, {
      atMs: performance.now(),
      workers,
      hubUtilisation,
    });
    this.#state = state;
    if (reason !== undefined) this.#options.log(reason);
    if (action === undefined) return;
    this.#changing = true;
    await (action === 'add' ? this.#options.add() : this.#options.remove());
    this.#changing = false;
    // What was measured during the change is not what will be.
    this.#state = { changedAtMs: performance.now() };
  }
}
