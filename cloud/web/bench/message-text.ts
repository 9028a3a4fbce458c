/** Link messages as a line for people, from the tables in host/link/messages.ts. */

import {
  effects,
  events,
  type Message,
  type MessageDefinition,
  messages,
  probeKinds,
  resetCauses,
  statuses,
} from '../../../host/link/index.ts';

/** Numbers that have names, by field. */
const names: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  kind: probeKinds,
  status: statuses,
  event: events,
  resetCause: resetCauses,
  effect: effects,
};

/** `ack  commandSequence 17, status ok, data 0f 00 07`. */
export function messageText(message: Message): string {
  const { fields }: MessageDefinition = messages[message.name];
  const values = message as unknown as Record<string, number | Uint8Array>;
  return fields.map(({ name }) => `${name} ${valueText(name, values[name]!)}`).join(', ');
}

export function hexBytes(bytes: Iterable<number>): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

/** Reads `41 0d`, `410d`, `0x41,0x0d`; undefined for anything else. */
export function parseBytes(text: string): Uint8Array | undefined {
  const digits = text.replace(/0x/gi, '').replace(/[\s,]+/g, '');
  if (digits.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(digits)) return undefined;
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function valueText(field: string, value: number | Uint8Array): string {
  if (typeof value !== 'number') return value.length === 0 ? '(none)' : hexBytes(value);
  const name = Object.entries(names[field] ?? {}).find(([, number]) => number === value)?.[0];
  return name ?? (field === 'capabilities' ? `0x${value.toString(16).padStart(4, '0')}` : String(value));
}
