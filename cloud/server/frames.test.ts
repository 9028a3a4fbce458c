import { expect, it } from 'vitest';
import * as ws from 'ws';
import { BrokerMessage } from '../broker/index.ts';
import { RecordReader, recordFlags, recordKinds } from '../protocol/index.ts';
import { BinaryDelivery } from './delivery.ts';
import { FrameCache, frame, opcodes } from './frames.ts';
import { RecordBatch } from './record-batch.ts';

/** The types of `ws` leave its receiver out. */
const { Receiver } = ws as unknown as {
  Receiver: new () => NodeJS.WritableStream & {
    on(event: 'message', listener: (data: Buffer, binary: boolean) => void): void;
  };
};

/** What a receiver of another make reads from frames. */
async function received(bytes: Buffer): Promise<{ binary: boolean; data: Buffer }[]> {
  const read: { binary: boolean; data: Buffer }[] = [];
  const receiver = new Receiver();
  receiver.on('message', (data, binary) => read.push({ binary, data }));
  receiver.write(bytes);
  await new Promise((resolve) => setImmediate(resolve));
  return read;
}

const textOf = (bytes: Buffer): string => {
  expect([bytes[0], bytes[1]]).toEqual([0x81, bytes.length - 2]);
  return bytes.toString('utf8', 2);
};

it('builds the bytes of a message once per subprotocol', () => {
  const frames = new FrameCache();
  const message = new BrokerMessage('a/b', Buffer.from('["ä",1]'), 7, false);
  expect(textOf(frames.json(message))).toBe('{"op":"message","topic":"a/b","offset":7,"data":["ä",1]}');
  expect(textOf(frames.echo(message))).toBe('{"channel":"a/b","message":["ä",1]}');
  expect(frames.json(message)).toBe(frames.json(message));
  expect(frames.echo(message)).toBe(frames.echo(message));
  const retained = message.asRetained();
  expect(textOf(frames.json(retained))).toBe(
    '{"op":"message","topic":"a/b","offset":7,"retained":true,"data":["ä",1]}',
  );
});

it('never lets a payload that is no JSON into the text of a message', () => {
  const frames = new FrameCache();
  const message = new BrokerMessage('a/b', Buffer.from('1},"op":"welcome"'), 7, false);
  expect(JSON.parse(textOf(frames.json(message)))).toEqual({
    op: 'message',
    topic: 'a/b',
    offset: 7,
    encoding: 'base64',
    data: message.payload.toString('base64'),
  });
  expect(JSON.parse(textOf(frames.echo(message)))).toEqual({
    channel: 'a/b',
    message: message.payload.toString('base64'),
  });
});

it.each([0, 1, 125, 126, 65_535, 65_536, 100_000])('frames %i bytes as RFC 6455 says', async (length) => {
  const data = Buffer.alloc(length, 7);
  const both = Buffer.concat([frame(opcodes.binary, [data]), frame(opcodes.text, [Buffer.from('end')])]);
  const read = await received(both);
  expect(read.map(({ binary, data: bytes }) => [binary, bytes.length])).toEqual([
    [true, length],
    [false, 3],
  ]);
  expect(Buffer.compare(read[0]!.data, data)).toBe(0);
});

it('puts records together whatever their length', async () => {
  const frames = new FrameCache();
  const messages = [10, 200, 70_000].map((length, index) => {
    return new BrokerMessage(`a/${index}`, Buffer.alloc(length, index), index + 1, index === 1);
  });
  const batch = new RecordBatch(1e6);
  for (const message of messages) expect(batch.add(message, frames.topicNumber(message.topic))).toBe(true);
  const [read] = await received(batch.takeFrame());
  const reader = new RecordReader(read!.data);
  for (const { topic, payload, offset, retained } of messages) {
    expect(reader.byte()).toBe(recordKinds.message | (retained ? recordFlags.retain : 0));
    expect([reader.number(), reader.number()]).toEqual([frames.topicNumber(topic), offset]);
    expect(Buffer.compare(reader.payload(), payload)).toBe(0);
  }
  expect(reader.isAtEnd).toBe(true);
});

it('writes the head of a frame into the headroom of a message, or copies', async () => {
  const frames = new FrameCache();
  const bytes = Buffer.alloc(400);
  const inPlace = BrokerMessage.within('a/b', Buffer.from('payload'), 0, 7, 5);
  inPlace.moveTo(bytes, 100, 24);
  const crowded = BrokerMessage.within('a/c', Buffer.alloc(200, 1), 0, 200, 6);
  crowded.moveTo(bytes, 200, 3);
  bytes.fill(1, 200);
  for (const message of [inPlace, crowded]) {
    const built = frames.binary(message, frames.topicNumber(message.topic));
    expect(built.buffer === bytes.buffer).toBe(message === inPlace);
    const reader = new RecordReader((await received(built))[0]!.data);
    expect([reader.byte(), reader.number(), reader.number()]).toEqual([
      recordKinds.message,
      frames.topicNumber(message.topic),
      message.offset,
    ]);
    expect(Buffer.compare(reader.payload(), message.payload)).toBe(0);
    expect(reader.isAtEnd).toBe(true);
  }
});

it('says when a batch has no room, and takes a message of any length alone', async () => {
  const batch = new RecordBatch(100);
  const message = (length: number) => new BrokerMessage('a', Buffer.alloc(length, 9), 1, false);
  expect([batch.isEmpty, batch.add(message(40), 1), batch.add(message(40), 1)]).toEqual([true, true, true]);
  expect(batch.add(message(40), 1)).toBe(false);
  expect((await received(batch.takeFrame()))[0]!.data.length).toBe(2 * 44);
  expect([batch.isEmpty, batch.add(message(5000), 1), batch.add(message(0), 1)]).toEqual([true, true, false]);
  expect((await received(batch.takeFrame()))[0]!.data.length).toBe(5005);
});

it('names a topic by a number that the client was told, although numbers were given anew meanwhile', async () => {
  const frames = new FrameCache();
  const clients = [0, 1].map(() => {
    const sent: Buffer[] = [];
    return { sent, delivery: new BinaryDelivery({ send: (bytes) => sent.push(bytes) }, frames, 1000) };
  });
  const [before, after] = clients;
  const message = (retained: boolean) => new BrokerMessage('a', Buffer.from('x'), 1, retained);
  before!.delivery.one(message(false));
  for (let count = 0; count < 200_000; count++) frames.topicNumber(`other/${count}`);
  for (const retained of [true, false]) {
    const both = message(retained);
    for (const { delivery } of [after!, before!, after!]) delivery.one(both);
  }
  for (const { sent } of clients) {
    const told = new Set<number>();
    for (const { data } of await received(Buffer.concat(sent))) {
      const reader = new RecordReader(data);
      const kind = reader.byte() & 0x0f;
      const number = reader.number();
      if (kind === recordKinds.topic) told.add(number);
      else expect(told).toContain(number);
    }
    expect(told.size).toBe(1);
  }
});
