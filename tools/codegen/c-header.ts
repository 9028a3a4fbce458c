/**
 * Writes firmware/link/messages.gen.h, the C side of host/link/messages.ts: constants, a struct per message, and
 * functions that pack it into a payload and unpack it again. Header, CRC and COBS are not its business (frame.c).
 *
 * The C moves single bytes only, so it runs unchanged on the MSP430 (no unaligned words) and on the host compiler.
 */
import {
  capabilities,
  effects,
  events,
  type FieldDefinition,
  leds,
  ledTests,
  MAX_PAYLOAD,
  type MessageDefinition,
  messages,
  PROTOCOL_VERSION,
  probeKinds,
  resetCauses,
  statuses,
} from '../../host/link/messages.ts';

/** The messages as plain definitions, in table order. */
export const definitions: readonly (readonly [string, MessageDefinition])[] = Object.entries(messages);

/** The tables of named values, with the prefix that their names have in C. */
export const enumerations = [
  { table: 'probeKinds', prefix: 'LINK_KIND', doc: 'Kinds of probes.', values: probeKinds },
  { table: 'capabilities', prefix: 'LINK_CAP', doc: 'Bits of hello.capabilities.', values: capabilities, hexDigits: 4 },
  { table: 'resetCauses', prefix: 'LINK_RESET', doc: 'Why the probe last started.', values: resetCauses },
  { table: 'statuses', prefix: 'LINK_STATUS', doc: 'ack.status: what became of a command.', values: statuses },
  { table: 'events', prefix: 'LINK_EVENT', doc: 'event.event.', values: events },
  { table: 'leds', prefix: 'LINK_LED', doc: 'set_color.leds: bits.', values: leds },
  { table: 'effects', prefix: 'LINK_EFFECT', doc: 'set_color.effect.', values: effects },
  { table: 'ledTests', prefix: 'LINK_TEST', doc: 'led_test.test.', values: ledTests },
] as const;

const cTypes = { u8: 'uint8_t', i8: 'int8_t', u16: 'uint16_t', i16: 'int16_t', u32: 'uint32_t' } as const;
const sizes = { u8: 1, i8: 1, u16: 2, i16: 2, u32: 4 } as const;

/** Names that C keeps for itself. */
const reserved: Record<string, string> = { register: 'reg' };

/** The C name of a field: `timeMs` becomes `time_ms`, `register` becomes `reg`. */
export function cName(field: FieldDefinition): string {
  return reserved[field.name] ?? snakeCase(field.name);
}

/** What a field means, with the C names of the constants that it takes. */
function cDoc(field: FieldDefinition): string {
  const e = enumerations.find(({ table }) => new RegExp(`\\b${table}$`).test(field.doc));
  return e ? field.doc.replace(e.table, `${e.prefix}_*`) : field.doc;
}

/** `timeMs` becomes `time_ms`. */
function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function isBytes(field: FieldDefinition): field is FieldDefinition & { type: 'bytes' | 'data' } {
  return field.type === 'bytes' || field.type === 'data';
}

/** Bytes that a field takes at least (a `data` field may be empty). */
export function minimumSize(field: FieldDefinition): number {
  if (field.type === 'data') return 0;
  return isBytes(field) ? field.length! : sizes[field.type as keyof typeof sizes];
}

export function payloadLength(message: MessageDefinition): number {
  return message.fields.reduce((sum, field) => sum + minimumSize(field), 0);
}

export function dataField(message: MessageDefinition): FieldDefinition | undefined {
  return message.fields.find((field) => field.type === 'data');
}

/** The whole header. */
export function messagesHeader(): string {
  for (const [name, message] of definitions) checkDefinition(name, message);
  return [preamble, constants(), accessors, ...definitions.map(([name, m]) => messageCode(name, m)), '#endif\n'].join(
    '\n',
  );
}

function checkDefinition(name: string, message: MessageDefinition): void {
  const longest = payloadLength(message) + (dataField(message)?.length ?? 0);
  if (longest > MAX_PAYLOAD) throw new Error(`${name}: ${longest} bytes do not fit into MAX_PAYLOAD ${MAX_PAYLOAD}`);
  const at = message.fields.findIndex((field) => field.type === 'data');
  if (at >= 0 && at !== message.fields.length - 1) throw new Error(`${name}: a data field must be the last`);
  if (message.type < 1 || message.type > 63) throw new Error(`${name}: type ${message.type} does not fit into 6 bits`);
  const twin = definitions.find(([other, m]) => other !== name && m.type === message.type);
  if (twin) throw new Error(`${name} and ${twin[0]} have the same type ${message.type}`);
}

const preamble = `/*
 * Generated from host/link/messages.ts by tools/codegen (make codegen). Do not edit.
 *
 * The link messages (docs/link-protocol.md): constants, one struct per message, and functions that move a struct into
 * a payload and back. link_pack_X returns the length of the payload. link_unpack_X returns 1, or 0 when the payload is
 * too short; a longer one is accepted and the rest ignored, except that a data field takes what is there and fails
 * when that is more than it holds. Messages without fields have a type and a length only.
 */
#ifndef LINK_MESSAGES_GEN_H
#define LINK_MESSAGES_GEN_H

#include <stdint.h>
`;

function define(name: string, value: string, doc?: string): string {
  const text = `#define ${name} ${value}`;
  return doc === undefined ? text : `${text.padEnd(40)} /* ${doc} */`;
}

function constants(): string {
  const lines = [
    '/* Packet: version << 6 | type, sequence (2), payload, CRC (2); then COBS and a 0x00. */',
    define('LINK_PROTOCOL_VERSION', `${PROTOCOL_VERSION}u`),
    define('LINK_VERSION_SHIFT', '6u'),
    define('LINK_TYPE_MASK', '0x3fu'),
    define('LINK_HEADER_LENGTH', '3u'),
    define('LINK_CRC_LENGTH', '2u'),
    define('LINK_MAX_PAYLOAD', `${MAX_PAYLOAD}u`),
    define('LINK_MAX_PACKET', `${MAX_PAYLOAD + 5}u`, 'header, payload, CRC'),
    define('LINK_MAX_WIRE', `${MAX_PAYLOAD + 7}u`, 'with the COBS code byte and the delimiter'),
    '',
    '/* Message types. */',
    ...definitions.map(([name, m]) => define(`LINK_MSG_${name.toUpperCase()}`, `${m.type}u`, arrow(m))),
    '',
    '/* Payload lengths, without the bytes of a data field. */',
    ...definitions.map(([name, m]) => define(`LINK_LENGTH_${name.toUpperCase()}`, `${payloadLength(m)}u`)),
    '',
    '/* Most bytes of a data field. */',
    ...definitions.flatMap(([name, m]) => {
      const data = dataField(m);
      return data
        ? [define(`LINK_MAX_${name.toUpperCase()}_${snakeCase(data.name).toUpperCase()}`, `${data.length}u`)]
        : [];
    }),
    '',
  ];
  for (const e of enumerations) {
    lines.push(`/* ${e.doc} */`);
    for (const [name, value] of Object.entries(e.values)) {
      const digits = 'hexDigits' in e ? `0x${value.toString(16).padStart(e.hexDigits, '0')}u` : `${value}u`;
      lines.push(define(`${e.prefix}_${name.toUpperCase()}`, digits));
    }
    lines.push('');
  }
  return lines.join('\n');
}

function arrow(message: MessageDefinition): string {
  return message.direction === 'up' ? 'probe to host' : 'host to probe';
}

const accessors = `static inline void link_put_u16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static inline void link_put_u32(uint8_t *at, uint32_t value)
{
    link_put_u16(at, (uint16_t)value);
    link_put_u16(at + 2, (uint16_t)(value >> 16));
}

static inline uint16_t link_get_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] | ((uint16_t)at[1] << 8));
}

static inline uint32_t link_get_u32(const uint8_t *at)
{
    return link_get_u16(at) | ((uint32_t)link_get_u16(at + 2) << 16);
}

static inline void link_copy(uint8_t *to, const uint8_t *from, uint8_t length)
{
    while (length-- > 0) {
        *to++ = *from++;
    }
}
`;

function messageCode(name: string, message: MessageDefinition): string {
  const title = `/* ${name} (${arrow(message)}): ${message.doc}. */`;
  if (message.fields.length === 0) return `${wrapComment(title)}\n/* No payload. */\n`;
  return [wrapComment(title), struct(name, message), '', pack(name, message), '', unpack(name, message), ''].join('\n');
}

/** Breaks a one-line comment that is longer than 100 columns. */
function wrapComment(comment: string): string {
  if (comment.length <= 100) return comment;
  const lines = ['/*'];
  let line = ' *';
  for (const word of comment.slice(3, -3).split(' ')) {
    if (line.length + 1 + word.length > 98) {
      lines.push(line);
      line = ' *';
    }
    line += ` ${word}`;
  }
  return [...lines, line, ' */'].join('\n');
}

function struct(name: string, message: MessageDefinition): string {
  const lines = message.fields.flatMap((field) => {
    const c = cName(field);
    const doc = `/* ${cDoc(field)} */`;
    if (!isBytes(field)) return [`    ${cTypes[field.type as keyof typeof cTypes]} ${c}; ${doc}`];
    const array = `    uint8_t ${c}[${field.length}]; ${doc}`;
    return field.type === 'data' ? [`    uint8_t ${c}_length; /* bytes of ${c} */`, array] : [array];
  });
  return [`struct link_${name} {`, ...lines, '};'].join('\n');
}

function pack(name: string, message: MessageDefinition): string {
  const lines: string[] = [];
  const data = dataField(message);
  if (data) {
    const given = `m->${cName(data)}_length`;
    lines.push(`    uint8_t length = ${given} <= ${data.length}u ? ${given} : ${data.length}u;`, '');
  }
  let offset = 0;
  for (const field of message.fields) {
    const c = cName(field);
    const at = offset === 0 ? 'payload' : `payload + ${offset}`;
    if (field.type === 'data') lines.push(`    link_copy(${at}, m->${c}, length);`);
    else if (field.type === 'bytes') lines.push(`    link_copy(${at}, m->${c}, ${field.length}u);`);
    else if (minimumSize(field) === 1) lines.push(`    payload[${offset}] = ${castTo(field, `m->${c}`)};`);
    else if (field.type === 'u32') lines.push(`    link_put_u32(${at}, m->${c});`);
    else lines.push(`    link_put_u16(${at}, ${castTo(field, `m->${c}`)});`);
    offset += minimumSize(field);
  }
  const macro = `LINK_LENGTH_${name.toUpperCase()}`;
  const result = data ? `(uint8_t)(${macro} + length)` : macro;
  return [
    `static inline uint8_t link_pack_${name}(uint8_t *payload, const struct link_${name} *m)`,
    '{',
    ...lines,
    `    return ${result};`,
    '}',
  ].join('\n');
}

function unpack(name: string, message: MessageDefinition): string {
  const macro = `LINK_LENGTH_${name.toUpperCase()}`;
  const data = dataField(message);
  const tooLong = data ? ` || length > ${macro} + ${data.length}u` : '';
  const short = payloadLength(message) === 0 ? '0' : `length < ${macro}`;
  const lines = [`    if (${short}${tooLong}) {`, '        return 0;', '    }'];
  let offset = 0;
  for (const field of message.fields) {
    const c = cName(field);
    const at = offset === 0 ? 'payload' : `payload + ${offset}`;
    if (field.type === 'data') {
      lines.push(`    m->${c}_length = (uint8_t)(length - ${macro});`);
      lines.push(`    link_copy(m->${c}, ${at}, m->${c}_length);`);
    } else if (field.type === 'bytes') lines.push(`    link_copy(m->${c}, ${at}, ${field.length}u);`);
    else if (minimumSize(field) === 1) lines.push(`    m->${c} = ${castFrom(field, `payload[${offset}]`)};`);
    else if (field.type === 'u32') lines.push(`    m->${c} = link_get_u32(${at});`);
    else lines.push(`    m->${c} = ${castFrom(field, `link_get_u16(${at})`)};`);
    offset += minimumSize(field);
  }
  return [
    `static inline uint8_t link_unpack_${name}(const uint8_t *payload, uint8_t length, struct link_${name} *m)`,
    '{',
    ...lines,
    '    return 1;',
    '}',
  ].join('\n');
}

function castTo(field: FieldDefinition, expression: string): string {
  return field.type.startsWith('i') ? `(uint${8 * minimumSize(field)}_t)${expression}` : expression;
}

function castFrom(field: FieldDefinition, expression: string): string {
  return field.type.startsWith('i') ? `(${cTypes[field.type as keyof typeof cTypes]})${expression}` : expression;
}
