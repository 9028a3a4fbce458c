import { describe, expect, it } from 'vitest';
import { type FrameSink, Outbox } from './outbox.ts';

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
