/** What the in-process broker adds to the contract (test/contract/broker.contract.ts): its bounds. */
import { describe, expect, it } from 'vitest';
import { type BrokerMessage, publishJson } from './broker.ts';
import { LocalBroker } from './local.ts';
import { TopicTree } from './topic-tree.ts';

async function retainedTopics(broker: LocalBroker, filter = '#'): Promise<string[]> {
  const topics: string[] = [];
  const subscription = await broker.subscribe(filter, ({ topic }) => topics.push(topic));
  await subscription.unsubscribe();
  return topics.sort();
}

describe('LocalBroker', () => {
  it('delivers before publish returns', async () => {
    const broker = new LocalBroker();
    const messages: BrokerMessage[] = [];
    await broker.subscribe('a', (message) => messages.push(message));
    expect(broker.publish('a', Buffer.from('1'))).toBeUndefined();
    expect(messages.map(({ topic, data, retained }) => [topic, data, retained])).toEqual([['a', 1, false]]);
  });

  it('forgets the retained value that was not renewed for longest', async () => {
    const broker = new LocalBroker({ retainedTopics: 3 });
    for (const topic of ['a', 'b', 'c', 'a', 'd']) await publishJson(broker, topic, 1, { retain: true });
    expect(await retainedTopics(broker)).toEqual(['a', 'c', 'd']);
    expect(broker.retained).toEqual({ topics: 3, evicted: 1 });
  });

  it('bounds the bytes of retained values', async () => {
    const broker = new LocalBroker({ retainedBytes: 1000 });
    await publishJson(broker, 'a', 'x'.repeat(400), { retain: true });
    await publishJson(broker, 'b', 'x'.repeat(400), { retain: true });
    await publishJson(broker, 'c', 'x'.repeat(400), { retain: true });
    expect(await retainedTopics(broker)).toEqual(['b', 'c']);
    await publishJson(broker, 'd', 'x'.repeat(2000), { retain: true });
    expect(await retainedTopics(broker)).toEqual([]);
  });

  it("keeps the server's own topics whatever clients retain", async () => {
    const broker = new LocalBroker({ retainedTopics: 2 });
    await publishJson(broker, '$serve/home/ball/x', 1, { retain: true });
    for (const topic of ['a', 'b', 'c']) await publishJson(broker, topic, 1, { retain: true });
    expect(await retainedTopics(broker, '$serve/#')).toEqual(['$serve/home/ball/x']);
    expect(await retainedTopics(broker)).toEqual(['b', 'c']);
  });

  it('forgets the sequence number of the publisher that was silent for longest', async () => {
    const broker = new LocalBroker({ publishers: 2 });
    const seen: string[] = [];
    await broker.subscribe('a', ({ data }) => seen.push(String(data)));
    for (const publisher of ['one', 'two', 'one', 'three', 'one', 'two']) {
      await publishJson(broker, 'a', publisher, { dedupe: { publisher, seq: 1 } });
    }
    expect(seen).toEqual(['one', 'two', 'three', 'two']);
  });

  it('bounds the history, in messages of a topic and in bytes, and never passes a part off as the whole', async () => {
    const broker = new LocalBroker({ historyPerTopic: 3, historyBytes: 10 * 188 });
    const start = (await broker.subscribe('#', () => {})).position;
    const read = async (filter: string, offset: number) => {
      const { messages, complete } = await broker.read([filter], { ...start, offset }, 100);
      return complete ? messages.map((message) => message.offset) : 'incomplete';
    };
    const publish = (topic: string) => broker.publish(topic, Buffer.alloc(100));
    publish('quiet');
    for (let count = 0; count < 5; count++) publish('busy');
    expect(await read('busy', 2)).toBe('incomplete');
    expect(await read('busy', 3)).toEqual([4, 5, 6]);
    expect(await read('quiet', 0)).toEqual([1]);
    for (let count = 0; count < 8; count++) publish(`other/${count}`);
    expect(broker.history).toEqual({ messages: 10, bytes: 1880 });
    expect(await read('quiet', 0)).toBe('incomplete');
    expect(await read('busy', 4)).toEqual([5, 6]);
    for (let count = 0; count < 1000; count++) publish('busy');
    expect(await read('busy', 1011)).toEqual([1012, 1013, 1014]);
    expect(await read('other/#', 6)).toBe('incomplete');
    expect(await read('other/#', 7)).toEqual([8, 9, 10, 11, 12, 13, 14]);
  });

  it('reports a subscriber that throws', async () => {
    const errors: unknown[] = [];
    const broker = new LocalBroker({ onSubscriberError: (error) => errors.push(error) });
    const error = new Error('a broken subscriber');
    await broker.subscribe('a', () => {
      throw error;
    });
    await publishJson(broker, 'a', 1);
    expect(errors).toEqual([error]);
  });

  it('gives a subscription begun inside a delivery each message once', async () => {
    const broker = new LocalBroker();
    const seen: BrokerMessage[] = [];
    await broker.subscribe('a', () => {
      void publishJson(broker, 'b', 'inside', { retain: true });
      void broker.subscribe('b', (message) => seen.push(message));
    });
    await publishJson(broker, 'a', 1);
    expect(seen.map(({ data, retained }) => [data, retained])).toEqual([['inside', false]]);
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
