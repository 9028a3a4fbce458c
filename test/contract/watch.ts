/** What a subscription brings, for tests of brokers over engines that break. */

import { expect } from 'vitest';
import type { Broker, BrokerMessage } from '../../cloud/broker/index.ts';

/** Messages of a filter as they come, its gaps, and a promise of the first message that is like it should be. */
export async function watch(broker: Broker, filter: string) {
  const messages: BrokerMessage[] = [];
  const gaps: string[] = [];
  const waiting: { like: (message: BrokerMessage) => boolean; resolve: () => void }[] = [];
  let resolveGap = () => {};
  const gap = new Promise<void>((resolve) => {
    resolveGap = resolve;
  });
  const deliver = (message: BrokerMessage) => {
    messages.push(message);
    for (const { like, resolve } of waiting) if (like(message)) resolve();
  };
  const onGap = (reason: string) => {
    gaps.push(reason);
    resolveGap();
  };
  const { position } = await broker.subscribe(filter, deliver, { onGap });
  const until = (like: (message: BrokerMessage) => boolean) =>
    messages.some(like) ? Promise.resolve() : new Promise<void>((resolve) => waiting.push({ like, resolve }));
  return { messages, gaps, gap, position, until };
}

/** Every subscription brought the numbers from 1 to `each` of every topic, once and in order, and heard of no gap. */
export async function expectAll(
  watched: readonly Awaited<ReturnType<typeof watch>>[],
  topics: readonly string[],
  each: number,
): Promise<void> {
  for (const { until, gap } of watched) {
    const all = topics.map((topic) => until((message) => message.topic === topic && message.data === each));
    await Promise.race([gap, Promise.all(all)]);
  }
  const expected = Array.from({ length: each }, (_, index) => index + 1);
  for (const { messages, gaps } of watched) {
    expect(gaps).toEqual([]);
    for (const topic of topics) {
      expect(messages.filter((message) => message.topic === topic).map(({ data }) => data)).toEqual(expected);
    }
  }
}
