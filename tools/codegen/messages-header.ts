/**
 * Writes what is derived from host/link/messages.ts and the golden vectors, or with --check says what is stale:
 *
 *     node tools/run.mjs tools/codegen/messages-header.ts [--check]
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import siphash from '../../test/vectors/siphash.json' with { type: 'json' };
import { messagesHeader } from './c-header.ts';
import { siphashHeader } from './c-siphash.ts';
import { vectorsHeader } from './c-vectors.ts';
import { withMessageTables } from './doc-tables.ts';

/** What each file should be, given what it is. */
const outputs: Record<string, (present: string | undefined) => string> = {
  'firmware/link/messages.gen.h': messagesHeader,
  'firmware/test/vectors.gen.h': vectorsHeader,
  'firmware/test/siphash.gen.h': () => siphashHeader(siphash),
  'docs/link-protocol.md': withMessageTables,
};

function current(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

const stale = Object.entries(outputs)
  .map(([path, generate]) => [path, current(path), generate(current(path))] as const)
  .filter(([, present, text]) => present !== text);

if (process.argv.includes('--check')) {
  for (const [path] of stale) {
    console.error(
      `${path} is not what host/link/messages.ts and test/vectors give: run make codegen and commit the result`,
    );
  }
  if (stale.length > 0) process.exitCode = 1;
} else {
  for (const [path, , text] of stale) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    console.error(`wrote ${path}`);
  }
}
