import { expect, test } from 'vitest';
import { Schedule } from './schedule.ts';
import { VirtualTimers } from './timers.ts';

test('runs in order of time, equal times in the order of asking, each at its own microsecond', async () => {
  const timers = new VirtualTimers();
  const schedule = new Schedule(timers);
  const seen: [string, number][] = [];
  const note = (name: string) => () => seen.push([name, schedule.nowUs]);
  schedule.at(2500, note('late'));
  schedule.at(100, note('first'));
  schedule.at(700, note('second'));
  schedule.at(700, note('third'));
  await timers.advance(10);
  expect(seen).toEqual([
    ['first', 100],
    ['second', 700],
    ['third', 700],
    ['late', 2500],
  ]);
});

test('nothing runs from within the call, and what is cancelled does not run', async () => {
  const timers = new VirtualTimers();
  const schedule = new Schedule(timers);
  let runs = 0;
  schedule.soon(() => runs++);
  schedule.cancel(schedule.soon(() => (runs += 10)));
  expect(runs).toBe(0);
  await timers.advance(1);
  expect(runs).toBe(1);
});

test('a thousand appointments come back sorted', async () => {
  const timers = new VirtualTimers();
  const schedule = new Schedule(timers);
  const seen: number[] = [];
  for (let index = 0; index < 1000; index++) schedule.at((index * 7919) % 10_007, () => seen.push(schedule.nowUs));
  await timers.advance(20);
  expect(seen).toHaveLength(1000);
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
});

test('a process that stood still does not live through what it missed', () => {
  let nowMs = 0;
  let due: (() => void) | undefined;
  const schedule = new Schedule({
    now: () => nowMs,
    after: (_ms, run) => {
      due = run;
      return () => {};
    },
  });
  let events = 0;
  const again = () => {
    events++;
    schedule.at(schedule.nowUs + 10_000, again);
  };
  schedule.at(10_000, again);
  nowMs = 60_000;
  due!();
  expect(events).toBe(1);
  expect(schedule.nowUs).toBe(10_000);
});
