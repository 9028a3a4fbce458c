/**
 * One thread of `earl fleet`: makes its probes, lets them boot, runs them in real time and tells what they sent.
 *
 * A sample of the probes is received frame by frame with the link's own receiver; of the others bytes are counted. It is
 * a worker thread, or called as a function where there is to be one thread only.
 */

import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { Fleet } from '../emulator/fleet.ts';
import type { Image } from '../emulator/index.ts';
import { buildInfoSegment, decodeMessage, FrameReceiver, isSample } from '../link/index.ts';
import { defaultId } from '../transport/emulated.ts';

/** Fleet time between two looks at the clock, and so the most that a probe is ahead. */
const TURN_S = 0.1;
const REPORT_INTERVAL_S = 1;

export interface WorkerTask {
  readonly isFleet: true;
  readonly kind: string;
  readonly image: Image;
  readonly count: number;
  readonly seed: number;
  /** Every so many probes one is received. */
  readonly receiveEvery: number;
  /** Fleet seconds over which the probes are switched on. */
  readonly powerOnSeconds: number;
  /** Fleet seconds from then on before the measurement begins: the probes boot. */
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** Fleet seconds per wall second; Infinity: as fast as it goes. */
  readonly speed: number;
}

/** What happened since the start of the measurement. */
export interface WorkerCounts {
  readonly seconds: number;
  readonly wallSeconds: number;
  /** Wall time spent on probes. */
  readonly busySeconds: number;
  /** Worst distance behind the clock. */
  readonly lagSeconds: number;
  readonly instructions: number;
  readonly bytes: number;
  /** Of the probes that are received: how many, their frames with samples, and frames that are none. */
  readonly received: number;
  readonly samples: number;
  readonly badFrames: number;
}

export type WorkerReport = { readonly kind: 'ready' | 'progress' | 'done'; readonly counts: WorkerCounts };

/** @param begin resolves when all threads are ready */
export async function runFleetThread(
  task: WorkerTask,
  report: (report: WorkerReport) => void,
  begin: () => Promise<void>,
): Promise<void> {
  const receivers = new Receivers(task.receiveEvery);
  const fleet = new Fleet({
    image: task.image,
    count: task.count,
    seed: task.seed,
    powerOnSeconds: task.powerOnSeconds,
    infoOf: (seed) => buildInfoSegment(defaultId(task.kind, seed)),
    onByte: (probe, byte) => receivers.push(probe, byte),
  });
  const booted = task.powerOnSeconds + task.warmUpSeconds;
  for (let turn = TURN_S; turn < booted; turn += TURN_S) fleet.runUntil(turn);
  fleet.runUntil(booted);
  receivers.forget();
  const run = new MeasuredRun(fleet, receivers, task);
  report({ kind: 'ready', counts: run.counts() });
  await begin();
  await run.run((counts) => report({ kind: 'progress', counts }));
  report({ kind: 'done', counts: run.counts() });
}

class MeasuredRun {
  private readonly fleet: Fleet;
  private readonly receivers: Receivers;
  private readonly task: WorkerTask;
  private readonly first: { readonly seconds: number; readonly instructions: number; readonly bytes: number };
  private startMs = 0;
  private wallMs = 0;
  private busyMs = 0;
  private lagSeconds = 0;

  constructor(fleet: Fleet, receivers: Receivers, task: WorkerTask) {
    this.fleet = fleet;
    this.receivers = receivers;
    this.task = task;
    this.first = { seconds: fleet.seconds, instructions: fleet.instructions, bytes: fleet.bytes };
  }

  /** Turn by turn; a turn is begun when the clock has reached its beginning, and late if it is not over by its end. */
  async run(progress: (counts: WorkerCounts) => void): Promise<void> {
    const { fleet, task, first } = this;
    this.startMs = performance.now();
    let nextReport = REPORT_INTERVAL_S;
    for (let turn = 1; fleet.seconds < first.seconds + task.seconds; turn++) {
      const until = Math.min(turn * TURN_S, task.seconds);
      const beganMs = performance.now();
      fleet.runUntil(first.seconds + until);
      const doneMs = performance.now();
      const endMs = this.startMs + (until / task.speed) * 1000;
      this.busyMs += doneMs - beganMs;
      if (Number.isFinite(task.speed)) this.lagSeconds = Math.max(this.lagSeconds, (doneMs - endMs) / 1000);
      if (doneMs < endMs) await sleep(endMs - doneMs);
      this.wallMs = performance.now() - this.startMs;
      if (this.wallMs < nextReport * 1000) continue;
      nextReport += REPORT_INTERVAL_S;
      progress(this.counts());
    }
  }

  counts(): WorkerCounts {
    const { fleet, first, receivers } = this;
    return {
      seconds: fleet.seconds - first.seconds,
      wallSeconds: this.wallMs / 1000,
      busySeconds: this.busyMs / 1000,
      lagSeconds: this.lagSeconds,
      instructions: fleet.instructions - first.instructions,
      bytes: fleet.bytes - first.bytes,
      received: receivers.count,
      samples: receivers.samples,
      badFrames: receivers.badFrames,
    };
  }
}

/** The link's receiver at every so many probes. */
class Receivers {
  samples = 0;
  private readonly every: number;
  private readonly receivers = new Map<number, FrameReceiver>();
  private undecoded = 0;
  private errorsBefore = 0;

  constructor(every: number) {
    this.every = every;
  }

  get count(): number {
    return this.receivers.size;
  }

  get badFrames(): number {
    return this.undecoded + this.errors - this.errorsBefore;
  }

  push(probe: number, byte: number): void {
    if (probe % this.every !== 0) return;
    let receiver = this.receivers.get(probe);
    if (receiver === undefined) {
      receiver = new FrameReceiver((packet) => {
        const message = decodeMessage(packet);
        if (typeof message === 'string') this.undecoded++;
        else if (isSample(message)) this.samples++;
      });
      this.receivers.set(probe, receiver);
    }
    receiver.push(Uint8Array.of(byte));
  }

  /** What came so far does not count. */
  forget(): void {
    this.samples = 0;
    this.undecoded = 0;
    this.errorsBefore = this.errors;
  }

  private get errors(): number {
    let sum = 0;
    for (const { counters } of this.receivers.values()) sum += counters.crcErrors + counters.frameErrors;
    return sum;
  }
}

/** As a worker thread: the first message from the main thread begins the measurement. */
async function work(port: MessagePort): Promise<void> {
  const begun = new Promise<void>((resolve) => port.once('message', () => resolve()));
  await runFleetThread(
    workerData as WorkerTask,
    (report) => port.postMessage(report),
    () => begun,
  );
}

if (parentPort !== null && (workerData as Partial<WorkerTask> | null)?.isFleet) await work(parentPort);
