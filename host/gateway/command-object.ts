/**
 * Turns a command object from the cloud into a link command, or says precisely what is wrong with it.
 *
 * A command object has a `name` and every field of that message in host/link/messages.ts; bytes are arrays of numbers.
 * Nothing is rounded, clipped or filled in: what reaches the probe is what was asked for.
 */

import type { CommandObject, Json } from '../../cloud/protocol/messages.ts';
import { EarlError } from '../../errors/index.ts';
import { type Command, type FieldDefinition, type MessageDefinition, messages } from '../link/index.ts';

const definitions: Readonly<Record<string, MessageDefinition>> = messages;

const ranges: Readonly<Record<string, readonly [number, number]>> = {
  u8: [0, 0xff],
  i8: [-0x80, 0x7f],
  u16: [0, 0xffff],
  i16: [-0x8000, 0x7fff],
  u32: [0, 0xffff_ffff],
};

/**
 * The gateway's own: a greeting, and the question for a proof. Whoever might have a probe answer a nonce of his choice could
 * pass the answer off as his.
 */
const reserved: readonly string[] = ['hello_request', 'authenticate'];

/** Names of the commands that a probe may be sent. */
export const commandNames: readonly string[] = Object.entries(definitions)
  .filter(([name, { direction }]) => direction === 'down' && !reserved.includes(name))
  .map(([name]) => name);

/** Throws `COMMAND_UNKNOWN` (no such name) or `COMMAND_BAD_FIELD` (a field is missing, unknown or out of range). */
export function decodeCommand(object: CommandObject): Command {
  const name: unknown = object?.name;
  if (typeof name !== 'string' || !commandNames.includes(name)) {
    throw new EarlError('COMMAND_UNKNOWN', `unknown command ${JSON.stringify(name)}: use ${commandNames.join(', ')}`);
  }
  const { fields } = definitions[name]!;
  const command: Record<string, unknown> = { name };
  for (const field of fields) command[field.name] = decodeField(name, field, object[field.name]);
  for (const key of Object.keys(object)) {
    if (key !== 'name' && !fields.some((field) => field.name === key)) {
      const known = fields.map((field) => field.name).join(', ') || 'none';
      throw new EarlError('COMMAND_BAD_FIELD', `${name} has no field "${key}"; its fields: ${known}`);
    }
  }
  return command as Command;
}

function decodeField(name: string, field: FieldDefinition, value: Json | undefined): number | Uint8Array {
  const accepted =
    field.type === 'bytes' || field.type === 'data' ? decodeBytes(field, value) : decodeNumber(field, value);
  if (accepted !== undefined) return accepted;
  const what = value === undefined ? 'is missing' : `cannot be ${JSON.stringify(value)}`;
  throw new EarlError('COMMAND_BAD_FIELD', `${name}: ${field.name} ${what}; it is ${shape(field)} (${field.doc})`);
}

function decodeNumber(field: FieldDefinition, value: Json | undefined): number | undefined {
  const [least, most] = ranges[field.type]!;
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most ? value : undefined;
}

function decodeBytes(field: FieldDefinition, value: Json | undefined): Uint8Array | undefined {
  if (!Array.isArray(value)) return undefined;
  const length = field.length ?? 0;
  if (field.type === 'bytes' ? value.length !== length : value.length > length) return undefined;
  const isByte = (item: Json) => typeof item === 'number' && Number.isInteger(item) && item >= 0 && item <= 0xff;
  return value.every(isByte) ? Uint8Array.from(value as number[]) : undefined;
}

function shape(field: FieldDefinition): string {
  if (field.type === 'bytes') return `an array of ${field.length} bytes`;
  if (field.type === 'data') return `an array of at most ${field.length} bytes`;
  const [least, most] = ranges[field.type]!;
  return `an integer from ${least} to ${most}`;
}
