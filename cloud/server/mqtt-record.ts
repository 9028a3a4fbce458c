/**
 * What outlives the connection of an MQTT client that said "clean session 0" (MQTT 3.1.1, section 3.1.2.4), and how it is
 * written down: as the last value of a topic of the cloud's own, so that every server and a restarted one find it.
 *
 * It holds filters and a place in the broker's history, no messages, so that a thousand clients away cost little.
 */

import type { Position } from '../broker/index.ts';
import type { Json } from '../protocol/index.ts';

export interface MqttFilter {
  readonly qos: 0 | 1;
  /** Offset from which the filter has been in force. */
  readonly from: number;
}

export interface MqttState {
  readonly filters: ReadonlyMap<string, MqttFilter>;
  /** Everything up to it has been acknowledged; undefined when there never was a subscription. */
  readonly since: Position | undefined;
  /** Offset to packet identifier, of what was sent with QoS 1 and not acknowledged. */
  readonly inFlight: ReadonlyMap<number, number>;
  /** Last values were sent and not acknowledged: they come again. */
  readonly owesRetained: boolean;
  /** Packet identifiers of QoS 2 that were published and not released, with the broker's acceptance where it is open. */
  readonly received: ReadonlyMap<number, Promise<void> | undefined>;
}

/** A state as it is found again. */
export interface MqttRecord {
  readonly state: MqttState;
  /** The connection that has the session, and did not leave it; a server that died leaves such a record behind. */
  readonly holder: string | undefined;
  /** When it was written, since 1970. */
  readonly atMs: number;
}

export const nothingKept: MqttState = {
  filters: new Map(),
  since: undefined,
  inFlight: new Map(),
  owesRetained: false,
  received: new Map(),
};

/** Of QoS 2 it holds what the broker has accepted. */
export function encodeState({ filters, since, inFlight, owesRetained, received }: MqttState): {
  [field: string]: Json;
} {
  const accepted = [...received].filter(([, accepting]) => accepting === undefined);
  return {
    filters: [...filters].map(([filter, { qos, from }]) => [filter, qos, from]),
    since: since === undefined ? null : [since.epoch, since.offset],
    inFlight: [...inFlight].map(([offset, id]) => [offset, id]),
    owesRetained,
    received: accepted.map(([id]) => id),
  };
}

export function encodeRecord(state: MqttState, holder: string | undefined, atMs: number): Json {
  return { ...encodeState(state), holder: holder ?? null, atMs };
}

/** Undefined for what is no record, such as one of another version of Earl. */
export function decodeRecord(data: Json | undefined): MqttRecord | undefined {
  try {
    const { filters, since, inFlight, owesRetained, received, holder, atMs } = data as unknown as WrittenRecord;
    const state: MqttState = {
      filters: new Map(filters.map(([filter, qos, from]) => [filter, { qos, from }])),
      since: since === null ? undefined : { epoch: since[0], offset: since[1] },
      inFlight: new Map(inFlight),
      owesRetained,
      received: new Map(received.map((id) => [id, undefined])),
    };
    return { state, holder: holder ?? undefined, atMs };
  } catch {
    return undefined;
  }
}

interface WrittenRecord {
  readonly filters: readonly (readonly [filter: string, qos: 0 | 1, from: number])[];
  readonly since: readonly [epoch: string, offset: number] | null;
  readonly inFlight: readonly (readonly [offset: number, id: number])[];
  readonly owesRetained: boolean;
  readonly received: readonly number[];
  readonly holder: string | null;
  readonly atMs: number;
}
