/** How even the samples come, and how long the CPU sleeps. */
import { expect } from 'vitest';
import type { Bench } from '../../host/hil/bench.ts';
import { isSample } from '../../host/link/index.ts';
import { hilCase } from './case.ts';

/** The calibrated VLO drifts a few percent between two calibrations. */
const RATE_TOLERANCE = 0.05;

/** `timeMs` and arrival of the samples of the last `ms`. */
async function collect(bench: Bench, ms: number): Promise<{ probeMs: number; atMs: number }[]> {
  bench.forget();
  await bench.wait(ms);
  return bench.arrivals.flatMap(({ message, atMs }) => (isSample(message) ? [{ probeMs: message.timeMs, atMs }] : []));
}

function intervals(times: readonly number[]): number[] {
  return times.slice(1).map((time, index) => time - times[index]!);
}

function spread(values: readonly number[]): { mean: number; deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, deviation: Math.sqrt(variance) };
}

export function timingCases(): void {
  const sampling = { oneOf: ['illuminance', 'accelerometer', 'button'] } as const;

  for (const { intervalMs, seconds } of [
    { intervalMs: 10_000, seconds: 45 },
    { intervalMs: 250, seconds: 10 },
    { intervalMs: 20, seconds: 10 },
  ]) {
    const title = `sample rate and jitter at ${1000 / intervalMs} Hz`;
    hilCase(title, { ...sampling, limitS: 180 }, async ({ bench, measured }) => {
      const before = await bench.counters();
      const lostBefore = bench.statistics().packets.lost;
      await bench.command({ name: 'set_interval', intervalMs });
      await bench.wait(2 * Math.min(intervalMs, 500));
      const samples = await collect(bench, seconds * 1000);
      const host = spread(intervals(samples.map(({ atMs }) => atMs)));
      const probe = spread(intervals(samples.map(({ probeMs }) => probeMs)));
      measured('rate', 1000 / host.mean, 'Hz');
      measured('jitter in probe time', probe.deviation, 'ms');
      measured('jitter of arrival', host.deviation, 'ms');
      expect(samples.length).toBeGreaterThanOrEqual(
        Math.floor((seconds * 1000 * (1 - RATE_TOLERANCE)) / intervalMs) - 1,
      );
      expect(Math.abs(host.mean / intervalMs - 1), 'rate by the host’s clock').toBeLessThan(RATE_TOLERANCE);
      expect(Math.abs(probe.mean / intervalMs - 1), 'rate by the probe’s clock').toBeLessThan(0.01);
      expect(probe.deviation, 'jitter in probe time').toBeLessThan(Math.max(2, 0.1 * intervalMs));
      expect(bench.statistics().packets.lost, 'lost packets').toBe(lostBefore);
      expect((await bench.counters()).txDropped, 'samples without room').toBe(before.txDropped);
    });
  }

  hilCase('it sleeps between samples', sampling, async ({ bench, measured }) => {
    await bench.wait(1000);
    const before = await bench.counters();
    await bench.wait(20_000);
    const after = await bench.counters();
    const awake = (100 * (after.awakeMs - before.awakeMs)) / (after.timeMs - before.timeMs);
    measured('awake', awake, '%');
    expect(awake, 'percent of the time awake').toBeGreaterThan(0);
    expect(awake).toBeLessThan(5);
  });
}
