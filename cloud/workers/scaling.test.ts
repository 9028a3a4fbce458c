/** When workers are added and removed, over traces of load. */
import { describe, expect, it } from 'vitest';
import { decide, defaultScaling, type ScalingPolicy, type ScalingState } from './scaling.ts';

const policy: ScalingPolicy = { ...defaultScaling, most: 4 };
const stepMs = 500;

/**
 * Plays a trace: work of the whole cloud, in event loops that it fills, at each time. A loop that has more to do than it
 * can is late. Returns what was decided, with the second at which it was.
 */
function play(seconds: number, workAt: (second: number) => number, { start = 1, hub = 0, lagMs = 0 } = {}) {
  let state: ScalingState = {};
  let count = start;
  const decided: [second: number, action: string, count: number][] = [];
  const reasons: string[] = [];
  for (let atMs = 0; atMs <= seconds * 1000; atMs += stepMs) {
    const utilisation = Math.min(1, workAt(atMs / 1000) / count);
    const worker = { utilisation, lagMs: utilisation === 1 ? 200 : lagMs };
    const decision = decide(policy, state, {
      atMs,
      workers: Array.from({ length: count }, () => worker),
      hubUtilisation: hub,
    });
    state = decision.state;
    if (decision.reason) reasons.push(decision.reason);
    if (decision.action === undefined) continue;
    count += decision.action === 'add' ? 1 : -1;
    decided.push([atMs / 1000, decision.action, count]);
  }
  return { decided, reasons, count };
}

describe('adding', () => {
  it('a ramp adds one after the other, each when those that are there are full for a while', () => {
    const { decided, reasons } = play(120, (second) => second / 40);
    expect(decided.map(([, action, count]) => [action, count])).toEqual([
      ['add', 2],
      ['add', 3],
      ['add', 4],
    ]);
    const [first, second] = decided;
    // 80 % of one loop is reached at 32 s, of two at 64 s.
    expect(first?.[0]).toBe(35);
    expect(second?.[0]).toBe(67);
    expect(reasons[0]).toMatch(/^a worker is added: lag 0\.0 ms, busy 8\d % of the time, of 1 for 3\.0 s$/);
  });

  it('a spike shorter than the threshold must hold adds none', () => {
    expect(play(60, (second) => (second >= 10 && second < 12.5 ? 1 : 0.1)).decided).toEqual([]);
  });

  it('lag counts where loops are busy, and not where only the machine is', () => {
    expect(play(20, () => 0.6, { lagMs: 40 }).decided[0]).toEqual([3, 'add', 2]);
    expect(play(20, () => 0.1, { lagMs: 40 }).decided).toEqual([]);
    expect(play(20, () => 0.6, { lagMs: 10 }).decided).toEqual([]);
  });

  it('no more than the most, and none for a hub that is full itself, which is said once in a while', () => {
    expect(play(300, () => 100).count).toBe(policy.most);
    const { decided, reasons } = play(30, () => 100, { hub: 0.95 });
    expect(decided).toEqual([]);
    expect(reasons.length).toBeGreaterThan(0);
    expect(reasons.length).toBeLessThanOrEqual(3);
    expect(reasons[0]).toContain('the hub itself is busy 95 %');
  });

  it('the next only after the time to settle', () => {
    const { decided } = play(60, () => 100);
    const times = decided.map(([second]) => second);
    expect(times[0]).toBe(3);
    expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(policy.coolDownMs / 1000);
  });
});

describe('removing', () => {
  it('when the rest would have room for long, one after the other, and never the last', () => {
    const { decided, reasons, count } = play(600, () => 0.2, { start: 4 });
    expect(decided.map(([, action]) => action)).toEqual(['remove', 'remove', 'remove']);
    expect(decided[0]![0]).toBe(60);
    expect(decided[1]![0] - decided[0]![0]).toBeGreaterThanOrEqual(60);
    expect(count).toBe(1);
    expect(reasons[0]).toContain('the rest would be busy 7 %');
  });

  it('not while the rest could not carry it, however idle each is', () => {
    // Two loops of 30 % would be one of 60 %.
    expect(play(600, () => 0.6, { start: 2 }).decided).toEqual([]);
  });

  it('not after a pause in the load', () => {
    expect(play(300, (second) => (second % 50 < 45 ? 0.1 : 1.2), { start: 2 }).decided).toEqual([]);
  });
});

describe('hysteresis', () => {
  it('load that swings around the threshold neither adds nor removes', () => {
    expect(play(300, (second) => (second % 2 < 1 ? 0.85 : 0.75)).decided).toEqual([]);
    expect(play(300, (second) => (second % 2 < 1 ? 1.5 : 1.3), { start: 2 }).decided).toEqual([]);
  });

  it('what one worker was too full for is not given back to it', () => {
    // 0.85 adds the second; each has 0.43 then, and one alone would have 0.85 again.
    const { decided, count } = play(1_000, () => 0.85);
    expect(decided).toEqual([[3, 'add', 2]]);
    expect(count).toBe(2);
  });

  it('after hours of load that comes and goes by minutes there are no more changes than swings', () => {
    const { decided } = play(3_600, (second) => (second % 600 < 300 ? 1.2 : 0.1));
    expect(decided.map(([, action]) => action)).toEqual(
      Array.from({ length: 12 }, (_, i) => (i % 2 ? 'remove' : 'add')),
    );
  });
});
