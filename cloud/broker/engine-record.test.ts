/** The bytes of what is published through an engine. */
import { expect, it } from 'vitest';
import { decodeRecords, encodeRecord } from './engine-record.ts';

const sample = { topic: 'ä/b', payload: Buffer.from([1, 0, 255]), retain: true, publisher: 'p', seq: 2 ** 40 };
const plain = { topic: 'c', payload: Buffer.alloc(0), retain: false, publisher: '', seq: 0 };

it('has the bytes that the script in Redis reads', () => {
  expect(encodeRecord(sample).toString('hex')).toBe(
    ['01', '0400', '0100', '03000000', '0000000000007042', 'c3a42f62', '70', '0100ff'].join(''),
  );
});

it('reads a batch back, and refuses one that was cut anywhere', () => {
  const batch = Buffer.concat([sample, plain].map(encodeRecord));
  expect(decodeRecords(batch)).toEqual([sample, plain]);
  const whole = [0, encodeRecord(sample).length, batch.length];
  for (let length = 0; length <= batch.length; length++) {
    const read = () => decodeRecords(batch.subarray(0, length));
    if (whole.includes(length)) expect(read()).toHaveLength(whole.indexOf(length));
    else expect(read).toThrow(expect.objectContaining({ code: 'BACKPLANE_FOREIGN' }));
  }
});
