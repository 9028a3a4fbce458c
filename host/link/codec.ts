/**
 * The link's upper half: typed messages to payloads and back, driven by the tables in messages.ts.
 *
 * Fields may be appended to a message without a new version: what follows the known fields is ignored. A `data` field
 * takes the rest of its payload, and more than it holds is malformed.
 */

import { EarlError } from '../../errors/index.ts';
import type { Packet } from './framer.ts';
import { type FieldDefinition, type Message, type MessageDefinition, type MessageName, messages } from './messages.ts';

/** Why a good packet is no message: a type that nobody defined, or a payload that does not fit its table. */
export type PayloadError = 'unknown_type' | 'short_payload' | 'long_data';

interface Entry {
  readonly name: MessageName;
  readonly definition: MessageDefinition;
}

const entries: readonly Entry[] = Object.entries(messages).map(([name, definition]) => ({
  name: name as MessageName,
  definition,
}));
const byType = new Map(entries.map((entry) => [entry.definition.type, entry]));

type IntegerType = Exclude<FieldDefinition['type'], 'bytes' | 'data'>;

interface IntegerLayout {
  readonly size: number;
  readonly least: number;
  readonly most: number;
}

/** Size and range of the integer field types. */
export const integerLayouts: Readonly<Record<IntegerType, IntegerLayout>> = {
  u8: { size: 1, least: 0, most: 0xff },
  i8: { size: 1, least: -0x80, most: 0x7f },
  u16: { size: 2, least: 0, most: 0xffff },
  i16: { size: 2, least: -0x8000, most: 0x7fff },
  u32: { size: 4, least: 0, most: 0xffff_ffff },
};

/**
 * Encodes a message: type and payload of its packet.
 * Throws `LINK_BAD_FIELD` when a field is missing, out of range or of the wrong length.
 */
export function encodeMessage(message: Message): Pick<Packet, 'type' | 'payload'> {
  const definition: MessageDefinition = messages[message.name];
  const values = message as unknown as Record<string, unknown>;
  const payload: number[] = [];
  for (const field of definition.fields) pushField(payload, message.name, field, values[field.name]);
  return { type: definition.type, payload: Uint8Array.from(payload) };
}

function pushField(payload: number[], name: string, field: FieldDefinition, value: unknown): void {
  if (field.type === 'bytes' || field.type === 'data') {
    const most = field.length!;
    const fits = value instanceof Uint8Array && (field.type === 'data' ? value.length <= most : value.length === most);
    if (!fits) badField(name, field, `${field.type === 'data' ? 'at most ' : ''}${most} bytes`);
    payload.push(...value);
    return;
  }
  const { size, least, most } = integerLayouts[field.type];
  const fits = typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
  if (!fits) badField(name, field, `an integer from ${least} to ${most}`);
  for (let shift = 0; shift < 8 * size; shift += 8) payload.push((value >> shift) & 0xff);
}

function badField(name: string, field: FieldDefinition, expected: string): never {
  throw new EarlError('LINK_BAD_FIELD', `${name}.${field.name} must be ${expected} (${field.doc})`);
}

/** Decodes a packet. Its sequence number is not looked at. */
export function decodeMessage({ type, payload }: Pick<Packet, 'type' | 'payload'>): Message | PayloadError {
  const entry = byType.get(type);
  if (entry === undefined) return 'unknown_type';
  const message: Record<string, unknown> = { name: entry.name };
  let at = 0;
  for (const field of entry.definition.fields) {
    const size = fieldSize(field, payload.length - at);
    if (size > (field.type === 'data' ? field.length! : payload.length - at)) {
      return field.type === 'data' ? 'long_data' : 'short_payload';
    }
    const bytes = payload.subarray(at, at + size);
    message[field.name] = field.type === 'bytes' || field.type === 'data' ? bytes.slice() : integer(bytes, field.type);
    at += size;
  }
  return message as unknown as Message;
}

function fieldSize(field: FieldDefinition, rest: number): number {
  if (field.type === 'data') return rest;
  return field.type === 'bytes' ? field.length! : integerLayouts[field.type].size;
}

function integer(bytes: Uint8Array, type: IntegerType): number {
  const unsigned = bytes.reduceRight((value, byte) => value * 256 + byte, 0);
  const { most } = integerLayouts[type];
  return unsigned > most ? unsigned - 2 ** (8 * bytes.length) : unsigned;
}
