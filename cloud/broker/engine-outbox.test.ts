/** What waits for an engine: batches, repetition, bounds; with real engines in test/contract/engine-faults.test.ts. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { EarlError } from '../../errors/index.ts';
import { EngineOutbox } from './engine-outbox.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** An engine that answers as it is told, and what it was sent. */
function engine(answer: (attempt: number) => Error | undefined = () => undefined) {
  const sent: [number, string[]][] = [];
  const send = async (number: number, items: readonly string[]) => {
    sent.push([number, [...items]]);
    const error = answer(sent.length);
    if (error) throw error;
  };
  return { sent, send };
}

it('sends the first at once and gathers what comes meanwhile', async () => {
  const { sent, send } = engine();
  const outbox = new EngineOutbox<string>({ send, mostBytes: 100, mostItems: 3 });
  void outbox.append('a', 1);
  await vi.advanceTimersByTimeAsync(0);
  const gathered = ['b', 'c'].map((item) => outbox.append(item, 1));
  await vi.advanceTimersByTimeAsync(4);
  expect(sent).toEqual([[1, ['a']]]);
  await vi.advanceTimersByTimeAsync(1);
  await Promise.all(gathered);
  const full = ['d', 'e', 'f', 'g'].map((item) => outbox.append(item, 1));
  await vi.advanceTimersByTimeAsync(10);
  await Promise.all(full);
  expect(sent.slice(1)).toEqual([
    [2, ['b', 'c']],
    [3, ['d', 'e', 'f']],
    [4, ['g']],
  ]);
  expect(outbox.bytes).toBe(0);
});

it('sends a batch again as it was, less and less often, until it is taken', async () => {
  const { sent, send } = engine((attempt) => (attempt < 4 ? new Error('away') : undefined));
  const outbox = new EngineOutbox<string>({ send, mostBytes: 100 });
  const first = outbox.append('a', 1);
  await vi.advanceTimersByTimeAsync(0);
  void outbox.append('b', 1);
  await vi.advanceTimersByTimeAsync(24);
  expect(sent).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(400);
  await first;
  await vi.advanceTimersByTimeAsync(10);
  expect(sent.map(([number]) => number)).toEqual([1, 1, 1, 1, 2]);
  expect(new Set(sent.slice(0, 4).map(([, items]) => items.join()))).toEqual(new Set(['a']));
});

it('refuses all who wait when the engine refuses, and what is too much until half of it is left', async () => {
  const { send } = engine((attempt) => (attempt === 1 ? new EarlError('BROKER_REFUSED', 'full') : undefined));
  const outbox = new EngineOutbox<string>({ send, mostBytes: 10 });
  outbox.pause();
  const outcome = (item: string, bytes: number) =>
    outbox.append(item, bytes).then(
      () => 'taken',
      (error: { code: string }) => error.code,
    );
  const outcomes = [outcome('a', 6), outcome('b', 4), outcome('c', 1)];
  outbox.resume();
  await vi.advanceTimersByTimeAsync(0);
  expect(await Promise.all(outcomes)).toEqual(['BROKER_REFUSED', 'BROKER_REFUSED', 'BROKER_OVERLOADED']);
  const later = outcome('d', 5);
  await vi.advanceTimersByTimeAsync(10);
  expect(await later).toBe('taken');
});
