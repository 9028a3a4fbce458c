/**
 * The load generator, a process of its own: plays one workload against one server and prints what it saw as JSON.
 *
 *     node tools/run.mjs tools/bench/cloud/load.ts '{"kind":"traffic","dialect":"earl","port":8080,"pid":123,…}'
 *
 * CPU time of the server is read at the beginning and the end of a window in which deliveries are counted; lost,
 * duplicated and reordered samples are counted over the whole run.
 */

import { build as buildHistogram } from 'hdr-histogram-js';
import { EarlError, errorMessage } from '../../../errors/index.ts';
import { type DialectName, dialects, type Publisher } from './dialects.ts';
import { cpuTime, residentKb } from './process-cost.ts';
import type { Workload } from './workloads.ts';

interface Target {
  readonly dialect: DialectName;
  readonly port: number;
  readonly pid: number;
}

export type LoadOrder =
  | (Target & { kind: 'traffic'; workload: Workload; warmUpSeconds: number; seconds: number })
  | (Target & { kind: 'idle'; connections: number; warmUpConnections: number; subscribed: boolean })
  | (Target & { kind: 'connect'; connections: number });

export interface TrafficReport {
  readonly deliveries: number;
  /** CPU microseconds of the server's process for each delivered sample. */
  readonly cpu_us: number;
  readonly user_us: number;
  readonly system_us: number;
  readonly server_cpu_percent: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly max_ms: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly reordered: number;
  /** Acknowledged publishes that were not accepted; absent when none was acknowledged. */
  readonly unaccepted?: number;
  /** How late the generator itself was. */
  readonly generator_lag_p99_ms: number;
  readonly generator_cpu_percent: number;
}

export interface IdleReport {
  readonly connections: number;
  readonly kb_per_connection: number;
}

export interface ConnectReport {
  readonly connections: number;
  readonly failed: number;
  readonly per_second: number;
  readonly cpu_us: number;
}

const OPENING_AT_ONCE = 100;
const TICK_MS = 2;
/** Longest wait for what is still on its way. */
const DRAIN_MS = 5000;
const SETTLE_MS = 2000;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const rounded = (value: number) => Math.round(value * 100) / 100;

/** Runs `open` for 0 to count - 1, so many at a time. */
async function openAll(count: number, open: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) await open(next++);
  };
  await Promise.all(Array.from({ length: Math.min(OPENING_AT_ONCE, count) }, lane));
}

// ---- traffic

/** A sample: which topic, its number on the topic from 1, when it was due (ms of this process' clock), padding. */
const sampleFields = { topic: 0, number: 4, due: 8, end: 16 } as const;

class Traffic {
  readonly #workload: Workload;
  readonly #latency = buildHistogram({ numberOfSignificantValueDigits: 3 });
  readonly #lag = buildHistogram({ numberOfSignificantValueDigits: 3 });
  readonly #publishers: Publisher[] = [];
  readonly #held: { topics: number[]; payloads: Buffer[] }[] = [];
  readonly #holding: { publisher: number; until: number }[] = [];
  readonly #template: Buffer;
  readonly #topics: number;
  #measuring = false;
  #startedAt = 0;
  sent = 0;
  received = 0;
  accepted = 0;
  duplicated = 0;
  reordered = 0;

  constructor(workload: Workload) {
    if (workload.payloadBytes < sampleFields.end) {
      throw new EarlError('USAGE', `a sample of this benchmark has at least ${sampleFields.end} bytes`);
    }
    this.#workload = workload;
    this.#template = Buffer.alloc(workload.payloadBytes, 'A');
    this.#topics = workload.publishers * workload.topicsPerPublisher;
  }

  async open({ dialect, port }: Target): Promise<void> {
    const { publishers, topicsPerPublisher, subscribersPerPublisher, watchers, maxDelayMs } = this.#workload;
    const speak = dialects[dialect];
    await openAll(publishers * subscribersPerPublisher, async (index) => {
      const publisher = index % publishers;
      const taker = this.#taker(publisher * topicsPerPublisher, topicsPerPublisher);
      await speak.subscribe(port, { publisher, topics: topicsPerPublisher, maxDelayMs }, taker);
    });
    await openAll(watchers, async () => {
      const taker = this.#taker(0, this.#topics);
      await speak.subscribe(port, { publisher: undefined, topics: topicsPerPublisher, maxDelayMs }, taker);
    });
    await openAll(publishers, async (publisher) => {
      this.#held[publisher] = { topics: [], payloads: [] };
      let last = 0;
      this.#publishers[publisher] = await speak.publisher(port, {
        publisher,
        topics: topicsPerPublisher,
        watched: watchers > 0,
        acknowledged: this.#workload.acknowledged,
        onAccepted: (seq) => {
          this.accepted += seq - last;
          last = seq;
        },
      });
    });
  }

  /** Sends what is due every few milliseconds; the function that is returned stops it. */
  start(batches: boolean): () => void {
    const { hz } = this.#workload;
    const spacing = 1000 / (hz * this.#topics);
    const holdMs = batches ? this.#workload.holdMs : 0;
    this.#startedAt = performance.now();
    const timer = setInterval(() => {
      const now = performance.now();
      for (let due = this.#startedAt + this.sent * spacing; due <= now; due += spacing) {
        this.#send(this.sent++, due, holdMs);
        if (this.#measuring) this.#lag.recordValue(Math.round((performance.now() - due) * 1000));
      }
      while (this.#holding.length > 0 && this.#holding[0]!.until <= now)
        this.#release(this.#holding.shift()!.publisher);
    }, TICK_MS);
    return () => {
      clearInterval(timer);
      for (const { publisher } of this.#holding) this.#release(publisher);
    };
  }

  measure(on: boolean): void {
    this.#measuring = on;
  }

  get expected(): number {
    return this.sent * (this.#workload.subscribersPerPublisher + this.#workload.watchers);
  }

  latencies() {
    const ms = (microseconds: number) => rounded(microseconds / 1000);
    return {
      p50_ms: ms(this.#latency.getValueAtPercentile(50)),
      p99_ms: ms(this.#latency.getValueAtPercentile(99)),
      max_ms: ms(this.#latency.maxValue),
      generator_lag_p99_ms: ms(this.#lag.getValueAtPercentile(99)),
    };
  }

  #send(count: number, due: number, holdMs: number): void {
    const { topicsPerPublisher, publishers } = this.#workload;
    // Neighbours in time are of different publishers.
    const publisher = count % publishers;
    const round = Math.floor(count / publishers);
    const index = round % topicsPerPublisher;
    const payload = Buffer.from(this.#template);
    payload.writeUInt32LE(publisher * topicsPerPublisher + index, sampleFields.topic);
    payload.writeUInt32LE(Math.floor(round / topicsPerPublisher) + 1, sampleFields.number);
    payload.writeDoubleLE(due, sampleFields.due);
    if (holdMs === 0) {
      this.#publishers[publisher]!.send([index], [payload]);
      return;
    }
    const held = this.#held[publisher]!;
    if (held.payloads.length === 0) this.#holding.push({ publisher, until: due + holdMs });
    held.topics.push(index);
    held.payloads.push(payload);
  }

  #release(publisher: number): void {
    const { topics, payloads } = this.#held[publisher]!;
    this.#held[publisher] = { topics: [], payloads: [] };
    this.#publishers[publisher]!.send(topics, payloads);
  }

  /** Checks and counts what one subscriber gets. */
  #taker(firstTopic: number, topics: number) {
    const last = new Uint32Array(topics);
    return (bytes: Buffer, at: number): void => {
      const topic = bytes.readUInt32LE(at + sampleFields.topic) - firstTopic;
      const number = bytes.readUInt32LE(at + sampleFields.number);
      const before = last[topic];
      if (before === undefined) throw new EarlError('BENCH_WRONG', 'a subscriber got what it had not asked for');
      if (number === before) this.duplicated += 1;
      else if (number < before) this.reordered += 1;
      else last[topic] = number;
      if (number !== before) this.received += 1;
      if (this.#measuring) {
        const late = performance.now() - bytes.readDoubleLE(at + sampleFields.due);
        this.#latency.recordValue(Math.max(1, Math.round(late * 1000)));
      }
    };
  }
}

async function playTraffic(order: Extract<LoadOrder, { kind: 'traffic' }>): Promise<TrafficReport> {
  const { workload, pid, dialect, seconds } = order;
  const traffic = new Traffic(workload);
  await traffic.open(order);
  await pause(SETTLE_MS / 4);
  const stop = traffic.start(dialects[dialect].batches);
  await pause(order.warmUpSeconds * 1000);
  traffic.measure(true);
  const before = { cpu: cpuTime(pid), own: process.cpuUsage(), received: traffic.received, at: performance.now() };
  await pause(seconds * 1000);
  const after = { cpu: cpuTime(pid), own: process.cpuUsage(before.own), at: performance.now() };
  const deliveries = traffic.received - before.received;
  traffic.measure(false);
  stop();
  const isDone = () =>
    traffic.received >= traffic.expected && (!workload.acknowledged || traffic.accepted >= traffic.sent);
  for (const end = performance.now() + DRAIN_MS; !isDone() && performance.now() < end; ) await pause(20);
  const userUs = after.cpu.userUs - before.cpu.userUs;
  const systemUs = after.cpu.systemUs - before.cpu.systemUs;
  const elapsedUs = (after.at - before.at) * 1000;
  return {
    deliveries,
    cpu_us: rounded((userUs + systemUs) / deliveries),
    user_us: rounded(userUs / deliveries),
    system_us: rounded(systemUs / deliveries),
    server_cpu_percent: Math.round((100 * (userUs + systemUs)) / elapsedUs),
    ...traffic.latencies(),
    lost: traffic.expected - traffic.received,
    duplicated: traffic.duplicated,
    reordered: traffic.reordered,
    ...(workload.acknowledged ? { unaccepted: traffic.sent - traffic.accepted } : {}),
    generator_cpu_percent: Math.round((100 * (after.own.user + after.own.system)) / elapsedUs),
  };
}

// ---- connections

/** Memory of a connection: of many more once some are open, so that what the first ones bring along does not count. */
async function measureIdle(order: Extract<LoadOrder, { kind: 'idle' }>): Promise<IdleReport> {
  const { dialect, port, pid, connections, warmUpConnections, subscribed } = order;
  const speak = dialects[dialect];
  const open = async (index: number) => {
    if (!subscribed) await speak.idle(port);
    else await speak.subscribe(port, { publisher: index, topics: 1, maxDelayMs: 0 }, () => {});
  };
  await openAll(warmUpConnections, open);
  await pause(SETTLE_MS);
  const before = residentKb(pid);
  await openAll(connections, (index) => open(warmUpConnections + index));
  await pause(SETTLE_MS);
  return { connections, kb_per_connection: rounded((residentKb(pid) - before) / connections) };
}

async function measureConnecting(order: Extract<LoadOrder, { kind: 'connect' }>): Promise<ConnectReport> {
  const { dialect, port, pid, connections } = order;
  let failed = 0;
  const before = cpuTime(pid);
  const startedAt = performance.now();
  await openAll(connections, async () => {
    try {
      await dialects[dialect].idle(port);
    } catch {
      failed += 1;
    }
  });
  const elapsedMs = performance.now() - startedAt;
  const after = cpuTime(pid);
  const cpuUs = after.userUs + after.systemUs - before.userUs - before.systemUs;
  return {
    connections,
    failed,
    per_second: Math.round((1000 * (connections - failed)) / elapsedMs),
    cpu_us: rounded(cpuUs / connections),
  };
}

async function obey(order: LoadOrder): Promise<TrafficReport | IdleReport | ConnectReport> {
  switch (order.kind) {
    case 'traffic':
      return await playTraffic(order);
    case 'idle':
      return await measureIdle(order);
    case 'connect':
      return await measureConnecting(order);
  }
}

try {
  const report = await obey(JSON.parse(process.argv[2] ?? '') as LoadOrder);
  // The sockets that are still open keep the process alive: it ends when this has been written.
  process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
} catch (error) {
  console.error(errorMessage(error));
  process.exit(1);
}
