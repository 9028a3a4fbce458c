/**
 * Traces of a board: who listens to what, and how an event reads as a line.
 *
 * An event costs nothing when nobody listens to its kind; devices ask before they do work for one.
 */

import type { TraceEvent, TraceSink } from './devices/device.ts';

export type TraceKind = TraceEvent['kind'];

/** Everything that can be traced, by the names of `earl emulate --trace`. */
export const traceNames = {
  i2c: ['i2c'],
  uart: ['uart'],
  pins: ['pin'],
  leds: ['led', 'motor'],
  cpu: ['cpu'],
} as const satisfies Record<string, readonly TraceKind[]>;
export type TraceName = keyof typeof traceNames;

/** Hands a board's events to whoever asked for their kind. */
export class Tracer {
  private readonly seconds: () => number;
  private readonly sinks = new Map<TraceSink, ReadonlySet<TraceKind> | undefined>();

  constructor(seconds: () => number) {
    this.seconds = seconds;
  }

  /** Sends events of these kinds (default all) to a sink, until the returned function is called. */
  add(sink: TraceSink, kinds?: Iterable<TraceKind>): () => void {
    this.sinks.set(sink, kinds && new Set(kinds));
    return () => void this.sinks.delete(sink);
  }

  /** True when somebody listens to this kind. */
  wants(kind: TraceKind): boolean {
    for (const kinds of this.sinks.values()) if (kinds === undefined || kinds.has(kind)) return true;
    return false;
  }

  /** Stamps an event with the board's time and hands it on. For devices. */
  emit(event: TraceEvent): void {
    if (this.sinks.size === 0) return;
    const stamped = { t: this.seconds(), ...event };
    for (const [sink, kinds] of this.sinks) if (kinds === undefined || kinds.has(event.kind)) sink(stamped);
  }
}

/** One event as a line for people: time in seconds, kind, what happened. */
export function traceLine(event: TraceEvent & { t: number }): string {
  return `${event.t.toFixed(6).padStart(12)}  ${event.kind.padEnd(5)} ${describe(event)}`;
}

function describe(event: TraceEvent): string {
  switch (event.kind) {
    case 'i2c': {
      const written = event.write.length ? ` write ${hexBytes(event.write)}` : '';
      const read = event.read.length ? ` read ${hexBytes(event.read)}` : '';
      return `0x${hexByte(event.addr)}${written}${read}${event.ack ? '' : ' NACK'}`;
    }
    case 'uart':
      return `${event.dir} ${hexByte(event.byte)}${event.byte >= 0x20 && event.byte < 0x7f ? ` ${String.fromCharCode(event.byte)}` : ''}`;
    case 'pin':
      return `${event.pin} ${event.level}`;
    case 'led':
      return `${event.led} ${event.brightness}`;
    case 'motor':
      return `duty ${event.duty}`;
    case 'cpu':
      return event.detail === undefined ? event.event : `${event.event}: ${event.detail}`;
    default:
      return event satisfies never;
  }
}

function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

function hexBytes(bytes: readonly number[]): string {
  return bytes.map(hexByte).join(' ');
}
