/**
 * What every Broker promises (cloud/broker/broker.ts), as a suite over a factory.
 *
 * A broker may deliver later than `publish` resolves, so each test waits for the messages it expects. That a message
 * does not come is concluded after `settle`, by which everything accepted before must have been delivered.
 */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Broker, type BrokerMessage, publishJson } from '../../cloud/broker/index.ts';
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

    async function received(messages: BrokerMessage[]): Promise<[string, Json | undefined][]> {
      await settle();
      return messages.map(({ topic, data }) => [topic, data]);
    }

    it('delivers a message to every subscriber of its topic, and to nobody else', async () => {
      const first = await collect('home/ball/samples');
      const second = await collect('home/ball/samples');
      const other = await collect('home/arm/samples');
      await publishJson(broker, 'home/ball/samples', { v: [1, 'ä', null, true] });
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
      for (const topic of topics) await publishJson(broker, topic, 1, { retain: true });
      expect((await received(live)).map(([topic]) => topic).sort()).toEqual(expected);
      const late = await collect(filter);
      expect((await received(late)).map(([topic]) => topic).sort()).toEqual(expected);
      expect(late.every((message) => message.retained)).toBe(true);
    });

    it('keeps the order of one publisher on one topic', async () => {
      const messages = await collect('a/+/c');
      const numbers = Array.from({ length: 200 }, (_, index) => index);
      await Promise.all(numbers.map((number) => publishJson(broker, 'a/b/c', number)));
      expect((await received(messages)).map(([, data]) => data)).toEqual(numbers);
    });

    it('keeps the order for every subscriber when one publishes from inside a delivery', async () => {
      const before = await collect('a/#');
      await broker.subscribe('a/question', () => void publishJson(broker, 'a/answer', 'answer'));
      const after = await collect('a/#');
      await publishJson(broker, 'a/question', 'question');
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
      await publishJson(broker, 'a/b', 1);
      await publishJson(broker, 'a/b', 2);
      await settle();
      expect(seen.map(({ data }) => data)).toEqual([1, 1, 1, 2, 2, 2]);
      expect(new Set(seen).size).toBe(2);
    });

    it('delivers a message once per subscription', async () => {
      const messages = await collect('a/+/#');
      await publishJson(broker, 'a/b', 1);
      expect(await received(messages)).toEqual([['a/b', 1]]);
    });

    it('stops after unsubscribe, without touching the others', async () => {
      const left: (Json | undefined)[] = [];
      const subscription = await broker.subscribe('a/b', (message) => left.push(message.data));
      const kept = await collect('a/b');
      await publishJson(broker, 'a/b', 1);
      await settle();
      await subscription.unsubscribe();
      await subscription.unsubscribe();
      await publishJson(broker, 'a/b', 2);
      expect((await received(kept)).map(([, data]) => data)).toEqual([1, 2]);
      expect(left).toEqual([1]);
    });

    it('goes on when a subscriber throws', async () => {
      await broker.subscribe('a/b', () => {
        throw new Error('a broken subscriber');
      });
      const messages = await collect('a/b');
      await publishJson(broker, 'a/b', 1);
      await publishJson(broker, 'a/b', 2);
      expect((await received(messages)).map(([, data]) => data)).toEqual([1, 2]);
    });

    it('retains the last value only, and hands it over before subscribe resolves', async () => {
      await publishJson(broker, 'a/b', 'first', { retain: true });
      await publishJson(broker, 'a/b', 'second', { retain: true });
      await publishJson(broker, 'a/b', 'passing');
      await settle();
      const late = await collect('a/b');
      expect(late.map(({ data, retained }) => [data, retained])).toEqual([['second', true]]);
    });

    it('forgets a retained value when null is published, and tells the subscribers', async () => {
      await publishJson(broker, 'a/b', 'value', { retain: true });
      const live = await collect('a/b');
      await publishJson(broker, 'a/b', null, { retain: true });
      expect((await received(live)).map(([, data]) => data)).toEqual(['value', null]);
      expect(await received(await collect('a/b'))).toEqual([]);
    });

    it('delivers null without retain as any other value', async () => {
      await publishJson(broker, 'a/b', 'value', { retain: true });
      await publishJson(broker, 'a/b', null);
      await settle();
      expect((await received(await collect('a/b'))).map(([, data]) => data)).toEqual(['value']);
    });

    it('accepts a repeated sequence number again without delivering it', async () => {
      const messages = await collect('a/#');
      const publish = (publisher: string, seq: number, data: Json) =>
        publishJson(broker, 'a/b', data, { dedupe: { publisher, seq } });
      await publish('one', 1, 'one 1');
      await publish('one', 2, 'one 2');
      await publish('one', 2, 'one 2 again');
      await publish('one', 1, 'one 1 again');
      await publish('two', 1, 'two 1');
      await publish('one', 7, 'one 7');
      expect((await received(messages)).map(([, data]) => data)).toEqual(['one 1', 'one 2', 'two 1', 'one 7']);
    });

    it('does not retain a repeated message either', async () => {
      await publishJson(broker, 'a/b', 'new', { retain: true, dedupe: { publisher: 'one', seq: 2 } });
      await publishJson(broker, 'a/b', 'old', { retain: true, dedupe: { publisher: 'one', seq: 1 } });
      await settle();
      expect((await received(await collect('a/b'))).map(([, data]) => data)).toEqual(['new']);
    });

    it('carries bytes that are no JSON as they are', async () => {
      const messages = await collect('a/b');
      const bytes = Buffer.from([0, 255, 1, 34, 10]);
      await broker.publish('a/b', bytes);
      await settle();
      expect(messages.map(({ payload, data }) => [Buffer.compare(payload, bytes), data])).toEqual([[0, undefined]]);
    });

    it('hands over no last values to those who do not want them', async () => {
      await publishJson(broker, 'a/b', 'value', { retain: true });
      await settle();
      const messages: BrokerMessage[] = [];
      await broker.subscribe('a/b', (message) => messages.push(message), { retained: false });
      expect(await received(messages)).toEqual([]);
    });

    it('reads what was published since a place, in order, on the topics asked for', async () => {
      const live = await collect('#');
      for (const [topic, data] of Object.entries({ 'a/1': 0, 'b/1': 1 })) await publishJson(broker, topic, data);
      await settle();
      const { position } = await broker.subscribe('a/+', () => {});
      expect(position.offset).toBe(live.at(-1)!.offset);
      const published = ['a/1', 'b/1', 'a/2', 'c/d', 'a/1', 'b/2'];
      for (const [index, topic] of published.entries()) await publishJson(broker, topic, index, { retain: true });
      await settle();
      const read = async (filters: string[], from = position) => await broker.read(filters, from, 100);
      const both = await read(['a/+', 'b/1', '+/1']);
      expect(both.complete).toBe(true);
      expect(both.messages.map(({ topic, data, retained }) => [topic, data, retained])).toEqual([
        ['a/1', 0, false],
        ['b/1', 1, false],
        ['a/2', 2, false],
        ['a/1', 4, false],
      ]);
      expect(both.messages.map(({ offset }) => offset)).toEqual(
        live
          .filter(({ topic, offset }) => /^a|b\/1/.test(topic) && offset > position.offset)
          .map(({ offset }) => offset),
      );
      const middle = { epoch: position.epoch, offset: both.messages[1]!.offset };
      expect((await read(['#'], middle)).messages.map(({ data }) => data)).toEqual([2, 3, 4, 5]);
      const end = { epoch: position.epoch, offset: live.at(-1)!.offset };
      expect(await read(['#'], end)).toEqual({ messages: [], complete: true });
    });

    it('says that it cannot tell what happened in another epoch, in the future, or when it is too much', async () => {
      const messages = await collect('a');
      for (let count = 0; count < 5; count++) await publishJson(broker, 'a', count);
      await settle();
      const { position } = await broker.subscribe('a', () => {});
      const start = { epoch: position.epoch, offset: messages[0]!.offset };
      expect((await broker.read(['a'], start, 4)).complete).toBe(true);
      const nothing = { messages: [], complete: false };
      expect(await broker.read(['a'], start, 3)).toEqual(nothing);
      expect(await broker.read(['a'], { ...start, epoch: 'another' }, 100)).toEqual(nothing);
      expect(await broker.read(['a'], { ...position, offset: position.offset + 10 }, 100)).toEqual(nothing);
    });

    it('keeps no history of its own topics', async () => {
      await broker.subscribe('$app/a', () => {});
      const { position } = await broker.subscribe('a', () => {});
      await publishJson(broker, '$app/a', 1);
      await settle();
      expect((await broker.read(['$app/a'], position, 100)).messages).toEqual([]);
    });

    it('rejects with BROKER_CLOSED after close, and delivers nothing more', async () => {
      const messages = await collect('a/b');
      await broker.close();
      await broker.close();
      await expect(publishJson(broker, 'a/b', 1)).rejects.toMatchObject({ code: 'BROKER_CLOSED' });
      await expect(broker.read(['a/b'], { epoch: '', offset: 0 }, 1)).rejects.toMatchObject({ code: 'BROKER_CLOSED' });
      await expect(broker.subscribe('a/b', () => {})).rejects.toMatchObject({ code: 'BROKER_CLOSED' });
      expect(messages).toEqual([]);
    });
  });
}
