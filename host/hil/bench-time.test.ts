import { expect, test } from 'vitest';
import { VirtualTime } from './bench-time.ts';

const sleep = (time: VirtualTime, ms: number) => new Promise<void>((resolve) => time.after(ms, resolve));

test('time stands still until somebody waits, and then runs from timer to timer', async () => {
  const time = new VirtualTime();
  const ran: [string, number][] = [];
  const note = (name: string) => () => ran.push([name, Math.floor(time.nowMs())]);
  time.after(3000, note('late'));
  time.after(1000, note('early'));
  time.after(1000, note('early too'));
  const cancel = time.after(500, note('never'));
  cancel();
  await new Promise((resolve) => setImmediate(resolve));
  expect(time.nowMs()).toBe(0);
  await time.during(sleep(time, 60_000));
  expect(ran).toEqual([
    ['early', 1000],
    ['early too', 1000],
    ['late', 3000],
  ]);
  expect(Math.floor(time.nowMs())).toBe(60_000);
});

test('a chain of promises is settled before the next timer', async () => {
  const time = new VirtualTime();
  const at: number[] = [];
  const chain = async () => {
    for (let step = 0; step < 3; step++) {
      await sleep(time, 10);
      for (let turn = 0; turn < 50; turn++) await Promise.resolve();
      at.push(Math.floor(time.nowMs()));
    }
  };
  time.after(25, () => at.push(-1));
  await time.during(chain());
  expect(at).toEqual([10, 20, -1, 30]);
});

test('a wait for what cannot come ends', async () => {
  const time = new VirtualTime();
  await expect(time.during(new Promise(() => {}))).rejects.toMatchObject({ code: 'HIL_DEADLOCK' });
  await time.during(sleep(time, 5)); // and time goes on afterwards
  expect(time.nowMs()).toBeGreaterThan(4);
});

test('what a timer throws reaches who waits', async () => {
  const time = new VirtualTime();
  time.after(1, () => {
    throw new Error('broken board');
  });
  await expect(time.during(sleep(time, 10))).rejects.toThrow('broken board');
});
