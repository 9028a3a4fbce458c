/**
 * Writes firmware/test/vectors.gen.h: the golden vectors of test/vectors/messages.json as C tables, so that the
 * firmware's codec is tested on the host compiler with the bytes that the TypeScript codec is tested with.
 */
import { type FieldDefinition, type MessageDefinition, messages } from '../../host/link/messages.ts';
import {
  type InvalidVector,
  invalidVectors,
  type MessageVector,
  toleratedVectors,
  validVectors,
} from '../../test/vectors/vectors.ts';
import { cName } from './c-header.ts';

const preamble = `/*
 * Generated from test/vectors/messages.json by tools/codegen (make codegen). Do not edit.
 *
 * Golden vectors of the link protocol for tests on the host compiler. pack writes the vector's message into a payload
 * and returns the length; matches unpacks a payload and returns 1 when every field has the vector's value.
 */
#ifndef LINK_VECTORS_GEN_H
#define LINK_VECTORS_GEN_H

#include <stdint.h>
#include <string.h>

#include "../link/messages.gen.h"

struct link_vector {
    const char *title;
    uint8_t type;
    uint16_t sequence;
    const uint8_t *packet; /* header, payload, CRC */
    uint8_t packet_length;
    const uint8_t *wire; /* COBS and the delimiter */
    uint8_t wire_length;
    uint8_t (*pack)(uint8_t *payload);
    uint8_t (*matches)(const uint8_t *payload, uint8_t length);
};

/* The first four are the framer's, the others the codec's. */
enum link_vector_error {
    LINK_ERROR_COBS,
    LINK_ERROR_LENGTH,
    LINK_ERROR_CRC,
    LINK_ERROR_VERSION,
    LINK_ERROR_UNKNOWN_TYPE,
    LINK_ERROR_SHORT_PAYLOAD,
    LINK_ERROR_LONG_DATA,
};

struct link_invalid_vector {
    const char *title;
    enum link_vector_error error;
    const uint8_t *wire;
    uint16_t wire_length;
};

#define LINK_VECTOR_COUNT(table) (sizeof(table) / sizeof(table)[0])
`;

/** The whole header. */
export function vectorsHeader(): string {
  return [
    preamble,
    ...validVectors.map((vector, index) => vectorCode(`valid_${index}`, vector)),
    ...toleratedVectors.map((vector, index) => vectorCode(`tolerated_${index}`, vector)),
    ...invalidVectors.map(({ title, wire }, index) => `/* ${title} */\n${array(`invalid_${index}_wire`, wire)}\n`),
    '/* Encode to these bytes and decode from them. */',
    table(
      'link_vector',
      'link_valid_vectors',
      validVectors.map((vector, index) => row(`valid_${index}`, vector)),
    ),
    '/* Decode only: bytes were appended to the payload. */',
    table(
      'link_vector',
      'link_tolerated_vectors',
      toleratedVectors.map((v, index) => row(`tolerated_${index}`, v)),
    ),
    '/* Must be refused. */',
    table('link_invalid_vector', 'link_invalid_vectors', invalidVectors.map(invalidRow)),
    '#endif\n',
  ].join('\n');
}

function array(name: string, bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    lines.push(
      `    ${[...bytes.subarray(at, at + 16)].map((b) => `0x${b.toString(16).padStart(2, '0')}`).join(', ')},`,
    );
  }
  return `static const uint8_t ${name}[] = {\n${lines.join('\n')}\n};`;
}

function vectorCode(name: string, { title, message, packet, wire }: MessageVector): string {
  const definition: MessageDefinition = messages[message.name];
  const arrays = [`/* ${title} */`, array(`${name}_packet`, packet), array(`${name}_wire`, wire), ''];
  if (definition.fields.length === 0) return [...arrays, emptyCode(name), ''].join('\n');
  const values = message as unknown as Record<string, number | Uint8Array>;
  const initial = definition.fields.flatMap((field) => initializers(field, values[field.name]!));
  const checks = definition.fields.map((field) => `        && ${comparison(field)}`);
  return [
    ...arrays,
    `static const struct link_${message.name} ${name}_message = {`,
    ...initial.map((line) => `    ${line},`),
    '};',
    '',
    `static inline uint8_t ${name}_pack(uint8_t *payload)`,
    '{',
    `    return link_pack_${message.name}(payload, &${name}_message);`,
    '}',
    '',
    `static inline uint8_t ${name}_matches(const uint8_t *payload, uint8_t length)`,
    '{',
    `    const struct link_${message.name} *expected = &${name}_message;`,
    `    struct link_${message.name} m;`,
    '',
    `    return link_unpack_${message.name}(payload, length, &m)`,
    ...checks.slice(0, -1),
    `${checks.at(-1)};`,
    '}',
    '',
  ].join('\n');
}

function emptyCode(name: string): string {
  return `static inline uint8_t ${name}_pack(uint8_t *payload)
{
    (void)payload;
    return 0;
}

static inline uint8_t ${name}_matches(const uint8_t *payload, uint8_t length)
{
    (void)payload;
    (void)length;
    return 1;
}`;
}

function initializers(field: FieldDefinition, value: number | Uint8Array): string[] {
  const c = cName(field);
  if (typeof value === 'number') return [`.${c} = ${literal(field, value)}`];
  const bytes = value.length === 0 ? '{0}' : `{${[...value].join(', ')}}`;
  return field.type === 'data' ? [`.${c}_length = ${value.length}`, `.${c} = ${bytes}`] : [`.${c} = ${bytes}`];
}

/** A literal that is in range where int has 16 bits. */
function literal(field: FieldDefinition, value: number): string {
  if (field.type === 'u32') return `${value}ul`;
  if (field.type === 'i16' && value === -0x8000) return '-32767 - 1';
  return field.type.startsWith('u') ? `${value}u` : `${value}`;
}

function comparison(field: FieldDefinition): string {
  const c = cName(field);
  if (field.type === 'bytes') return `memcmp(m.${c}, expected->${c}, sizeof m.${c}) == 0`;
  if (field.type !== 'data') return `m.${c} == expected->${c}`;
  return `m.${c}_length == expected->${c}_length && memcmp(m.${c}, expected->${c}, m.${c}_length) == 0`;
}

function row(name: string, { title, sequence, message }: MessageVector): string {
  const type = `LINK_MSG_${message.name.toUpperCase()}`;
  const arrays = ['packet', 'wire'].map((part) => `${name}_${part}, sizeof ${name}_${part}`).join(', ');
  return `    {"${title}", ${type}, ${sequence}u, ${arrays}, ${name}_pack, ${name}_matches},`;
}

function invalidRow({ title, error }: InvalidVector, index: number): string {
  const wire = `invalid_${index}_wire`;
  return `    {"${title}", LINK_ERROR_${error.toUpperCase()}, ${wire}, sizeof ${wire}},`;
}

function table(struct: string, name: string, rows: string[]): string {
  return `static const struct ${struct} ${name}[] = {\n${rows.join('\n')}\n};\n`;
}
