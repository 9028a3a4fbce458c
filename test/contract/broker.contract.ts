/**
 * What every Broker promises (cloud/broker/broker.ts), as a suite over a factory.
 *
 * A broker may deliver later than `publish` resolves, so each test waits for the messages it expects. That a message
 * does not come is concluded after `settle`, by which everything accepted before must have been delivered.
 */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Broker, BrokerMessage } from '../../cloud/broker/index.ts';
import type { Json } from '../../cloud/protocol/index.ts';

export interface BrokerUnderTest {
  readonly broker: Broker;
  /** Resolves when everything that was accepted so far has been delivered. */
  settle(): Promise<void>;
}

export function brokerContract(name: string, create: () => Promise<BrokerUnderTest>): void {
  describe(`broker contract: ${name}`, () => {
    let broker: Broker;
    let settle: () => Promise<void>;

    beforeEach(async () => {
      ({ broker, settle } = await create());
    });
    afterEach(() => broker.close());

    /** Subscribes and returns the messages received, as they come. */
    async function collect(filter: string): Promise<BrokerMessage[]> {
      const messages: BrokerMessage[] = [];
      await broker.subscribe(filter, (message) => messages.push(message));
      return messages;
    }

    async function received(messages: BrokerMessage[]): Promise<[string, Json][]> {
      await settle();
      return messages.map(({ topic, data }) => [topic, data]);
    }

    it('delivers a message to every subscriber of its topic, and to nobody else', async () => {
      const first = await collect('home/ball/samples');
      const second = await collect('home/ball/samples');
      const other = await collect('home/arm/samples');
      await broker.publish('home/ball/samples', { v: [1, 'ä', null, true] });
      const expected = [['home/ball/samples', { v: [1, 'ä', null, true] }]];
      expect(await received(first)).toEqual(expected);
      expect(await received(second)).toEqual(expected);
      expect(await received(other)).toEqual([]);
      expect(first[0]!.retained).toBe(false);
    });

    it.each([
      ['home/+/samples', ['home/arm/samples', 'home/ball/samples']],
      ['home/#', ['home', 'home/arm/samples', 'home/ball/samples', 'home/ball/status']],
      ['+', ['home']],
      ['+/+', []],
      ['#', ['home', 'home/arm/samples', 'home/ball/samples', 'home/ball/status', 'work/ball/samples']],
      ['+/ball/+', ['home/ball/samples', 'home/ball/status', 'work/ball/samples']],
      ['home/ball/samples/#', ['home/ball/samples']],
      ['$app/#', ['$app/a', '$app/a/$b']],
      ['$app/+', ['$app/a']],
    ])('matches the filter %s, for live and for retained messages', async (filter, expected) => {
      const topics = [
        'home',
        'home/ball/samples',
        'home/ball/status',
        'home/arm/samples',
        'work/ball/samples',
        '$app/a',
        '$app/a/$b',
      ];
      const live = await collect(filter);
      for (const topic of topics) await broker.publish(topic, 1, { retain: true });
      expect((await received(live)).map(([topic]) => topic).sort()).toEqual(expected);
      const late = await collect(filter);
      expect((await received(late)).map(([topic]) => topic).sort()).toEqual(expected);
      expect(late.every((message) => message.retained)).toBe(true);
    });

    it('keeps the order of one publisher on one topic', async () => {
      const messages = await collect('a/+/c');
      const numbers = Array.from({ length: 200 }, (_, index) => index);
      await Promise.all(numbers.map((number) => broker.publish('a/b/c', number)));
      expect((await received(messages)).map(([, data]) => data)).toEqual(numbers);
    });

    it('keeps the order for every subscriber when one publishes from inside a delivery', async () => {
      const before = await collect('a/#');
      await broker.subscribe('a/question', () => void broker.publish('a/answer', 'answer'));
      const after = await collect('a/#');
      await broker.publish('a/question', 'question');
      await settle();
      expect(await received(before)).toEqual([
        ['a/question', 'question'],
        ['a/answer', 'answer'],
      ]);
      expect(await received(after)).toEqual(await received(before));
    });

    it('hands one message to several subscriptions as the same object, one after the other', async () => {
      const seen: BrokerMessage[] = [];
      for (const filter of ['a/b', 'a/+', 'a/#']) await broker.subscribe(filter, (message) => seen.push(message));
      await broker.publish('a/b', 1);
      await broker.publish('a/b', 2);
      await settle();
      expect(seen.map(({ data }) => data)).toEqual([1, 1, 1, 2, 2, 2]);
      expect(new Set(seen).size).toBe(2);
    });

    it('delivers a message once per subscription', async () => {
      const messages = await collect('a/+/#');
      await broker.publish('a/b', 1);
      expect(await received(messages)).toEqual([['a/b', 1]]);
    });

    it('stops after unsubscribe, without touching the others', async () => {
      const left: Json[] = [];
      const subscription = await broker.subscribe('a/b', (message) => left.push(message.data));
      const kept = await collect('a/b');
      await broker.publish('a/b', 1);
      await settle();
      await subscription.unsubscribe();
      await subscription.unsubscribe();
      await broker.publish('a/b', 2);
      expect((await received(kept)).map(([, data]) => data)).toEqual([1, 2]);
      expect(left).toEqual([1]);
    });

    it('goes on when a subscriber throws', async () => {
      await broker.subscribe('a/b', () => {
        throw new Error('a broken subscriber');
      });
      const messages = await collect('a/b');
      await broker.publish('a/b', 1);
      await broker.publish('a/b', 2);
      expect((await received(messages)).map(([, data]) => data)).toEqual([1, 2]);
    });

    it('retains the last value only, and hands it over before subscribe resolves', async () => {
      await broker.publish('a/b', 'first', { retain: true });
      await broker.publish('a/b', 'second', { retain: true });
      await broker.publish('a/b', 'passing');
      await settle();
      const late = await collect('a/b');
      expect(late).toEqual([{ topic: 'a/b', data: 'second', retained: true }]);
    });

    it('forgets a retained value when null is published, and tells the subscribers', async () => {
      await broker.publish('a/b', 'value', { retain: true });
      const live = await collect('a/b');
      await broker.publish('a/b', null, { retain: true });
      expect((await received(live)).map(([, data]) => data)).toEqual(['value', null]);
      expect(await received(await collect('a/b'))).toEqual([]);
    });

    it('delivers null without retain as any other value', async () => {
      await broker.publish('a/b', 'value', { retain: true });
      await broker.publish('a/b', null);
      expect((await received(await collect('a/b'))).map(([, data]) => data)).toEqual(['value']);
    });

    it('accepts a repeated sequence number again without delivering it', async () => {
      const messages = await collect('a/#');
      const publish = (publisher: string, seq: number, data: Json) =>
        broker.publish('a/b', data, { dedupe: { publisher, seq } });
      await publish('one', 1, 'one 1');
      await publish('one', 2, 'one 2');
      await publish('one', 2, 'one 2 again');
      await publish('one', 1, 'one 1 again');
      await publish('two', 1, 'two 1');
      await publish('one', 7, 'one 7');
      expect((await received(messages)).map(([, data]) => data)).toEqual(['one 1', 'one 2', 'two 1', 'one 7']);
    });

    it('does not retain a repeated message either', async () => {
      await broker.publish('a/b', 'new', { retain: true, dedupe: { publisher: 'one', seq: 2 } });
      await broker.publish('a/b', 'old', { retain: true, dedupe: { publisher: 'one', seq: 1 } });
      await settle();
      expect((await received(await collect('a/b'))).map(([, data]) => data)).toEqual(['new']);
    });

    it('rejects with BROKER_CLOSED after close, and delivers nothing more', async () => {
      const messages = await collect('a/b');
      await broker.close();
      await broker.close();
      await expect(broker.publish('a/b', 1)).rejects.toMatchObject({ code: 'BROKER_CLOSED' });
      await expect(broker.subscribe('a/b', () => {})).rejects.toMatchObject({ code: 'BROKER_CLOSED' });
      expect(messages).toEqual([]);
    });
  });
}
