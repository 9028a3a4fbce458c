/**
 * The golden vectors of the link protocol: messages.json, typed and with its hex digits turned into bytes.
 *
 * The JSON was written once, by an implementation that shares no line with Earl's, and is only ever appended to. In it
 * bytes are hex, in `message` without spaces.
 */
import { type Message, type MessageDefinition, messages } from '../../host/link/messages.ts';
import file from './messages.json' with { type: 'json' };

/** A message, its packet (header, payload, CRC) and its frame on the wire. */
export interface MessageVector {
  readonly title: string;
  readonly sequence: number;
  readonly message: Message;
  readonly packet: Uint8Array;
  readonly wire: Uint8Array;
}

/** A frame that must be refused, and the reason. */
export interface InvalidVector {
  readonly title: string;
  readonly wire: Uint8Array;
  readonly error: string;
}

export function bytesOf(hex: string): Uint8Array {
  const digits = hex.replaceAll(' ', '');
  return Uint8Array.from({ length: digits.length / 2 }, (_, at) =>
    Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16),
  );
}

function messageOf(fields: Record<string, string | number>): Message {
  const definition: MessageDefinition = messages[fields['name'] as keyof typeof messages];
  const values = definition.fields.map(({ name }) => {
    const value = fields[name]!;
    return [name, typeof value === 'string' ? bytesOf(value) : value];
  });
  return { name: fields['name'], ...Object.fromEntries(values) } as Message;
}

function vectorOf(entry: (typeof file.valid | typeof file.tolerated)[number]): MessageVector {
  const message = messageOf(entry.message as unknown as Record<string, string | number>);
  return { ...entry, message, packet: bytesOf(entry.packet), wire: bytesOf(entry.wire) };
}

/** Both directions: the message encodes to these bytes and the bytes decode to this message. */
export const validVectors: readonly MessageVector[] = file.valid.map(vectorOf);
/** Decode only: bytes were appended to the payload, as a later firmware may. */
export const toleratedVectors: readonly MessageVector[] = file.tolerated.map(vectorOf);
export const invalidVectors: readonly InvalidVector[] = file.invalid.map((entry) => ({
  ...entry,
  wire: bytesOf(entry.wire),
}));
