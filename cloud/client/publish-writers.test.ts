import { describe, expect, it } from 'vitest';
import { RecordReader, recordFlags, recordKinds } from '../protocol/index.ts';
import { JsonWriter, type Outgoing, RecordWriter } from './publish-writers.ts';

const outgoing = (topic: string, json: string, change: Partial<Outgoing> = {}): Outgoing => {
  return { topic, json, retain: false, seq: undefined, order: 0, ...change };
};

/** What a server would make of the frames, frame by frame. */
function read(frames: readonly Uint8Array[]): unknown[][] {
  const topics = new Map<number, string>();
  return frames.map((frame) => {
    const reader = new RecordReader(frame);
    const published: unknown[] = [];
    while (!reader.isAtEnd) {
      const head = reader.byte();
      const number = reader.number();
      if ((head & 0x0f) === recordKinds.topic) {
        topics.set(number, reader.text());
        continue;
      }
      const seq = head & recordFlags.sequence ? reader.number() : 0;
      published.push([topics.get(number), reader.text(), seq, (head & recordFlags.retain) !== 0]);
    }
    return published;
  });
}

describe('records', () => {
  it('are those of docs/protocol.md, many in a frame', () => {
    const frames: Uint8Array[] = [];
    const writer = new RecordWriter((frame) => frames.push(frame), 65_536);
    writer.write(outgoing('a/b', '7', { seq: 300 }));
    writer.flush();
    writer.flush();
    writer.write(outgoing('a/b', 'true', { retain: true }));
    writer.write(outgoing('a/b', '', { retain: true }));
    writer.flush();
    const hex = frames.map((frame) => Buffer.from(frame).toString('hex'));
    expect(hex).toEqual(['010103612f62' + '2201ac020137', '12010474727565' + '120100']);
  });

  it.each([0, 1, 41, 42, 43, 63, 64, 126, 127, 128, 5460, 5461, 5462, 16_383, 16_384, 20_000])(
    'carry %i characters of one, two and three bytes',
    (length) => {
      const frames: Uint8Array[] = [];
      const writer = new RecordWriter((frame) => frames.push(frame), 65_536);
      const texts = ['x', 'ä', '€'].map((character) => character.repeat(length));
      for (const text of texts) {
        writer.write(outgoing('a', text));
        writer.write(outgoing('a', 'after'));
      }
      writer.flush();
      const expected = texts.flatMap((text) => [text, 'after']).map((text) => ['a', text, 0, false]);
      expect(read(frames).flat()).toEqual(expected);
    },
  );

  it('go on in another frame where one is full, topic and all', () => {
    const frames: Uint8Array[] = [];
    const writer = new RecordWriter((frame) => frames.push(frame), 100);
    const messages = Array.from({ length: 50 }, (_, index) => outgoing(`t/${index % 20}`, `"${'x'.repeat(index)}"`));
    for (const message of messages) writer.write(message);
    writer.flush();
    expect(read(frames).flat()).toEqual(messages.map(({ topic, json }) => [topic, json, 0, false]));
    expect(Math.max(...frames.map((frame) => frame.length))).toBeLessThanOrEqual(100);
    expect(frames.length).toBeLessThan(30);
  });

  it('give a number to another topic when all are taken', () => {
    const frames: Uint8Array[] = [];
    const writer = new RecordWriter((frame) => frames.push(frame), 65_536, 3);
    const topics = ['a', 'b', 'c', 'd', 'a', 'b', 'd', 'c'];
    for (const topic of topics) writer.write(outgoing(topic, '1'));
    writer.flush();
    expect(read(frames).flat()).toEqual(topics.map((topic) => [topic, '1', 0, false]));
  });
});

it('texts say the same', () => {
  const texts: string[] = [];
  const writer = new JsonWriter(
    (text) => texts.push(text),
    (seq) => seq + 1000,
  );
  writer.write(outgoing('a"b', '{"v":1}'));
  writer.write(outgoing('a', '', { retain: true, seq: 5 }));
  expect(texts.map((text) => JSON.parse(text))).toEqual([
    { op: 'publish', topic: 'a"b', data: { v: 1 } },
    { op: 'publish', topic: 'a', data: null, id: 1005, seq: 5, retain: true },
  ]);
});
