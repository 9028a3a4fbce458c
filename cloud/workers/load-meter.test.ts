/** The load of an event loop, and that to measure it does not wake an idle process. */

import { performance } from 'node:perf_hooks';
import { afterEach, expect, it, vi } from 'vitest';
import { LoadMeter } from './load-meter.ts';

afterEach(() => {
  vi.useRealTimers();
});

/** Keeps the event loop from everything else. */
function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 1));

it('counts how busy the loop is, and how late while it is busy', async () => {
  const meter = new LoadMeter();
  await turn();
  block(200);
  await turn();
  const first = meter.take();
  expect(first).toMatchObject({ lagMs: 0 });
  expect(first.utilisation).toBeGreaterThan(0.3);
  block(300);
  // The beat, 250 ms late, comes before the timer that is set after it.
  await turn();
  await turn();
  expect(meter.take().lagMs).toBeGreaterThan(100);
  meter.stop();
});

it('sets no timer while the loop is idle', () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  let utilization = 0;
  const meter = new LoadMeter(() => ({ idle: 0, active: 0, utilization }));
  const timersAfterTakingAt = (share: number) => {
    utilization = share;
    expect(meter.take().utilisation).toBe(share);
    return vi.getTimerCount();
  };
  expect(vi.getTimerCount()).toBe(0);
  expect([0.01, 0.2, 0.9, 0.01, 0.04, 0.06].map(timersAfterTakingAt)).toEqual([0, 1, 1, 0, 0, 1]);
  meter.stop();
  expect(vi.getTimerCount()).toBe(0);
});
