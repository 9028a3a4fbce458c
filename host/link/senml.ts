/**
 * Samples as SenML (RFC 8428): names, units and scales stand in the tables of messages.ts.
 *
 * A sample is one pack: its first record carries the base name `urn:dev:earl:<id>:` and the base time; the others
 * inherit both. Fields without a mapping (the probe's own time, flags) are left out.
 */

import { type FieldDefinition, type Message, type MessageDefinition, messages, type UpMessage } from './messages.ts';

/** One record; of RFC 8428's fields only those that Earl uses. */
export interface SenmlRecord {
  bn?: string;
  /** Seconds since 1970. */
  bt?: number;
  n: string;
  u: string;
  v: number;
}

/** Messages with at least one field that is a measurement. */
export type SampleMessage = Extract<UpMessage, { name: `${string}_sample` }>;

export function isSample(message: Message): message is SampleMessage {
  const { fields }: MessageDefinition = messages[message.name];
  return fields.some(({ senml }) => senml !== undefined);
}

/** Base name of a probe's records; `id` is 16 hex digits. */
export function senmlBaseName(id: string): string {
  return `urn:dev:earl:${id}:`;
}

/**
 * The pack of one sample.
 * @param timeS when it was taken, seconds since 1970; a millisecond is kept
 */
export function senmlPack(sample: SampleMessage, id: string, timeS: number): SenmlRecord[] {
  const { fields }: MessageDefinition = messages[sample.name];
  const values = sample as unknown as Record<string, number>;
  const records = fields.flatMap((field) => recordOf(field, values[field.name]!));
  return records.map((record, index) =>
    index === 0 ? { bn: senmlBaseName(id), bt: Math.round(timeS * 1000) / 1000, ...record } : record,
  );
}

function recordOf({ senml }: FieldDefinition, raw: number): SenmlRecord[] {
  // Twelve digits: more than any sensor has, few enough that 231 × 0.1 does not show the binary fraction.
  return senml === undefined ? [] : [{ n: senml.n, u: senml.u, v: Number((raw * senml.scale).toPrecision(12)) }];
}
