/**
 * `/metrics`: what a server does, in the text format of Prometheus (docs/operations.md, "Watching").
 *
 * Figures that exist anyway are read when somebody asks; only the two histograms are fed as time goes by. Every series
 * has the label `process`, so that those of several workers can be told apart.
 */

import { Histogram, Registry } from 'prom-client';
import { type Broker, LocalBroker } from '../broker/index.ts';
import { MeasuredBroker } from './measured-broker.ts';
import type { CloudCounters } from './options.ts';
import { readCounter, readGauge } from './read-metrics.ts';

export interface MetricSources {
  readonly broker: Broker;
  readonly counters: CloudCounters;
  connections(): number;
  /** Bytes that wait to be taken by clients. */
  waitingBytes(): number;
  isDraining(): boolean;
}

const lagBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
const serviceBuckets = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
/** Period of the timer whose lateness is the lag, and after which a message is measured. */
const busyPeriodMs = 100;
/** While nobody says anything: each time that a process wakes up costs it a fifth of a millisecond. */
const idlePeriodMs = 1000;

export class Metrics {
  /** What sessions are to use in the place of the broker. */
  readonly broker: MeasuredBroker;
  readonly #registry = new Registry();
  readonly #lag: Histogram;
  readonly #counters: CloudCounters;
  readonly #beat = () => this.#onBeat();
  #timer: NodeJS.Timeout | undefined;
  #periodMs = 0;
  #dueMs = 0;
  /** What clients had said at the last beat. */
  #heard = 0;

  constructor(sources: MetricSources) {
    this.#registry.setDefaultLabels({ process: String(process.pid) });
    const service = this.#histogram(
      'earl_service_time_seconds',
      'From the publishing of a message to its writing to the sockets of its subscribers, measured ten times a second.',
      serviceBuckets,
    );
    this.#counters = sources.counters;
    this.broker = new MeasuredBroker(
      sources.broker,
      (seconds) => service.observe(seconds),
      () => this.#wake(),
    );
    this.#lag = this.#histogram(
      'earl_event_loop_lag_seconds',
      `How late a timer of ${busyPeriodMs} ms comes; of ${idlePeriodMs} ms while no client says anything.`,
      lagBuckets,
    );
    this.#addServer(sources);
    this.#addProcess();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  start(): void {
    this.broker.tick();
    this.#arm(busyPeriodMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#periodMs = 0;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  // Not monitorEventLoopDelay: its histogram has no buckets to be read, and forgets the tick after each reset.
  #arm(periodMs: number): void {
    this.#periodMs = periodMs;
    this.#dueMs = performance.now() + periodMs;
    this.#timer = setTimeout(this.#beat, periodMs);
    this.#timer.unref();
  }

  #onBeat(): void {
    this.#lag.observe(Math.max(0, performance.now() - this.#dueMs) / 1000);
    const { messagesIn, connections } = this.#counters;
    const heard = messagesIn + connections;
    const isBusy = heard !== this.#heard;
    this.#heard = heard;
    this.broker.tick();
    this.#arm(isBusy ? busyPeriodMs : idlePeriodMs);
  }

  /** A message comes after a silence. */
  #wake(): void {
    if (this.#periodMs !== idlePeriodMs) return;
    clearTimeout(this.#timer);
    this.#arm(busyPeriodMs);
  }

  #addServer({ broker, counters, connections, waitingBytes, isDraining }: MetricSources): void {
    this.#gauge('earl_connections', 'Clients that are connected.', connections);
    this.#gauge('earl_waiting_bytes', 'Bytes that wait to be taken by clients, of all of them.', waitingBytes);
    this.#gauge('earl_draining', '1 while clients are moved away before the end.', () => Number(isDraining()));
    this.#counter('earl_deliveries_total', 'Messages handed to subscriptions.', () => this.broker.deliveries);
    this.#counter('earl_messages_received_total', 'WebSocket and MQTT messages of clients.', () => counters.messagesIn);
    this.#counter(
      'earl_messages_sent_total',
      'Messages sent to clients, answers included.',
      () => counters.messagesOut,
    );
    this.#counter('earl_connections_total', 'Connections since the start.', () => counters.connections);
    this.#counter('earl_slow_consumers_total', 'Clients closed as too slow.', () => counters.slowConsumers);
    this.#counter('earl_bad_messages_total', 'Messages that broke the protocol.', () => counters.badMessages);
    this.#counter('earl_refused_handshakes_total', 'Handshakes refused.', () => counters.refusedHandshakes);
    if (!(broker instanceof LocalBroker)) return;
    this.#gauge('earl_retained_topics', 'Topics with a last value.', () => broker.retained.topics);
    this.#counter('earl_retained_evicted_total', 'Last values forgotten to make room.', () => broker.retained.evicted);
    this.#gauge('earl_history_messages', 'Messages kept for resuming.', () => broker.history.messages);
    this.#gauge('earl_history_bytes', 'Bytes of messages kept for resuming.', () => broker.history.bytes);
  }

  #addProcess(): void {
    const cpuSeconds = () => (process.cpuUsage().user + process.cpuUsage().system) / 1e6;
    this.#counter('process_cpu_seconds_total', 'CPU time of the process, user and system.', cpuSeconds);
    this.#gauge('process_resident_memory_bytes', 'Memory of the process.', () => process.memoryUsage.rss());
    const startedAt = Date.now() / 1000 - process.uptime();
    this.#gauge('process_start_time_seconds', 'When the process started, since 1970.', () => startedAt);
  }

  #gauge(name: string, help: string, read: () => number): void {
    readGauge(this.#registry, name, help, read);
  }

  #counter(name: string, help: string, read: () => number): void {
    readCounter(this.#registry, name, help, read);
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram {
    return new Histogram({ name, help, buckets, registers: [this.#registry] });
  }
}
