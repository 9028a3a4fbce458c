import { expect, test } from 'vitest';
import { type Arrival, SequenceTracker } from './sequence-tracker.ts';

/** Feeds numbers; the fingerprint of a number is itself unless `number:other` says differently. */
function feed(tracker: SequenceTracker, ...numbers: number[]): Arrival[] {
  return numbers.map((sequence) => tracker.accept(sequence, sequence));
}

const counts = ({ received, lost, late, duplicates }: SequenceTracker) => ({ received, lost, late, duplicates });

test('the first number is where it begins', () => {
  const tracker = new SequenceTracker();
  expect(feed(tracker, 4711, 4712)).toEqual(['next', 'next']);
  expect(counts(tracker)).toEqual({ received: 2, lost: 0, late: 0, duplicates: 0 });
});

test('counts gaps, also over the wrap', () => {
  const tracker = new SequenceTracker();
  expect(feed(tracker, 65_533, 65_535, 0, 3)).toEqual(['next', 'gap', 'next', 'gap']);
  expect(counts(tracker)).toEqual({ received: 4, lost: 3, late: 0, duplicates: 0 });
});

test('a late packet is not lost after all, and only once', () => {
  const tracker = new SequenceTracker();
  expect(feed(tracker, 65_534, 2, 65_535, 1, 0, 0)).toEqual(['next', 'gap', 'late', 'late', 'late', 'duplicate']);
  expect(counts(tracker)).toEqual({ received: 5, lost: 0, late: 3, duplicates: 1 });
});

test('a repetition is told from another packet with the same number', () => {
  const tracker = new SequenceTracker();
  feed(tracker, 1, 2, 3);
  expect(tracker.accept(2, 2)).toBe('duplicate');
  expect(tracker.accept(2, 99)).toBe('jump');
});

test('256 missing are a loss, more are a question', () => {
  const near = new SequenceTracker();
  expect(feed(near, 0, 257)).toEqual(['next', 'gap']);
  expect(near.lost).toBe(256);
  const far = new SequenceTracker();
  expect(feed(far, 0, 258)).toEqual(['next', 'jump']);
  expect(far).toMatchObject({ lost: 0, unexplained: 257 });
  far.confirm();
  expect(far).toMatchObject({ lost: 257, unexplained: 0 });
});

test('a restart explains a jump', () => {
  const tracker = new SequenceTracker();
  feed(tracker, 5000, 0);
  tracker.restart(1);
  expect(feed(tracker, 1, 2)).toEqual(['next', 'next']);
  expect(tracker).toMatchObject({ lost: 0, unexplained: 0 });
});

test('between two connections every gap is a question', () => {
  const tracker = new SequenceTracker();
  feed(tracker, 10, 11);
  tracker.suspend();
  expect(feed(tracker, 12, 13)).toEqual(['next', 'next']);
  tracker.suspend();
  expect(feed(tracker, 20, 21)).toEqual(['jump', 'next']);
  expect(tracker.unexplained).toBe(6);
});

test('a number from before the window is a question', () => {
  const tracker = new SequenceTracker();
  feed(tracker, ...Array.from({ length: 100 }, (_, n) => n));
  expect(feed(tracker, 90)).toEqual(['duplicate']);
  expect(feed(tracker, 10)).toEqual(['jump']);
});
