/**
 * One probe as the cloud knows it: what is published for it under `site/<id>/<channel>`, whatever transport it is met on.
 *
 * A probe keeps its identity (and its dropped counts and waiting commands) when it moves to another port. Status, LED
 * state and counters are remembered, because a cloud that restarted has forgotten them.
 */

import {
  type CommandResult,
  channels,
  type Json,
  type LedState,
  type ProbeEventData,
  type ProbeStatus,
  type WillMessage,
} from '../../cloud/protocol/messages.ts';
import {
  type Clock,
  capabilities,
  events,
  type LinkStatistics,
  type MessageOf,
  probeKinds,
  resetCauses,
} from '../link/index.ts';
import type { ProbeLink } from './probe-link.ts';
import type { SpoolClass, SpoolMessage } from './spool.ts';

export interface ProbeOptions {
  /** `site/<id>`, where everything is published and commands are addressed. */
  readonly path: string;
  /** 16 hex digits. */
  readonly id: string;
  readonly clock: Clock;
  readonly publish: (message: SpoolMessage) => void;
  /** Called before a status is published: the `will` is another. */
  readonly onWill: () => void;
}

/** Messages that the cloud never got, since the gateway started. */
export interface DroppedCounts {
  samples: number;
  events: number;
}

export class Probe {
  readonly path: string;
  readonly id: string;
  readonly dropped: DroppedCounts = { samples: 0, events: 0 };
  /** Other transports that lead to this probe, and rest while it is connected. */
  readonly displaced = new Set<ProbeLink>();
  /** When the last sample came, or the first one became due; host clock. */
  lastSampleMs = 0;
  /** What cancels the gateway's watches of this probe. */
  readonly timers: { samples?: () => void; counters?: () => void } = {};
  private readonly clock: Clock;
  private readonly publish: (message: SpoolMessage) => void;
  private readonly onWill: () => void;
  private readonly retained = new Map<string, Json>();
  private current: ProbeStatus | undefined;
  private currentLink: ProbeLink | undefined;
  /** Answers by the cloud's name of the command, so that none is executed twice. */
  private readonly answers = new Map<string, Promise<CommandResult>>();

  constructor(options: ProbeOptions) {
    this.path = options.path;
    this.id = options.id;
    this.clock = options.clock;
    this.publish = options.publish;
    this.onWill = options.onWill;
  }

  /** The last status published; undefined before the first birth. */
  get status(): ProbeStatus | undefined {
    return this.current;
  }

  /** Where it is met; undefined while it is offline. */
  get link(): ProbeLink | undefined {
    return this.currentLink;
  }

  attach(link: ProbeLink): void {
    this.currentLink = link;
    this.displaced.delete(link);
  }

  detach(): void {
    this.currentLink = undefined;
    this.timers.samples?.();
    this.timers.counters?.();
    delete this.timers.samples;
    delete this.timers.counters;
  }

  /** Status, LED state and counters as last published. */
  states(): SpoolMessage[] {
    return [...this.retained].map(([topic, data]) => ({ topic, data, kind: 'state' }));
  }

  /** What the cloud is to publish when the gateway is gone; undefined before the first birth. */
  get will(): WillMessage | undefined {
    if (this.current === undefined) return undefined;
    const { online } = this.current;
    const data = online ? { ...this.current, online: false, reason: 'the gateway is gone' } : { ...this.current };
    return { topic: `${this.path}/${channels.status}`, data, retain: true };
  }

  /** The probe said hello. */
  birth(hello: MessageOf<'hello'>, transport: string): void {
    this.setStatus(this.describe(hello, transport));
  }

  /**
   * Something that claims to be this probe is there, and not let in.
   * @param remedy what to type to let it in; may be empty
   */
  quarantine(hello: MessageOf<'hello'>, transport: string, reason: string, remedy: string): void {
    const status = { ...this.describe(hello, transport), quarantined: true as const, reason };
    this.setStatus(remedy === '' ? status : { ...status, remedy });
  }

  /** Takes back what the cloud keeps of it. */
  forget(): void {
    this.current = undefined;
    for (const topic of this.retained.keys()) this.publish({ topic, data: null, kind: 'state' });
    this.retained.clear();
  }

  /** The probe is there, but silent (`reason`), or talks again (no reason). */
  setQuiet(reason: string | undefined): void {
    if (this.current === undefined) return;
    const { reason: _, time: __, ...status } = this.current;
    this.setStatus({ ...status, ...(reason !== undefined && { reason }) });
  }

  /** Samples will come in another interval from now on. */
  setInterval(intervalMs: number): void {
    if (this.current === undefined || this.current.intervalMs === intervalMs) return;
    const { time: _, ...status } = this.current;
    this.setStatus({ ...status, intervalMs });
  }

  /** The probe is gone. */
  death(reason: string): void {
    if (this.current?.online !== true) return;
    const { time: _, ...status } = this.current;
    this.setStatus({ ...status, online: false, reason });
  }

  /** @param pack SenML */
  sample(pack: Json): void {
    this.send(channels.samples, pack, 'sample');
  }

  event(message: MessageOf<'event'>, timeSeconds: number): void {
    const name = nameOf(events, message.event) ?? `event-${message.event}`;
    const data: ProbeEventData = { event: name, value: message.value, time: timeSeconds };
    this.send(channels.events, { ...data }, 'event');
  }

  leds(message: MessageOf<'led_state'>, timeSeconds: number): void {
    const data: LedState = { registers: [...message.registers], time: timeSeconds };
    this.send(channels.leds, { ...data }, 'state');
  }

  /** Publishes the probe's own counters beside what the host's side of the link counted. */
  counters(message: MessageOf<'counters'>, statistics: LinkStatistics, rssiDbm?: number): void {
    const { name: _, timeMs, resetCause, ...counts } = message;
    this.send(
      channels.counters,
      {
        time: this.clock.wallMs() / 1000,
        upMs: timeMs,
        resetCause: nameOf(resetCauses, resetCause) ?? 'unknown',
        ...counts,
        link: { ...linkCounters(statistics), ...(rssiDbm !== undefined && { rssiDbm }) },
        dropped: { ...this.dropped },
      },
      'state',
    );
  }

  /** A sample or event of this probe had to go. */
  countDropped(kind: SpoolClass): void {
    if (kind === 'sample') this.dropped.samples++;
    if (kind === 'event') this.dropped.events++;
    const topic = `${this.path}/${channels.counters}`;
    const counters = this.retained.get(topic);
    // Known when the states are published again, which is when the cloud is back.
    const known = typeof counters === 'object' && counters !== null && !Array.isArray(counters) ? counters : {};
    this.retained.set(topic, { ...known, dropped: { ...this.dropped } });
  }

  /** Runs `execute` for a new call, and gives the same answer for one that was seen before. */
  once(call: string, execute: () => Promise<CommandResult>): Promise<CommandResult> {
    const known = this.answers.get(call);
    if (known !== undefined) return known;
    const answer = execute();
    this.answers.set(call, answer);
    if (this.answers.size > MAX_ANSWERS) this.answers.delete(this.answers.keys().next().value!);
    return answer;
  }

  private describe(hello: MessageOf<'hello'>, transport: string): Omit<ProbeStatus, 'time'> {
    return {
      online: true,
      kind: kindOf(hello),
      id: this.id,
      firmware: `${hello.versionMajor}.${hello.versionMinor}.${hello.versionPatch}`,
      capabilities: capabilityNames(hello.capabilities),
      intervalMs: hello.intervalMs,
      resetCause: nameOf(resetCauses, hello.resetCause) ?? 'unknown',
      boots: hello.boots,
      transport,
    };
  }

  private setStatus(status: Omit<ProbeStatus, 'time'>): void {
    this.current = { ...status, time: new Date(this.clock.wallMs()).toISOString() };
    this.onWill();
    this.send(channels.status, { ...this.current }, 'state');
  }

  private send(channel: string, data: Json, kind: SpoolClass): void {
    const topic = `${this.path}/${channel}`;
    if (kind === 'state') this.retained.set(topic, data);
    this.publish({ topic, data, kind });
  }
}

/** Answers that a probe remembers; a repetition comes within seconds, not thousands of commands later. */
const MAX_ANSWERS = 256;

/** What kind of probe a hello says it is, e.g. `ball`. */
export function kindOf({ kind }: MessageOf<'hello'>): string {
  return nameOf(probeKinds, kind) ?? `kind-${kind}`;
}

/** The name that a table gives a number. */
export function nameOf<Name extends string>(table: Readonly<Record<Name, number>>, value: number): Name | undefined {
  return (Object.keys(table) as Name[]).find((name) => table[name] === value);
}

function capabilityNames(bits: number): string[] {
  return Object.entries(capabilities)
    .filter(([, bit]) => (bits & bit) !== 0)
    .map(([name]) => name);
}

/** The host's counters of a link, flat and in the words of the probe's own. */
function linkCounters({ packets, frames, payloadErrors, ...link }: LinkStatistics): { [name: string]: Json } {
  const { unknown_type, short_payload, long_data } = payloadErrors;
  return {
    received: packets.received,
    lost: packets.lost,
    late: packets.late,
    duplicates: packets.duplicates,
    rxBytes: frames.bytes,
    crcErrors: frames.crcErrors,
    frameErrors: frames.frameErrors,
    payloadErrors: unknown_type + short_payload + long_data,
    unidentified: link.unidentified,
    unauthenticated: link.unauthenticated,
    restarts: link.restarts,
    writeErrors: link.writeErrors,
    commands: { ...link.commands },
    clockRate: Number(link.clockRate.toPrecision(6)),
    ...(link.roundTripMs !== undefined && { roundTripMs: Math.round(link.roundTripMs * 10) / 10 }),
  };
}
