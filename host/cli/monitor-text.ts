/** What `earl monitor` prints: decoded messages with units, damaged frames, raw bytes; for people and as JSON values. */

import {
  capabilities,
  events,
  type FieldDefinition,
  formatId,
  type Message,
  type MessageDefinition,
  messages,
  probeKinds,
  resetCauses,
  statuses,
} from '../link/index.ts';
import { type DamageReason, type DecodedEvent, errorCount, type MonitorCounters } from './monitor-decoder.ts';

const reasons: Readonly<Record<DamageReason, string>> = {
  cobs: 'COBS: a block runs past the end of the frame',
  length: 'length: shorter or longer than any packet',
  crc: 'CRC does not match',
  version: 'version of another protocol',
  unknown_type: 'type that nobody defined',
  short_payload: 'payload shorter than its message',
  long_data: 'more data than its message holds',
  echo: 'echo of what a host says',
  cut: 'beginning or end was not heard',
};

const UNREADABLE =
  'nothing could be read so far: is the rate another one (--baud), or does this firmware not speak the link protocol (--raw)?';

/** Fields whose numbers have names. */
const names: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  kind: probeKinds,
  resetCause: resetCauses,
  status: statuses,
  event: events,
};

const unitSigns: Readonly<Record<string, string>> = { Cel: '°C', 'm/s2': 'm/s²', count: '', '/': '' };

type Value = number | Uint8Array;

export function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

/** One line for people, without its time. */
export function eventText(event: DecodedEvent): string {
  switch (event.event) {
    case 'message':
      return `#${event.sequence}  ${messageText(event.message)}${noteText(event)}`;
    case 'damaged':
      return `??  ${reasons[event.reason]}: ${hex(event.bytes)}`;
    case 'unreadable':
      return UNREADABLE;
    default:
      return event satisfies never;
  }
}

function noteText({ arrival, lostBefore }: DecodedEvent & { event: 'message' }): string {
  const notes = [
    ...(lostBefore > 0 ? [`${lostBefore} lost before`] : []),
    ...(arrival === 'in order' ? [] : [arrival]),
  ];
  return notes.length > 0 ? `  (${notes.join(', ')})` : '';
}

/** `light_sample  time 1500 ms  illuminance 300 lx  temperature 23.10 °C`. */
export function messageText(message: Message): string {
  const fields = fieldsOf(message).map(([field, value]) => {
    const unit = field.senml ? (unitSigns[field.senml.u] ?? field.senml.u) : field.name.endsWith('Ms') ? 'ms' : '';
    return `${field.name.replace(/Ms$/, '')} ${valueText(field, value)}${unit && ` ${unit}`}`;
  });
  return [message.name, ...fields].join('  ');
}

function fieldsOf(message: Message): [FieldDefinition, Value][] {
  const { fields }: MessageDefinition = messages[message.name];
  const values = message as unknown as Record<string, Value>;
  return fields.map((field) => [field, values[field.name]!]);
}

function valueText(field: FieldDefinition, value: Value): string {
  if (typeof value !== 'number') {
    if (field.name === 'id') return formatId(value);
    return value.length > 0 ? hex(value) : 'none';
  }
  if (field.name === 'capabilities') return capabilityNames(value).join(',') || 'none';
  const name = nameOf(field, value);
  if (name !== undefined) return name;
  if (field.senml === undefined || field.senml.scale === 1) return String(value);
  return (value * field.senml.scale).toFixed(Math.ceil(-Math.log10(field.senml.scale)));
}

function nameOf(field: FieldDefinition, value: number): string | undefined {
  return Object.entries(names[field.name] ?? {}).find(([, number]) => number === value)?.[0];
}

function capabilityNames(bits: number): string[] {
  return Object.entries(capabilities).flatMap(([name, bit]) => ((bits & bit) !== 0 ? [name] : []));
}

/** The same as a JSON value: `fields` as they are on the wire, bytes in hex; what has a unit again in `quantities`. */
export function eventObject(event: DecodedEvent): object {
  if (event.event === 'damaged') return { event: event.event, reason: event.reason, hex: hex(event.bytes) };
  if (event.event === 'unreadable') return { event: event.event, message: UNREADABLE };
  const { message, sequence, lostBefore, arrival } = event;
  const fields = fieldsOf(message);
  return {
    event: event.event,
    name: message.name,
    sequence,
    ...(arrival === 'in order' ? {} : { arrival }),
    ...(lostBefore > 0 ? { lostBefore } : {}),
    fields: Object.fromEntries(
      fields.map(([field, value]) => [
        field.name,
        typeof value === 'number' ? (nameOf(field, value) ?? value) : hex(value).replaceAll(' ', ''),
      ]),
    ),
    quantities: Object.fromEntries(
      fields.flatMap(([{ name, senml }, value]) =>
        senml === undefined
          ? []
          : [[name, { value: Number((Number(value) * senml.scale).toPrecision(12)), unit: senml.u }]],
      ),
    ),
  };
}

/** Bytes as `hexdump -C` shows them, 16 a line. */
export function dumpLines(bytes: Uint8Array): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const part = bytes.subarray(at, at + 16);
    const ascii = [...part].map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${hex(part).padEnd(47)}  |${ascii}|`);
  }
  return lines;
}

/** The summary at the end. */
export function countersText(counters: MonitorCounters, seconds: number, reconnections: number): string {
  const errors = errorCount(counters);
  const byReason = Object.entries(counters.damaged)
    .filter(([reason, count]) => count > 0 && reason !== 'cut')
    .map(([reason, count]) => `${count} ${reason}`);
  const parts = [
    `${counters.frames} frames`,
    `${errors} errors${byReason.length > 0 ? ` (${byReason.join(', ')})` : ''}`,
    `${counters.lost} lost`,
    ...(counters.duplicates > 0 ? [`${counters.duplicates} duplicates`] : []),
    ...(counters.damaged.cut > 0 ? [`${counters.damaged.cut} cut`] : []),
    `${counters.bytes} bytes in ${seconds.toFixed(1)} s`,
    ...(reconnections > 0 ? [`${reconnections} reconnections`] : []),
  ];
  return parts.join('; ');
}
