/** One round: one topology, load, faults until the time is over, then the verdict. */

import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { errorMessage } from '../../errors/index.ts';
import { stall } from './faults.ts';
import { readHistory } from './history.ts';
import { Ledger, type TraceEvent, type Verdict } from './ledger.ts';
import type { LoadOptions } from './load.ts';
import { MqttPublisher } from './mqtt-publisher.ts';
import { RawObserver, SdkObserver } from './observers.ts';
import type { Guard } from './programs.ts';
import type { Tamper } from './proxy.ts';
import { type Publisher, RawPublisher, SdkPublisher, SdkQueuePublisher } from './publishers.ts';
import { SeededRandom } from './random.ts';
import { Recovery, start } from './recovery.ts';
import { startTopology, type TopologyName } from './topologies.ts';
import type { Fault, FaultSource, Topology } from './topology.ts';

export interface RoundOptions {
  readonly topology: TopologyName;
  readonly seed: number;
  /** How long faults happen. */
  readonly faultsMs: number;
  readonly earl: string;
  readonly folder: string;
  readonly guard: Guard;
  /** Times the usual rate of messages. */
  readonly load?: number;
  /** Whether this process may make network links of its own. */
  readonly namespaces: boolean;
  /** Ends the faults early. */
  readonly signal: AbortSignal;
  readonly tell: (event: RoundEvent) => void;
  /** How long after the last fault all must be back; the default is for a machine that is busy. */
  readonly settleMs?: number;
  /** Changes what reaches the clients: to prove that the checker notices. */
  readonly tamper?: Tamper;
}

export type RoundEvent =
  | { readonly event: 'fault'; readonly what: string; readonly kind: string; readonly atMs: number }
  | { readonly event: 'healed'; readonly what: string; readonly atMs: number }
  | { readonly event: 'crash'; readonly what: string; readonly atMs: number };

export interface RoundResult {
  readonly topology: TopologyName;
  readonly seed: number;
  readonly verdict: Verdict;
  readonly faults: number;
  /** Of each kind. */
  readonly kinds: ReadonlyMap<string, number>;
  /** Programs that ended without being told to, or outlived those they belong to. */
  readonly crashes: readonly string[];
  /** Why the round could not be ended as it should; undefined when it could. */
  readonly failure: string | undefined;
  readonly recovery: ReturnType<Recovery['times']>;
  readonly seconds: number;
}

const defaultSettleMs = 60_000;
const historyReader = 'history';

/** Runs it to the end; rejects only when the programs cannot be started. */
export function runRound(options: RoundOptions): Promise<RoundResult> {
  return new Round(options).run();
}

class Round {
  readonly #options: RoundOptions;
  readonly #random: SeededRandom;
  readonly #ledger = new Ledger();
  readonly #settleMs: number;
  readonly #began = performance.now();
  readonly #traceFile: WriteStream;
  readonly #crashes: string[] = [];
  readonly #publishers: Publisher[] = [];
  readonly #observers: (RawObserver | SdkObserver)[] = [];
  readonly #healing = new Map<string, Promise<void>>();
  readonly #now = () => Math.round((performance.now() - this.#began) * 10) / 10;
  readonly #trace = (event: TraceEvent) => {
    this.#ledger.take(event);
    this.#recovery?.take(event);
    this.#traceFile.write(`${JSON.stringify(event)}\n`);
  };
  #recovery: Recovery | undefined;
  readonly #kinds = new Map<string, number>();
  #failure: string | undefined;

  constructor(options: RoundOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
    this.#settleMs = options.settleMs ?? defaultSettleMs;
    mkdirSync(options.folder, { recursive: true });
    this.#traceFile = createWriteStream(join(options.folder, 'trace.jsonl'));
  }

  async run(): Promise<RoundResult> {
    const { earl, folder, guard, namespaces, tamper } = this.#options;
    const topology = await startTopology(this.#options.topology, {
      ...{ earl, folder, guard, namespaces, random: this.#random.fork() },
      ...(tamper === undefined ? {} : { tamper }),
      onCrash: (what) => this.#crashed(what),
    });
    try {
      await this.#begin(topology.url);
      await this.#cause([...topology.faults, stall(this.#observers)]);
      await this.#settle(topology);
    } catch (error) {
      this.#failure = errorMessage(error);
    } finally {
      for (const client of [...this.#publishers, ...this.#observers]) await client.close();
      await Promise.all(this.#healing.values());
      await topology.stop();
      await new Promise<void>((resolve) => this.#traceFile.end(resolve));
    }
    return {
      topology: this.#options.topology,
      seed: this.#options.seed,
      verdict: this.#ledger.verdict(),
      faults: [...this.#kinds.values()].reduce((sum, count) => sum + count, 0),
      kinds: this.#kinds,
      crashes: this.#crashes,
      failure: this.#failure,
      recovery: this.#recovery!.times(),
      seconds: Math.round(this.#now() / 100) / 10,
    };
  }

  /** Observers first, so that they are promised all; then publishers, and traffic from everyone to everyone. */
  async #begin(url: string): Promise<void> {
    const seen = { url, trace: this.#trace, now: this.#now };
    this.#observers.push(
      new RawObserver('reader-binary', 'earl.v1', seen),
      new RawObserver('reader-json', 'earl.v1.json', seen),
      new SdkObserver('reader-sdk', seen),
    );
    const names = ['raw-1', 'raw-2', 'raw-3', 'sdk-1', 'sdk-queue', 'mqtt-1'];
    this.#recovery = new Recovery(
      this.#ledger,
      names,
      this.#observers.map(({ name }) => name),
    );
    await within(this.#settleMs, 'the observers could not subscribe', () =>
      Promise.all(this.#observers.map(({ begun }) => begun)),
    );
    const load = (rate: number, payloadBytes: number): LoadOptions => ({
      ...{ trace: this.#trace, now: this.#now },
      ...{ rate: rate * (this.#options.load ?? 1), payloadBytes },
    });
    this.#publishers.push(
      new RawPublisher('raw-1', url, load(120, 60)),
      new RawPublisher('raw-2', url, load(80, 200)),
      new RawPublisher('raw-3', url, load(20, 1500)),
      new SdkPublisher('sdk-1', url, load(80, 60)),
      new SdkQueuePublisher('sdk-queue', url, load(40, 400)),
      new MqttPublisher('mqtt-1', url, load(60, 60)),
    );
    this.#recovery.fault(start, this.#now());
    await until(this.#settleMs, 'no traffic from all to all', () => this.#recovery!.isQuiet);
  }

  /** Faults, one after the other and sometimes two at once, until the time is over. */
  async #cause(sources: readonly FaultSource[]): Promise<void> {
    const { faultsMs, signal } = this.#options;
    const end = performance.now() + faultsMs;
    while (!signal.aborted) {
      const gapMs = this.#random.between(200, 1200);
      const fault = this.#random.pick(sources)(this.#random);
      const overlaps = this.#random.chance(0.3);
      await this.#pause(Math.min(gapMs, end - performance.now()));
      if (performance.now() >= end) return;
      await this.#healing.get(fault.target);
      if (signal.aborted || performance.now() >= end) return;
      const healed = this.#inject(fault);
      this.#healing.set(fault.target, healed);
      if (!overlaps) await healed;
    }
  }

  async #inject(fault: Fault): Promise<void> {
    this.#kinds.set(fault.kind, (this.#kinds.get(fault.kind) ?? 0) + 1);
    this.#recovery!.fault(fault.kind, this.#now());
    this.#trace({ t: 'note', at: this.#now(), what: `FAULT ${fault.what}` });
    this.#options.tell({ event: 'fault', what: fault.what, kind: fault.kind, atMs: this.#now() });
    try {
      await fault.inject();
      await this.#pause(fault.holdMs);
      await fault.heal();
    } catch (error) {
      this.#crashed(`${fault.what}: ${errorMessage(error)}`);
    }
    this.#trace({ t: 'note', at: this.#now(), what: `HEALED ${fault.what}` });
    this.#options.tell({ event: 'healed', what: fault.what, atMs: this.#now() });
  }

  /** All that was said is acknowledged, all that was acknowledged is seen, and the history is read. */
  async #settle(topology: Topology): Promise<void> {
    await Promise.all(this.#healing.values());
    for (const publisher of this.#publishers) publisher.finish();
    await until(this.#settleMs, 'publishers wait for acknowledgements', () =>
      this.#publishers.every(({ waiting }) => waiting === 0),
    );
    await this.#catchUp().catch((error: unknown) => {
      this.#failure = errorMessage(error);
    });
    const first = this.#observers.find((observer) => observer instanceof RawObserver)!.first!;
    await readHistory(historyReader, this.#ledger.topics(), first, {
      ...{ url: topology.url, trace: this.#trace, now: this.#now },
    });
  }

  /** Observers may take their time as long as they get on. */
  async #catchUp(): Promise<void> {
    const awaited = () => this.#observers.reduce((sum, { name }) => sum + Math.max(0, this.#ledger.awaitedBy(name)), 0);
    for (let before = awaited(); before > 0; ) {
      await until(this.#settleMs / 3, 'no observer gets any of what it waits for', () => awaited() < before);
      before = awaited();
    }
  }

  #crashed(what: string): void {
    this.#crashes.push(what);
    this.#trace({ t: 'note', at: this.#now(), what: `CRASH ${what}` });
    this.#options.tell({ event: 'crash', what, atMs: this.#now() });
  }

  /** Waits, but not longer than the run. */
  async #pause(ms: number): Promise<void> {
    const { signal } = this.#options;
    if (ms <= 0 || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener('abort', end);
    });
  }
}

async function within<Result>(ms: number, problem: string, what: () => Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${problem} for ${ms / 1000} s`)), ms);
  });
  try {
    return await Promise.race([what(), late]);
  } finally {
    clearTimeout(timer);
  }
}

async function until(ms: number, problem: string, done: () => boolean): Promise<void> {
  const deadline = performance.now() + ms;
  while (!done()) {
    if (performance.now() > deadline) throw new Error(`${problem} for ${ms / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
