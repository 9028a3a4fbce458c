/** A publish that the broker refuses for now is neither lost nor overtaken (cloud/server/publish-order.ts). */
import { expect, it } from 'vitest';
import type { PublishOptions } from '../../cloud/broker/index.ts';
import { publishRecord, RecordReader, recordKinds, topicRecord } from '../../cloud/protocol/index.ts';
import { EarlError } from '../../errors/index.ts';
import { WrappedBroker } from '../contract/faulty-broker.ts';
import { cloudsForTests, RawClient } from './raw-client.ts';

const start = cloudsForTests();

/** Refuses one number once, and all that is published before that is heard, as the contract of brokers has it. */
class RefusingBroker extends WrappedBroker {
  readonly #victim: number;
  #refuses = false;
  #done = false;

  constructor(victim: number) {
    super();
    this.#victim = victim;
  }

  override publish(topic: string, payload: Buffer, options?: PublishOptions): Promise<void> | undefined {
    if (options?.dedupe?.seq === this.#victim && !this.#done) {
      this.#done = this.#refuses = true;
      setImmediate(() => {
        this.#refuses = false;
      });
    }
    if (!this.#refuses || options?.dedupe === undefined) return super.publish(topic, payload, options);
    return Promise.reject(new EarlError('BROKER_OVERLOADED', 'not now'));
  }
}

it('texts: what follows a refused number is refused until that has come again', async () => {
  const cloud = await start({ broker: new RefusingBroker(2) });
  const publisher = await RawClient.join(cloud, { publisher: 'p' });
  const subscriber = await RawClient.join(cloud);
  await subscriber.ask({ op: 'subscribe', id: 1, filter: 'a' });
  const publish = (seq: number) => publisher.ask({ op: 'publish', topic: 'a', data: seq, seq, id: seq });
  expect(await publish(1)).toEqual({ op: 'ok', id: 1 });
  expect(await publish(2)).toMatchObject({ op: 'error', id: 2, code: 202, message: 'not now' });
  expect(await publish(3)).toMatchObject({ op: 'error', id: 3, code: 202, message: /seq 2 was refused before/ });
  publisher.say({ op: 'publish', topic: 'a', data: 'without a number', id: 9 });
  expect(await publisher.next()).toEqual({ op: 'ok', id: 9 });
  for (const seq of [2, 3, 4]) expect(await publish(seq)).toEqual({ op: 'ok', id: seq });
  const data = (await subscriber.received()).map((message) => message.data);
  expect(data).toEqual([1, 'without a number', 2, 3, 4]);
});

it('records: `accepted` does not pass a refused number, and tells a repetition again', async () => {
  const cloud = await start({ broker: new RefusingBroker(2) });
  const publisher = await RawClient.open(cloud, { subprotocols: 'earl.v1' });
  const subscriber = await RawClient.join(cloud);
  await subscriber.ask({ op: 'subscribe', id: 1, filter: 'a' });
  const heard: string[] = [];
  let wake = () => {};
  publisher.socket.on('message', (bytes, isBinary) => {
    if (isBinary) heard.push(...answersIn(bytes as Buffer));
    wake();
  });
  const until = async (answer: string) => {
    while (heard.at(-1) !== answer) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return heard.splice(0);
  };
  const send = (...seqs: number[]) =>
    publisher.socket.send(Buffer.concat(seqs.map((seq) => publishRecord(1, Buffer.from(`${seq}`), false, seq))));
  publisher.say({ op: 'hello', publisher: 'p' });
  publisher.socket.send(topicRecord(1, 'a'));
  send(1, 2, 3);
  expect((await until('refused 3')).sort()).toEqual(['accepted 1', 'refused 2', 'refused 3']);
  send(4);
  expect(await until('refused 4')).toEqual(['refused 4']);
  send(2, 3, 4);
  expect(await until('accepted 4')).toEqual(['accepted 4']);
  send(3);
  expect(await until('accepted 4')).toEqual(['accepted 4']);
  expect((await subscriber.received()).map(({ data }) => data)).toEqual([1, 2, 3, 4]);
});

/** Decides about numbered publishes when the test says so. */
class PatientBroker extends WrappedBroker {
  readonly waiting: { accept: () => void; refuse: () => void }[] = [];

  override publish(topic: string, payload: Buffer, options?: PublishOptions): Promise<void> | undefined {
    if (options?.dedupe === undefined) return super.publish(topic, payload, options);
    const copy = Buffer.from(payload);
    return new Promise((resolve, reject) => {
      this.waiting.push({
        accept: () => resolve(super.publish(topic, copy, options)),
        refuse: () => reject(new EarlError('BROKER_OVERLOADED', 'not now')),
      });
    });
  }
}

it.each(['earl.v1.json', 'earl.v1'])(
  '%s: one that was sent twice, taken once and refused once holds nothing up',
  async (subprotocol) => {
    const broker = new PatientBroker();
    const cloud = await start({ broker });
    const publisher = await RawClient.open(cloud, { subprotocols: subprotocol });
    publisher.say({ op: 'hello', publisher: 'p' });
    await publisher.next();
    const heard: string[] = [];
    publisher.socket.on('message', (bytes, isBinary) => {
      heard.push(...(isBinary ? answersIn(bytes as Buffer) : [String(bytes)]));
    });
    const isBinary = subprotocol === 'earl.v1';
    if (isBinary) publisher.socket.send(topicRecord(1, 'a'));
    for (const seq of [1, 1, 2]) {
      if (isBinary) publisher.socket.send(publishRecord(1, Buffer.from(`${seq}`), false, seq));
      else publisher.say({ op: 'publish', topic: 'a', data: seq, seq, id: seq });
    }
    await expect.poll(() => broker.waiting.length).toBe(3);
    const [first, again, next] = broker.waiting.splice(0);
    first!.accept();
    again!.refuse();
    next!.accept();
    const last = isBinary ? 'accepted 2' : '{"op":"ok","id":2}';
    await expect.poll(() => heard).toContain(last);
    if (isBinary) publisher.socket.send(publishRecord(1, Buffer.from('3'), false, 3));
    else publisher.say({ op: 'publish', topic: 'a', data: 3, seq: 3, id: 3 });
    await expect.poll(() => broker.waiting.length).toBe(1);
    broker.waiting[0]!.accept();
    await expect.poll(() => heard).toContain(last.replace('2', '3'));
  },
);

function answersIn(bytes: Buffer): string[] {
  const reader = new RecordReader(bytes);
  const answers: string[] = [];
  while (!reader.isAtEnd) {
    const kind = reader.byte();
    const seq = reader.number();
    if (kind === recordKinds.accepted) {
      answers.push(`accepted ${seq}`);
    } else {
      answers.push(`refused ${seq}`);
      expect(reader.number()).toBe(202);
      reader.text();
    }
  }
  return answers;
}
