import { describe, expect, it } from 'vitest';
import { type FrameSink, Outbox, QueueBudget } from './outbox.ts';

/** A socket that keeps everything until the test lets it drain. */
class StalledSink implements FrameSink {
  bufferedAmount = 0;
  readonly sent: string[] = [];
  #callbacks: (() => void)[] = [];

  write(frame: Buffer, sent?: () => void): void {
    this.bufferedAmount += frame.length;
    this.sent.push(frame.toString());
    if (sent) this.#callbacks.push(sent);
  }

  drain(): void {
    this.bufferedAmount = 0;
    for (const callback of this.#callbacks.splice(0)) callback();
  }
}

function outboxFor(queueBytes: number, queuedRetained = 100) {
  const sink = new StalledSink();
  let overflows = 0;
  const outbox = new Outbox(sink, { queueBytes, queuedRetained }, () => {
    overflows += 1;
  });
  const push = (text: string, retained = false) => outbox.push(Buffer.from(text), retained);
  return { sink, outbox, push, overflows: () => overflows };
}

const large = 'x'.repeat(64 * 1024);

describe('a budget of all queues', () => {
  const mebibyte = 2 ** 20;

  /** Clients that read nothing, on one budget. */
  function stalledClients(count: number, budget: QueueBudget) {
    return Array.from({ length: count }, () => {
      const sink = new StalledSink();
      const client = { sink, isOver: false, outbox: undefined as unknown as Outbox };
      client.outbox = new Outbox(
        sink,
        { queueBytes: mebibyte, queuedRetained: 1 },
        () => (client.isOver = true),
        budget,
      );
      client.outbox.push(Buffer.from(large), false);
      client.outbox.push(Buffer.from('x'), false);
      return client;
    });
  }

  it('keeps a thousand that read nothing from holding more, and spares who is only slow for a moment', () => {
    const budget = new QueueBudget(64 * mebibyte);
    const clients = stalledClients(1000, budget);
    const moment = clients.pop()!;
    moment.outbox.push(Buffer.alloc(32 * 1024), false);
    let most = 0;
    for (let turn = 0; turn < 40; turn++) {
      for (const { outbox } of clients) outbox.push(Buffer.alloc(16 * 1024), false);
      most = Math.max(most, budget.bytes);
    }
    expect(most).toBeLessThanOrEqual(64 * mebibyte + 1000 * 80 * 1024);
    expect(clients.filter(({ isOver }) => isOver).length).toBeGreaterThan(500);
    expect(budget.bytes).toBeLessThanOrEqual(64 * mebibyte + 80 * 1024);
    for (const { outbox } of clients) outbox.stop();
    expect(moment.isOver).toBe(false);
    moment.sink.drain();
    expect(budget.bytes).toBe(0);
    expect(moment.sink.sent).toHaveLength(3);
  });

  it('is given back by clients that drain and by those that go', () => {
    const budget = new QueueBudget(mebibyte);
    const [draining, going] = stalledClients(2, budget);
    for (const client of [draining!, going!]) client.outbox.push(Buffer.alloc(1000), false);
    draining!.sink.drain();
    expect(budget.bytes).toBe(1000);
    going!.outbox.stop();
    going!.outbox.stop();
    expect(budget.bytes).toBe(0);
  });
});

describe('Outbox', () => {
  it('hands frames to the socket up to 64 KiB, keeps the rest, and goes on in order when it drains', () => {
    const { sink, push } = outboxFor(1000);
    push('a');
    push(large);
    for (const text of ['b', 'c']) push(text);
    expect(sink.sent).toEqual(['a', large]);
    sink.drain();
    expect(sink.sent).toEqual(['a', large, 'b', 'c']);
  });

  it('overflows once when more than queueBytes wait, and sends nothing any more', () => {
    const { sink, push, overflows } = outboxFor(10);
    push('first');
    push(large);
    push('x'.repeat(10));
    expect(overflows()).toBe(0);
    push('y');
    push('z');
    expect(overflows()).toBe(1);
    sink.drain();
    expect(sink.sent).toEqual(['first', large]);
  });

  it('gives room again as it drains', () => {
    const { sink, push, overflows } = outboxFor(10);
    for (let round = 0; round < 300; round++) {
      push(large);
      push('x'.repeat(9));
      sink.drain();
      sink.drain();
    }
    expect(overflows()).toBe(0);
    expect(sink.sent).toHaveLength(600);
  });

  it('bounds retained values by number only, and keeps their order with live ones', () => {
    const { sink, push, overflows } = outboxFor(10, 2);
    push('first');
    push(large);
    push('r'.repeat(100), true);
    push('live');
    push('s'.repeat(100), true);
    expect(overflows()).toBe(0);
    sink.drain();
    expect(sink.sent.slice(2)).toEqual(['r'.repeat(100), 'live', 's'.repeat(100)]);
    push(large);
    for (let count = 0; count < 3; count++) push('t', true);
    expect(overflows()).toBe(1);
  });

  it('works through a long queue', () => {
    const { sink, push } = outboxFor(1_000_000);
    push(large);
    for (let number = 0; number < 5000; number++) push(`${number}`);
    while (sink.sent.length < 5001) sink.drain();
    expect(sink.sent.slice(1)).toEqual(Array.from({ length: 5000 }, (_, number) => `${number}`));
  });
});
