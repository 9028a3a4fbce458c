import { describe, expect, it } from 'vitest';
import {
  acceptedRecord,
  publishRecord,
  RecordReader,
  recordFlags,
  recordKinds,
  refusedRecord,
  topicRecord,
} from './binary.ts';

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

describe('records', () => {
  it.each([
    ['topic', topicRecord(1, 'a/ä'), '01 01 04 61 2f c3 a4'],
    ['publish', publishRecord(300, bytes('ff 00'), false), '02 ac 02 02 ff 00'],
    ['acknowledged, retained publish', publishRecord(1, bytes(''), true, 128), '32 01 80 01 00'],
    ['accepted', acceptedRecord(Number.MAX_SAFE_INTEGER), '03 ff ff ff ff ff ff ff 0f'],
    ['refused', refusedRecord(7, 202, 'no'), '04 07 ca 01 02 6e 6f'],
  ])('%s', (_name, record, hex) => {
    expect(Buffer.from(record).toString('hex')).toBe(hex.replaceAll(' ', ''));
  });

  it('are read back one after the other', () => {
    const reader = new RecordReader(
      Buffer.concat([topicRecord(9, 'home/ball'), publishRecord(9, bytes('01 02'), true, 2 ** 40)]),
    );
    expect([reader.byte(), reader.number(), reader.text()]).toEqual([recordKinds.topic, 9, 'home/ball']);
    expect(reader.isAtEnd).toBe(false);
    expect(reader.byte()).toBe(recordKinds.publish | recordFlags.retain | recordFlags.sequence);
    expect([reader.number(), reader.number()]).toEqual([9, 2 ** 40]);
    expect([...reader.payload()]).toEqual([1, 2]);
    expect(reader.isAtEnd).toBe(true);
  });

  it.each([
    ['', (reader: RecordReader) => reader.byte(), /ends inside a record/],
    ['80', (reader: RecordReader) => reader.number(), /ends inside a record/],
    ['ff ff ff ff ff ff ff 1f', (reader: RecordReader) => reader.number(), /greater than/],
    ['80 80 80 80 80 80 80 80 00', (reader: RecordReader) => reader.number(), /longer than eight/],
    ['03 61 62', (reader: RecordReader) => reader.payload(), /ends inside a payload/],
    ['01 ff', (reader: RecordReader) => reader.text(), /not UTF-8/],
  ])('refuses %s', (hex, read, problem) => {
    expect(() => read(new RecordReader(bytes(hex)))).toThrow(problem);
  });
});
