/**
 * The checker of `npm run chaos` itself: a trace recorded from a real cloud is good, and every single change of it that
 * a broken cloud could cause is found. And a run in which a proxy swallows one frame.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCloud } from '../../cloud/server/index.ts';
import { readHistory } from '../../tools/chaos/history.ts';
import { Ledger, type TraceEvent, type Verdict } from '../../tools/chaos/ledger.ts';
import { RawObserver, SdkObserver } from '../../tools/chaos/observers.ts';
import { freePort, Guard } from '../../tools/chaos/programs.ts';
import { FaultyProxy, type Tamper } from '../../tools/chaos/proxy.ts';
import { RawPublisher, SdkPublisher, SdkQueuePublisher } from '../../tools/chaos/publishers.ts';
import { SeededRandom } from '../../tools/chaos/random.ts';
import { runRound } from '../../tools/chaos/round.ts';
import { bundleEarl } from '../e2e/earl-process.ts';

type Delivered = Extract<TraceEvent, { t: 'delivered' }>;

const seed = Number(process.env.EARL_SEED ?? Math.floor(Math.random() * 2 ** 32));

describe(`a recorded trace, seed ${seed}`, () => {
  let trace: TraceEvent[];
  const random = new SeededRandom(seed);

  beforeAll(async () => {
    trace = await record();
  }, 60_000);

  it('is good as it is, with resumptions and repetitions in it', () => {
    expect(trace.filter((event) => event.t === 'told')).toEqual([]);
    const { acknowledged, ...rest } = verdictOf(trace);
    expect(acknowledged).toBeGreaterThan(200);
    const good = { lost: 0, duplicated: 0, reordered: 0, corrupted: 0, told: 0, wrong: [] };
    expect(rest).toEqual({ ...good, unacknowledged: 0, unacknowledgedDelivered: 0 });
    const connections = new Set(trace.flatMap((event) => (event.t === 'sent' ? event.connection : [])));
    expect(connections.size).toBeGreaterThan(2);
  });

  it.each(['reader-binary', 'reader-json', 'reader-sdk', 'history'])('misses one message at %s', (observer) => {
    for (let round = 0; round < 20; round++) {
      const at = anyDelivery(observer);
      const { publisher, seq } = trace[at] as Delivered;
      expect(verdictOf(changed(at))).toMatchObject({
        ...{ lost: 1, duplicated: 0, reordered: 0 },
        wrong: [{ problem: 'lost', publisher, seq, observer }],
      });
    }
  });

  it('misses one that nobody got', () => {
    const { publisher, seq } = trace[anyDelivery('history')] as Delivered;
    const without = trace.filter(
      (event) => !(event.t === 'delivered' && event.publisher === publisher && event.seq === seq),
    );
    const { lost, wrong } = verdictOf(without);
    expect(lost).toBe(1);
    expect(wrong[0]!.observer).toBe('reader-binary, reader-json, reader-sdk, history');
    expect(wrong[0]!.history.join('\n')).toMatch(/issued\n.* sent on (.*\n)+.* acknowledged on /);
  });

  it('notices that one came twice, at once or later, at one or at all', () => {
    for (let round = 0; round < 20; round++) {
      const at = anyDelivery('reader-json');
      const one = trace[at] as Delivered;
      const problem = { lost: 0, duplicated: 1, reordered: 0, wrong: [{ publisher: one.publisher, seq: one.seq }] };
      expect(verdictOf(changed(at, one, one))).toMatchObject(problem);
      expect(verdictOf([...trace, one])).toMatchObject(problem);
      // Written twice by the broker: everybody sees one offset or the other, the history shows both.
      const again = trace.flatMap((event) =>
        event.t === 'delivered' && event.publisher === one.publisher && event.seq === one.seq
          ? [event, { ...event, offset: 1e6 }]
          : [event],
      );
      expect(verdictOf(again)).toMatchObject(problem);
    }
  });

  it('notices one that has two offsets, though each observer saw it once', () => {
    const at = anyDelivery('reader-json');
    const moved = changed(at, { ...(trace[at] as Delivered), offset: 1e6 });
    expect(verdictOf(moved)).toMatchObject({ lost: 0, duplicated: 1, reordered: 0 });
  });

  it('notices two that were swapped within a publisher and topic', () => {
    for (const observer of ['reader-binary', 'reader-sdk', 'history']) {
      for (let round = 0; round < 20; round++) {
        const at = anyDelivery(observer);
        const one = trace[at] as Delivered;
        const same = trace.findIndex(
          (event, place) =>
            place > at && isDelivery(event, observer) && event.publisher === one.publisher && event.topic === one.topic,
        );
        if (same < 0) continue;
        expect(verdictOf(late(at, same))).toMatchObject({
          ...{ lost: 0, duplicated: 0, reordered: 1 },
          wrong: [{ problem: 'reordered', publisher: one.publisher, observer }],
        });
      }
    }
  });

  it('takes nothing amiss that was not promised', () => {
    const byPublisher = trace.flatMap((event) => (isDelivery(event, 'reader-sdk') ? event : []));
    byPublisher.sort((one, other) => one.publisher.localeCompare(other.publisher) || one.seq - other.seq);
    const others = trace.filter((event) => !isDelivery(event, 'reader-sdk'));
    expect(verdictOf([...others, ...byPublisher])).toMatchObject({ lost: 0, duplicated: 0, reordered: 0 });
    const { publisher, seq } = trace[anyDelivery('history')] as Delivered;
    const isIt = (event: TraceEvent) => 'seq' in event && event.publisher === publisher && event.seq === seq;
    const unacknowledged = trace.filter((event) => !(isIt(event) && event.t === 'accepted'));
    expect(verdictOf(unacknowledged)).toMatchObject({ lost: 0, unacknowledged: 1, unacknowledgedDelivered: 1 });
    const nowhere = unacknowledged.filter((event) => !(isIt(event) && event.t === 'delivered'));
    expect(verdictOf(nowhere)).toMatchObject({ lost: 0, unacknowledged: 1, unacknowledgedDelivered: 0 });
  });

  it('notices what nobody sent', () => {
    const one = trace[anyDelivery('reader-json')] as Delivered;
    expect(verdictOf([...trace, { ...one, seq: 1e6 }])).toMatchObject({ corrupted: 1, duplicated: 0 });
    expect(verdictOf([...trace, { ...one, topic: 'chaos/else' }])).toMatchObject({ corrupted: 1, duplicated: 0 });
  });

  /** The trace with something else in place of one event. */
  function changed(at: number, ...instead: TraceEvent[]): TraceEvent[] {
    return [...trace.slice(0, at), ...instead, ...trace.slice(at + 1)];
  }

  /** An earlier event comes only after a later one. */
  function late(one: number, other: number): TraceEvent[] {
    return [...trace.slice(0, one), ...trace.slice(one + 1, other + 1), trace[one]!, ...trace.slice(other + 1)];
  }

  function anyDelivery(observer: string): number {
    const places = trace.flatMap((event, place) =>
      event.t === 'delivered' && event.observer === observer ? place : [],
    );
    return random.pick(places);
  }
});

describe('a proxy that swallows', () => {
  let bundle: Awaited<ReturnType<typeof bundleEarl>>;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'earl-chaos-test-'));
    bundle = await bundleEarl();
  });
  afterAll(() => {
    bundle.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  it('one delivered frame is found out', async () => {
    const guard = new Guard(join(folder, 'run'));
    const { verdict, crashes } = await runRound({
      ...{ topology: 'data', seed, earl: bundle.file, folder: join(folder, 'run'), guard, namespaces: false },
      ...{ faultsMs: 150, settleMs: 6000, signal: new AbortController().signal, tell: () => {} },
      tamper: swallowOne(),
    }).finally(() => guard.close());
    expect(crashes).toEqual([]);
    expect(verdict).toMatchObject({ duplicated: 0, reordered: 0, corrupted: 0 });
    expect(verdict.lost).toBeGreaterThan(0);
    for (const { problem, observer } of verdict.wrong) {
      expect([problem, observer]).toEqual(['lost', 'reader-binary']);
    }
  }, 60_000);
});

function isDelivery(event: TraceEvent, observer: string): event is Delivered {
  return event.t === 'delivered' && event.observer === observer;
}

function verdictOf(trace: readonly TraceEvent[]): Verdict {
  const ledger = new Ledger();
  for (const event of trace) ledger.take(event);
  return ledger.verdict();
}

/** Two publishers and three observers at a cloud whose connections are cut now and then. */
async function record(): Promise<TraceEvent[]> {
  const events: TraceEvent[] = [];
  const ledger = new Ledger();
  const began = performance.now();
  const now = () => performance.now() - began;
  const trace = (event: TraceEvent) => {
    events.push(event);
    ledger.take(event);
  };
  const cloud = await startCloud({ port: 0, limits: { closeGraceMs: 200 } });
  const proxy = await FaultyProxy.start(await freePort(), () => cloud.port);
  const url = `ws://127.0.0.1:${proxy.port}`;
  const raw = new RawObserver('reader-binary', 'earl.v1', { url, trace, now });
  const observers = [
    raw,
    new RawObserver('reader-json', 'earl.v1.json', { url, trace, now }),
    new SdkObserver('reader-sdk', { url, trace, now }),
  ];
  await Promise.all(observers.map(({ begun }) => begun));
  const load = { trace, now, rate: 150, payloadBytes: 10 };
  const publishers = [
    new RawPublisher('raw', url, load),
    new SdkPublisher('sdk', url, load),
    new SdkQueuePublisher('queue', url, load),
  ];
  const acknowledged = () => ledger.verdict().acknowledged;
  for (const enough of [80, 160, 260]) {
    await until(() => acknowledged() >= enough);
    proxy.cut();
  }
  for (const publisher of publishers) publisher.finish();
  await until(() => publishers.every(({ waiting }) => waiting === 0));
  await until(() => observers.every(({ name }) => ledger.awaitedBy(name) === 0));
  await readHistory('history', ledger.topics(), raw.first!, { url, trace, now });
  for (const client of [...publishers, ...observers]) await client.close();
  await proxy.close();
  await cloud.close();
  return events;
}

/** Waits for what other connections do, without a bound of its own: the test has one. */
async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Takes one binary frame that begins with a message out of what servers send (RFC 6455, section 5.2). */
function swallowOne(): Tamper {
  let swallowed = false;
  return () => {
    let upgraded = false;
    let rest = Buffer.alloc(0);
    return (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      const passed: Buffer[] = [];
      if (!upgraded) {
        const end = rest.indexOf('\r\n\r\n');
        if (end < 0) return Buffer.alloc(0);
        upgraded = true;
        passed.push(rest.subarray(0, end + 4));
        rest = rest.subarray(end + 4);
      }
      for (let length = frameLength(rest); length !== undefined && length <= rest.length; length = frameLength(rest)) {
        const frame = rest.subarray(0, length);
        rest = rest.subarray(length);
        const isMessage = (frame[0]! & 0x0f) === 2 && (frame[headerLength(frame)]! & 0x0f) === 2;
        if (isMessage && !swallowed) swallowed = true;
        else passed.push(frame);
      }
      return Buffer.concat(passed);
    };
  };
}

function headerLength(frame: Buffer): number {
  return { 126: 4, 127: 10 }[frame[1]!] ?? 2;
}

/** Of the frame that the bytes begin with; undefined until its header is there. */
function frameLength(bytes: Buffer): number | undefined {
  if (bytes.length < 2) return undefined;
  const header = headerLength(bytes);
  if (bytes.length < header) return undefined;
  const short = bytes[1]!;
  if (short === 126) return header + bytes.readUInt16BE(2);
  return header + (short === 127 ? Number(bytes.readBigUInt64BE(2)) : short);
}
