/** What the in-process broker adds to the contract (test/contract/broker.contract.ts): its bounds. */
import { describe, expect, it } from 'vitest';
import type { BrokerMessage } from './broker.ts';
import { MemoryBroker } from './memory.ts';
import { TopicTree } from './topic-tree.ts';

async function retainedTopics(broker: MemoryBroker, filter = '#'): Promise<string[]> {
  const topics: string[] = [];
  const subscription = await broker.subscribe(filter, ({ topic }) => topics.push(topic));
  await subscription.unsubscribe();
  return topics.sort();
}

describe('MemoryBroker', () => {
  it('delivers before publish returns', async () => {
    const broker = new MemoryBroker();
    const messages: BrokerMessage[] = [];
    await broker.subscribe('a', (message) => messages.push(message));
    void broker.publish('a', 1);
    expect(messages).toEqual([{ topic: 'a', data: 1, retained: false }]);
  });

  it('forgets the retained value that was not renewed for longest', async () => {
    const broker = new MemoryBroker({ retainedTopics: 3 });
    for (const topic of ['a', 'b', 'c', 'a', 'd']) await broker.publish(topic, 1, { retain: true });
    expect(await retainedTopics(broker)).toEqual(['a', 'c', 'd']);
    expect(broker.retained).toEqual({ topics: 3, evicted: 1 });
  });

  it('bounds the bytes of retained values', async () => {
    const broker = new MemoryBroker({ retainedBytes: 1000 });
    await broker.publish('a', 'x'.repeat(400), { retain: true });
    await broker.publish('b', 'x'.repeat(400), { retain: true });
    await broker.publish('c', 'x'.repeat(400), { retain: true });
    expect(await retainedTopics(broker)).toEqual(['b', 'c']);
    await broker.publish('d', 'x'.repeat(2000), { retain: true });
    expect(await retainedTopics(broker)).toEqual([]);
  });

  it("keeps the server's own topics whatever clients retain", async () => {
    const broker = new MemoryBroker({ retainedTopics: 2 });
    await broker.publish('$serve/home/ball/x', 1, { retain: true });
    for (const topic of ['a', 'b', 'c']) await broker.publish(topic, 1, { retain: true });
    expect(await retainedTopics(broker, '$serve/#')).toEqual(['$serve/home/ball/x']);
    expect(await retainedTopics(broker)).toEqual(['b', 'c']);
  });

  it('forgets the sequence number of the publisher that was silent for longest', async () => {
    const broker = new MemoryBroker({ publishers: 2 });
    const seen: string[] = [];
    await broker.subscribe('a', ({ data }) => seen.push(String(data)));
    for (const publisher of ['one', 'two', 'one', 'three', 'one', 'two']) {
      await broker.publish('a', publisher, { dedupe: { publisher, seq: 1 } });
    }
    expect(seen).toEqual(['one', 'two', 'three', 'two']);
  });

  it('reports a subscriber that throws', async () => {
    const errors: unknown[] = [];
    const broker = new MemoryBroker({ onSubscriberError: (error) => errors.push(error) });
    const error = new Error('a broken subscriber');
    await broker.subscribe('a', () => {
      throw error;
    });
    await broker.publish('a', 1);
    expect(errors).toEqual([error]);
  });

  it('gives a subscription begun inside a delivery each message once', async () => {
    const broker = new MemoryBroker();
    const seen: BrokerMessage[] = [];
    await broker.subscribe('a', () => {
      void broker.publish('b', 'inside', { retain: true });
      void broker.subscribe('b', (message) => seen.push(message));
    });
    await broker.publish('a', 1);
    expect(seen).toEqual([{ topic: 'b', data: 'inside', retained: false }]);
  });
});

describe('TopicTree', () => {
  it('leaves nothing behind when everything is removed', () => {
    const tree = new TopicTree<number>();
    const paths = ['a', 'a/b', 'a/b/c', '+/b', '#', 'a/#'];
    for (const [value, path] of paths.entries()) tree.add(path, value);
    expect(tree.matching('a/b').sort()).toEqual([1, 3, 4, 5]);
    tree.delete('a/x', 1);
    for (const [value, path] of paths.entries()) tree.delete(path, value);
    expect(tree.isEmpty).toBe(true);
  });
});
