import { describe, expect, it } from 'vitest';
import { Fleet, MAX_EVENTS, MAX_PROBES, type Probe } from './fleet.ts';
import { stateOf } from './probe-state.ts';

const NOW_MS = 1.7953e12;
const status = {
  online: true,
  kind: 'ball',
  id: '0200000000010001',
  firmware: '0.1.0',
  capabilities: ['leds', 'button'],
  intervalMs: 250,
  resetCause: 'power_on',
  boots: 1,
  transport: 'emu:ball',
  time: '2026-11-22T00:00:00Z',
};

function fleet(): { fleet: Fleet; log: string[]; ball: () => Probe } {
  const log: string[] = [];
  const made = new Fleet((probe, change) => log.push(`${change} ${probe.key}`));
  return { fleet: made, log, ball: () => made.probes.get('lab/ball')! };
}

function sample(timeSeconds: number) {
  return [{ bn: 'urn:dev:earl:0200000000010001:', bt: timeSeconds, n: 'temp', u: 'Cel', v: 21.5 }];
}

describe('Fleet', () => {
  it('makes one probe of all channels and forgets it when its status is cleared', () => {
    const { fleet: probes, log, ball } = fleet();
    probes.take('lab/ball/status', status, true, NOW_MS);
    probes.take('lab/ball/samples', sample(NOW_MS / 1000), false, NOW_MS);
    probes.take('lab/ball/leds', { registers: [0, 0, 0, 68, 68, 68, 68, 68, 255, 15], time: 1 }, true, NOW_MS);
    probes.take('lab/ball/counters', { crcErrors: 2 }, true, NOW_MS);
    expect(ball()).toMatchObject({ site: 'lab', name: 'ball', kind: 'ball', counters: { crcErrors: 2 } });
    expect(ball().samples.last('temp')).toBe(21.5);
    expect(ball().units.get('temp')).toBe('Cel');
    expect(ball().leds!.registers).toHaveLength(10);
    probes.take('lab/ball/status', null, false, NOW_MS);
    expect(log).toEqual(['added lab/ball', 'removed lab/ball']);
  });

  it.each([
    ['lab/ball/status', { online: 'yes' }],
    ['lab/ball/status', 'online'],
    ['lab/ball/samples', { v: 1 }],
    ['lab/ball/samples', [{ n: 'temp', v: 'warm' }]],
    ['lab/ball/leds', { registers: [1, 2, 3], time: 1 }],
    ['lab/ball/leds', { registers: [0, 0, 0, 0, 0, 0, 0, 0, 0, '15'], time: 1 }],
    ['lab/ball/events', { event: 'motion', value: 3, time: 1e300 }],
    ['lab/ball/counters', [1]],
  ])('counts and drops what is malformed: %s %j', (topic, data) => {
    const { fleet: probes, ball } = fleet();
    probes.take(topic, data, false, NOW_MS);
    expect(probes.malformed).toBe(1);
    expect(ball()).toBeUndefined();
  });

  it('says of a quarantined probe why, and what to type; samples of before do not make it online', () => {
    const { fleet: probes, ball } = fleet();
    const remedy = 'earl probes accept 0200000000010001';
    probes.take('lab/ball/samples', sample(NOW_MS / 1000), false, NOW_MS);
    probes.take('lab/ball/status', { ...status, quarantined: true, reason: 'it is not known', remedy }, true, NOW_MS);
    expect(ball().status).toMatchObject({ quarantined: true, remedy });
    expect(stateOf(ball(), true, NOW_MS)).toEqual({ name: 'quarantined', detail: 'it is not known' });
    probes.take('lab/ball/status', { ...status, online: false, quarantined: true }, true, NOW_MS);
    expect(stateOf(ball(), true, NOW_MS).name).toBe('offline');
    probes.take('lab/ball/status', status, true, NOW_MS);
    expect(ball().status).not.toHaveProperty('quarantined');
    expect(stateOf(ball(), true, NOW_MS).name).toBe('online');
  });

  it('ignores other channels and depths', () => {
    const { fleet: probes, log } = fleet();
    probes.take('lab/ball/firmware', {}, false, NOW_MS);
    probes.take('lab/ball/samples/raw', sample(1), false, NOW_MS);
    probes.take('/ball/samples', sample(1), false, NOW_MS);
    expect(log).toEqual([]);
  });

  it('keeps the newest events, and no more probes than it may', () => {
    const { fleet: probes, ball } = fleet();
    for (let value = 0; value < 2 * MAX_EVENTS; value++) {
      probes.take('lab/ball/events', { event: 'motion', value, time: 1e9 }, false, NOW_MS);
    }
    expect(ball().events.map(({ value }) => value)).toEqual(
      Array.from({ length: MAX_EVENTS }, (_, index) => 2 * MAX_EVENTS - 1 - index),
    );
    for (let index = 0; index < MAX_PROBES; index++) probes.take(`lab/p${index}/status`, status, false, NOW_MS);
    expect(probes.probes.size).toBe(MAX_PROBES);
    expect(probes.refused).toBe(1);
  });
});

describe('clocks', () => {
  it('starts again when the clock that stamps the samples was set back, not for a spool that comes late', () => {
    const { fleet: probes, ball } = fleet();
    const now = NOW_MS / 1000;
    probes.take('lab/ball/samples', sample(now), false, NOW_MS);
    probes.take('lab/ball/samples', sample(now - 600), false, NOW_MS + 100);
    expect(ball().samples.lastTime).toBe(now);
    for (let s = 1; s <= 10; s++) probes.take('lab/ball/samples', sample(now - 600 + s), false, NOW_MS + 1000 * s);
    expect(ball().samples.lastTime).toBe(now - 590);
    expect(ball().ageSeconds(NOW_MS + 10_000)).toBeCloseTo(0, 6);
  });
});

describe('stateOf', () => {
  it('tells online, quiet, offline and unknown apart', () => {
    const { fleet: probes, ball } = fleet();
    probes.take('lab/ball/status', status, true, NOW_MS);
    expect(stateOf(ball(), true, NOW_MS)).toEqual({ name: 'quiet', detail: 'no samples yet' });
    probes.take('lab/ball/samples', sample(NOW_MS / 1000), false, NOW_MS);
    expect(stateOf(ball(), true, NOW_MS + 2000)).toEqual({ name: 'online', detail: '' });
    expect(stateOf(ball(), true, NOW_MS + 2500)).toEqual({ name: 'quiet', detail: 'no sample for 2.5 s' });
    expect(stateOf(ball(), false, NOW_MS).name).toBe('unknown');
    probes.take('lab/ball/status', { ...status, online: false, reason: 'cable pulled' }, false, NOW_MS);
    expect(stateOf(ball(), true, NOW_MS)).toEqual({ name: 'offline', detail: 'cable pulled' });
  });

  it('judges age by the clock that stamped the samples, and does not take a retained one for fresh', () => {
    const { fleet: probes, ball } = fleet();
    const behind = 3600;
    probes.take('lab/ball/samples', sample(NOW_MS / 1000 - behind), false, NOW_MS);
    expect(ball().ageSeconds(NOW_MS + 1000)).toBeCloseTo(1, 6);
    const other = fleet();
    other.fleet.take('lab/ball/samples', sample(NOW_MS / 1000 - behind), true, NOW_MS);
    expect(other.ball().ageSeconds(NOW_MS)).toBeCloseTo(behind, 6);
  });
});
