/** What was generated is current, compiles without warnings for the host, and moves the golden vectors both ways. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { messages } from '../../host/link/messages.ts';
import siphash from '../../test/vectors/siphash.json' with { type: 'json' };
import { invalidVectors, toleratedVectors, validVectors } from '../../test/vectors/vectors.ts';
import { messagesHeader } from './c-header.ts';
import { siphashHeader } from './c-siphash.ts';
import { vectorsHeader } from './c-vectors.ts';
import { messageTables } from './doc-tables.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

test('the committed files are current', () => {
  expect(read('firmware/link/messages.gen.h')).toBe(messagesHeader());
  expect(read('firmware/test/vectors.gen.h')).toBe(vectorsHeader());
  expect(read('firmware/test/siphash.gen.h')).toBe(siphashHeader(siphash));
  expect(read('docs/link-protocol.md')).toContain(messageTables());
});

test('--check says which file is stale, and exits 1', () => {
  const folder = mkdtempSync(join(tmpdir(), 'earl-codegen-'));
  const script = join(root, 'tools/run.mjs');
  const file = join(root, 'tools/codegen/messages-header.ts');
  const check = spawnSync(process.execPath, [script, file, '--check'], { cwd: folder, encoding: 'utf8' });
  expect(check.status).toBe(1);
  expect(check.stderr).toContain('firmware/link/messages.gen.h');
  expect(check.stderr).toContain('run make codegen');
  rmSync(folder, { recursive: true });
});

test('every message has its constants', () => {
  const header = messagesHeader();
  for (const [name, { type }] of Object.entries(messages)) {
    expect(header).toMatch(new RegExp(`#define LINK_MSG_${name.toUpperCase()} ${type}u\\b`));
    expect(header).toMatch(new RegExp(`#define LINK_LENGTH_${name.toUpperCase()} \\d+u\\b`));
  }
});

const compiler = ['cc', 'gcc', 'clang'].find((name) => spawnSync(name, ['--version']).status === 0);

const program = `#include <stdio.h>
#include "vectors.gen.h"
int main(void)
{
    unsigned bad = 0;
    for (unsigned i = 0; i < LINK_VECTOR_COUNT(link_valid_vectors); i++) {
        const struct link_vector *v = &link_valid_vectors[i];
        const uint8_t *payload = v->packet + LINK_HEADER_LENGTH;
        uint8_t packed[LINK_MAX_PAYLOAD];
        uint8_t length = v->pack(packed);
        bad += length + LINK_HEADER_LENGTH + LINK_CRC_LENGTH != v->packet_length;
        bad += memcmp(packed, payload, length) != 0;
        bad += !v->matches(payload, length);
    }
    for (unsigned i = 0; i < LINK_VECTOR_COUNT(link_tolerated_vectors); i++) {
        const struct link_vector *v = &link_tolerated_vectors[i];
        bad += !v->matches(v->packet + LINK_HEADER_LENGTH,
                           (uint8_t)(v->packet_length - LINK_HEADER_LENGTH - LINK_CRC_LENGTH));
    }
    printf("%u %u %u %u", (unsigned)LINK_VECTOR_COUNT(link_valid_vectors),
           (unsigned)LINK_VECTOR_COUNT(link_tolerated_vectors), (unsigned)LINK_VECTOR_COUNT(link_invalid_vectors), bad);
    return 0;
}
`;

describe.skipIf(compiler === undefined)('in C', () => {
  test('pack and unpack agree with every golden vector', () => {
    const folder = mkdtempSync(join(tmpdir(), 'earl-codegen-'));
    const source = join(folder, 'vectors.c');
    const binary = join(folder, 'vectors');
    writeFileSync(source, program);
    const warnings = ['-Wall', '-Wextra', '-Wpedantic', '-Wconversion', '-Werror'];
    const include = ['-I', join(root, 'firmware/test')];
    const built = spawnSync(compiler!, ['-std=c11', ...warnings, ...include, source, '-o', binary], {
      encoding: 'utf8',
    });
    expect(built.stderr).toBe('');
    const counts = [validVectors.length, toleratedVectors.length, invalidVectors.length, 0].join(' ');
    expect(spawnSync(binary, { encoding: 'utf8' }).stdout).toBe(counts);
    rmSync(folder, { recursive: true });
  });
});
