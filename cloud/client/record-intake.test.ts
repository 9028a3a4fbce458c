import { expect, it } from 'vitest';
import { acceptedRecord, FieldProblem, refusedRecord, topicRecord } from '../protocol/index.ts';
import { RecordIntake } from './record-intake.ts';

function intake() {
  const heard: unknown[] = [];
  const records = new RecordIntake({
    onMessage: (...message) => heard.push(['message', ...message]),
    onAccepted: (seq) => heard.push(['accepted', seq]),
    onRefused: (...refused) => heard.push(['refused', ...refused]),
  });
  return { records, heard };
}

const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(' ', ''), 'hex');

it('hands on the records of a frame, in their order', () => {
  const { records, heard } = intake();
  const parts = [topicRecord(7, 'a/b'), hex('02 07 81 01 01 37'), hex('12 07 05 00'), hex('02 07 06 01 ff')];
  records.receive(Buffer.concat([...parts, acceptedRecord(300), refusedRecord(301, 202, 'not now')]));
  records.receive(hex('02 07 08 04 74727565'));
  expect(heard).toEqual([
    ['message', 'a/b', 7, 129, false],
    ['message', 'a/b', null, 5, true],
    ['message', 'a/b', '/w==', 6, false],
    ['accepted', 300],
    ['refused', 301, 202, 'not now'],
    ['message', 'a/b', true, 8, false],
  ]);
});

it.each([
  ['02 09 01 00', /no topic has the number 9/],
  ['0f', /no record of kind 15/],
  ['02 07 81', /ends inside a record/],
  ['01 07 05 61', /ends inside a payload/],
  ['01 07 01 ff', /not UTF-8/],
])('does not take %s', (bytes, problem) => {
  const { records } = intake();
  expect(() => records.receive(hex(bytes))).toThrow(problem);
});

it('throws nothing but what ends the connection, whatever comes', () => {
  const { records } = intake();
  records.receive(topicRecord(1, 'a'));
  let state = 20_261_122;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  let refused = 0;
  for (let round = 0; round < 20_000; round++) {
    const bytes = Uint8Array.from({ length: random(24) }, () => (random(3) ? random(8) : random(256)));
    try {
      records.receive(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(FieldProblem);
      refused += 1;
    }
  }
  expect(refused).toBeGreaterThan(5_000);
});
