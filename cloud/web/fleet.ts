/**
 * What the page knows of all probes: messages in, one `Probe` for each `site/probe` out. No DOM, no network.
 *
 * Everything that comes from the cloud is checked here, field by field; what is malformed is counted and dropped, so
 * that the views may trust their types. Bounded: samples by SampleBuffer, events and probes by the constants below.
 */

import { channels, type Json, type LedState, type ProbeEventData, type ProbeStatus } from '../protocol/index.ts';
import { KEEP_SECONDS, SampleBuffer } from './sample-buffer.ts';
import { readSenml } from './senml.ts';
import { TimeOffset } from './time-offset.ts';

/** More cards than a page can be useful with; the rest is counted in `refused`. */
export const MAX_PROBES = 500;
export const MAX_EVENTS = 20;
const MAX_QUANTITIES = 16;
const MAX_TEXT = 120;
const MAX_CAPABILITIES = 32;
/** Samples that come too late for so long mean that the clock which stamps them was set back. */
const CLOCK_SET_BACK_MS = 5000;
/** Seconds since 1970 that a date can still show. */
const LATEST_TIME = 8.64e12;

export class Probe {
  /** `site/probe`. */
  readonly key: string;
  readonly site: string;
  readonly name: string;
  readonly samples = new SampleBuffer();
  /** SenML unit of each quantity. */
  readonly units = new Map<string, string>();
  /** Newest first. */
  readonly events: ProbeEventData[] = [];
  readonly offset = new TimeOffset();
  status: ProbeStatus | undefined;
  leds: LedState | undefined;
  counters: { [name: string]: Json } | undefined;
  /** When a sample was last taken, in ms of the page's clock. */
  sampledMs = 0;
  /** Grows with every message, so that a view can tell whether there is anything to do. */
  revision = 0;

  constructor(key: string) {
    this.key = key;
    const slash = key.indexOf('/');
    this.site = key.slice(0, slash);
    this.name = key.slice(slash + 1);
  }

  /** Kind as far as it is known. */
  get kind(): string {
    return this.status?.kind ?? 'probe';
  }

  /** Seconds since the newest sample was measured, on the page's clock; undefined before the first. */
  ageSeconds(nowMs: number): number | undefined {
    const last = this.samples.lastTime;
    return last === undefined ? undefined : Math.max(0, nowMs / 1000 - last - this.offset.seconds);
  }
}

export class Fleet {
  readonly probes = new Map<string, Probe>();
  /** Messages that were dropped because they were malformed. */
  malformed = 0;
  /** Probes that were not shown because there were too many. */
  refused = 0;
  private readonly changed: (probe: Probe, change: 'added' | 'removed') => void;

  /** @param changed called when a probe appears or is forgotten */
  constructor(changed: (probe: Probe, change: 'added' | 'removed') => void) {
    this.changed = changed;
  }

  /** Takes one message of the subscription `+/+/+`. */
  take(topic: string, data: Json, retained: boolean, nowMs: number): void {
    const [site, name, channel, ...rest] = topic.split('/');
    if (!site || !name || channel === undefined || rest.length > 0) return;
    const key = `${site}/${name}`;
    if (channel === channels.status && data === null) {
      this.forget(key);
      return;
    }
    if (!Object.values<string>(channels).includes(channel)) return;
    const known = this.probes.get(key);
    if (known === undefined && this.probes.size >= MAX_PROBES) {
      this.refused++;
      return;
    }
    const probe = known ?? new Probe(key);
    if (!takeChannel(probe, channel, data, retained, nowMs)) {
      this.malformed++;
      return;
    }
    probe.revision++;
    if (known !== undefined) return;
    this.probes.set(key, probe);
    this.changed(probe, 'added');
  }

  private forget(key: string): void {
    const probe = this.probes.get(key);
    if (probe !== undefined && this.probes.delete(key)) this.changed(probe, 'removed');
  }
}

function takeChannel(probe: Probe, channel: string, data: Json, retained: boolean, nowMs: number): boolean {
  switch (channel) {
    case channels.samples:
      return takeSamples(probe, data, retained, nowMs);
    case channels.status:
      return takeStatus(probe, data);
    case channels.leds:
      return takeLeds(probe, data);
    case channels.events:
      return takeEvent(probe, data);
    default:
      if (!isObject(data)) return false;
      probe.counters = data;
      return true;
  }
}

function takeSamples(probe: Probe, data: Json, retained: boolean, nowMs: number): boolean {
  const samples = readSenml(data, nowMs / 1000);
  for (const { timeSeconds, values } of samples) {
    // A retained sample may be of any age, so it says nothing about the clocks.
    if (!retained) probe.offset.observe(timeSeconds, nowMs / 1000);
    const numbers: [string, number][] = [];
    for (const [name, { value, unit }] of values) {
      if (!probe.units.has(name) && probe.units.size >= MAX_QUANTITIES) continue;
      probe.units.set(name, unit);
      numbers.push([name, value]);
    }
    addSample(probe, timeSeconds, numbers, nowMs);
  }
  return samples.length > 0;
}

function addSample(probe: Probe, timeSeconds: number, numbers: [string, number][], nowMs: number): void {
  const { samples, offset } = probe;
  const tooLate = timeSeconds < (samples.lastTime ?? timeSeconds) - KEEP_SECONDS;
  if (tooLate && nowMs - probe.sampledMs > CLOCK_SET_BACK_MS) {
    samples.clear();
    offset.reset();
    offset.observe(timeSeconds, nowMs / 1000);
  }
  if (samples.add(timeSeconds, numbers)) probe.sampledMs = nowMs;
}

function takeStatus(probe: Probe, data: Json): boolean {
  if (!isObject(data) || typeof data.online !== 'boolean') return false;
  const text = (name: string) => (typeof data[name] === 'string' ? data[name].slice(0, MAX_TEXT) : '');
  const number = (name: string) => (typeof data[name] === 'number' ? data[name] : 0);
  const capabilities = Array.isArray(data.capabilities) ? data.capabilities : [];
  probe.status = {
    online: data.online,
    kind: text('kind') || 'probe',
    id: text('id'),
    firmware: text('firmware'),
    capabilities: capabilities.filter((name): name is string => typeof name === 'string').slice(0, MAX_CAPABILITIES),
    intervalMs: number('intervalMs'),
    resetCause: text('resetCause'),
    boots: number('boots'),
    transport: text('transport'),
    reason: text('reason'),
    ...(data.quarantined === true && { quarantined: true as const, remedy: text('remedy') }),
    time: text('time'),
  };
  return true;
}

function takeLeds(probe: Probe, data: Json): boolean {
  if (!isObject(data) || !Array.isArray(data.registers) || typeof data.time !== 'number') return false;
  const registers = data.registers.filter((value): value is number => typeof value === 'number');
  if (registers.length !== data.registers.length || registers.length < 10) return false;
  probe.leds = { registers: registers.slice(0, 10), time: data.time };
  return true;
}

function takeEvent(probe: Probe, data: Json): boolean {
  if (!isObject(data)) return false;
  const { event, value, time } = data;
  if (typeof event !== 'string' || typeof time !== 'number' || !(time > 0 && time < LATEST_TIME)) return false;
  probe.events.unshift({ event: event.slice(0, MAX_TEXT), value: typeof value === 'number' ? value : 0, time });
  probe.events.length = Math.min(probe.events.length, MAX_EVENTS);
  return true;
}

function isObject(data: Json): data is { [key: string]: Json } {
  return data !== null && typeof data === 'object' && !Array.isArray(data);
}
