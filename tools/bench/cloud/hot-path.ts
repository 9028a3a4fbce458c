/**
 * What the cloud's own code costs a message, without any socket: binary messages go into publishers, frames come out at
 * counting sinks, through everything between (publisher, rate, measured broker, history, fan-out, filters, delivery,
 * outbox).
 *
 *     node tools/run.mjs tools/bench/cloud/hot-path.ts [--workloads one_to_one,fan_out,dashboard] [--seconds 2]
 *     node --cpu-prof --cpu-prof-dir=/tmp/profiles tools/run.mjs tools/bench/cloud/hot-path.ts --workloads one_to_one
 *
 * Prints a JSON line for each
 * workload: CPU and garbage collection in µs a delivery. Less than what a server needs (the work of the sockets, and
 * their cold caches, are missing): for comparing one version of the code with another, not for claims.
 */

import { PerformanceObserver } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { LocalBroker } from '../../../cloud/broker/index.ts';
import { errorCodes, publishRecord, topicRecord } from '../../../cloud/protocol/index.ts';
import { BinaryPublisher } from '../../../cloud/server/binary-publisher.ts';
import { BinaryDelivery } from '../../../cloud/server/delivery.ts';
import { SessionFilters } from '../../../cloud/server/filters.ts';
import { FrameCache } from '../../../cloud/server/frames.ts';
import { MeasuredBroker } from '../../../cloud/server/measured-broker.ts';
import { defaultServerLimits } from '../../../cloud/server/options.ts';
import { type FrameSink, Outbox } from '../../../cloud/server/outbox.ts';
import { PublishRate } from '../../../cloud/server/rate.ts';
import { EarlError, errorMessage } from '../../../errors/index.ts';
import { connectionsOf, dashboard, fanOut, oneToOne, type Workload } from './workloads.ts';

const { values: flags } = parseArgs({
  options: {
    workloads: { type: 'string', default: 'one_to_one,fan_out,dashboard,dashboard_unbatched_publishers' },
    seconds: { type: 'string', default: '2' },
  },
});

/** What the load generator sends of `one_to_one` in a tick; so many that the turn itself does not count. */
const MESSAGES_A_TURN = 40;
const WARM_UP_SECONDS = 2;
/** Of the time that is measured; the median counts, and the least says what other work on the machine adds. */
const SLICES = 21;

/** Takes every frame at once, as a socket does whose client reads. */
class CountingSink implements FrameSink {
  readonly bufferedAmount = 0;
  frames = 0;
  bytes = 0;

  write(frame: Buffer): void {
    this.frames += 1;
    this.bytes += frame.length;
  }
}

class Bench {
  readonly #workload: Workload;
  readonly #broker = new MeasuredBroker(new LocalBroker(), () => {});
  readonly #frames = new FrameCache();
  readonly #sinks: CountingSink[] = [];
  readonly #publishers: BinaryPublisher[] = [];
  readonly #messages: Buffer[] = [];
  #next = 0;
  sent = 0;

  constructor(workload: Workload) {
    this.#workload = workload;
  }

  async open(): Promise<void> {
    const { publishers, topicsPerPublisher, subscribersPerPublisher, watchers } = this.#workload;
    for (let index = 0; index < publishers * subscribersPerPublisher; index++) {
      await this.#subscribe(`bench/${index % publishers}/${topicsPerPublisher === 1 ? 0 : '+'}`);
    }
    for (let index = 0; index < watchers; index++) await this.#subscribe('bench/#');
    for (let index = 0; index < publishers; index++) this.#publisher(index);
  }

  /** One message of the next publisher: all its topics when it batches, else one of them. */
  publish(): void {
    const { publishers, topicsPerPublisher, holdMs, hz } = this.#workload;
    const publisher = this.#next % publishers;
    const round = Math.floor(this.#next / publishers);
    this.#next += 1;
    const batch = holdMs === 0 ? 1 : Math.max(1, Math.round((topicsPerPublisher * hz * holdMs) / 1000));
    this.#publishers[publisher]!.receive(this.#message(batch, round));
    this.sent += batch;
  }

  get framesOut(): number {
    return this.#sinks.reduce((sum, { frames }) => sum + frames, 0);
  }

  get bytesOut(): number {
    return this.#sinks.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Made beforehand, as sockets bring them; the numbers of topics begin at 1. */
  #message(batch: number, round: number): Buffer {
    const { topicsPerPublisher, payloadBytes } = this.#workload;
    const first = (round * batch) % topicsPerPublisher;
    let message = this.#messages[first];
    if (message === undefined) {
      const records = Array.from({ length: batch }, (_, index) =>
        publishRecord(((first + index) % topicsPerPublisher) + 1, Buffer.alloc(payloadBytes, 'A'), false),
      );
      message = Buffer.concat(records);
      this.#messages[first] = message;
    }
    return message;
  }

  async #subscribe(filter: string): Promise<void> {
    const sink = new CountingSink();
    this.#sinks.push(sink);
    const outbox = new Outbox(sink, defaultServerLimits, () => {});
    const to = { send: (frame: Buffer, retained = false) => outbox.push(frame, retained) };
    const delivery = new BinaryDelivery(to, this.#frames, defaultServerLimits.messageBytes);
    const filters = new SessionFilters(this.#broker, defaultServerLimits, delivery, () => {});
    const { maxDelayMs } = this.#workload;
    await filters.subscribe([filter], maxDelayMs > 0 ? { maxDelayMs } : {});
  }

  #publisher(index: number): void {
    const rate = new PublishRate({ perSecond: 1e9, burst: 1e9 }, () => {});
    const publisher = new BinaryPublisher(
      {
        topicPublisher: (topic) => this.#broker.topicPublisher(topic),
        count: () => rate.count(),
        begin: () => {},
        mayPublish: () => true,
        refusal: (error) => ({ code: errorCodes.overloaded, message: errorMessage(error) }),
        send: () => {},
      },
      undefined,
      defaultServerLimits.publishedTopics,
    );
    for (let topic = 0; topic < this.#workload.topicsPerPublisher; topic++) {
      publisher.receive(topicRecord(topic + 1, `bench/${index}/${topic}`));
    }
    this.#publishers.push(publisher);
  }
}

let collectingMs = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) collectingMs += entry.duration;
}).observe({ entryTypes: ['gc'] });

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

async function run(workload: Workload, seconds: number): Promise<Record<string, number | string>> {
  const bench = new Bench(workload);
  await bench.open();
  const { subscribersPerPublisher, watchers } = workload;
  const play = async (forMs: number) => {
    for (const end = performance.now() + forMs; performance.now() < end; ) {
      for (let count = 0; count < MESSAGES_A_TURN; count++) bench.publish();
      await turn();
    }
  };
  await play(WARM_UP_SECONDS * 1000);
  const before = { sent: bench.sent, frames: bench.framesOut, bytes: bench.bytesOut };
  const perSample = subscribersPerPublisher + watchers;
  const costs: number[] = [];
  collectingMs = 0;
  for (let slice = 0; slice < SLICES; slice++) {
    const start = { sent: bench.sent, cpu: process.cpuUsage() };
    await play((seconds * 1000) / SLICES);
    const { user, system } = process.cpuUsage(start.cpu);
    costs.push((user + system) / (bench.sent - start.sent) / perSample);
  }
  const deliveries = (bench.sent - before.sent) * perSample;
  await new Promise((resolve) => setTimeout(resolve, 2 * workload.maxDelayMs));
  const bytes = bench.bytesOut - before.bytes;
  if (bytes < deliveries * workload.payloadBytes) throw new EarlError('BENCH_WRONG', 'frames are missing');
  const rounded = (value: number) => Math.round(value * 1000) / 1000;
  costs.sort((one, other) => one - other);
  return {
    workload: workload.name,
    connections: connectionsOf(workload),
    deliveries,
    us: rounded(costs[SLICES >> 1]!),
    least_us: rounded(costs[0]!),
    gc_us: rounded((collectingMs * 1000) / deliveries),
    frames: bench.framesOut - before.frames,
  };
}

const all = [oneToOne(5000), fanOut(100, 50), dashboard(1000, 50, 50), dashboard(1000, 50, 0)];
for (const workload of all.filter(({ name }) => flags.workloads.split(',').includes(name))) {
  console.log(JSON.stringify(await run(workload, Number(flags.seconds))));
}
process.exit(0);
