/**
 * Fails when an import breaks the table of rooms in docs/architecture.md.
 *
 * Reads `from '…'` and `import('…')` of every TypeScript file, resolves relative paths and asks the table whether the
 * importing room may know the imported one. Tests beside a file may import anything of `test/` besides.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

/** Room → what it may import besides itself. The first matching prefix decides; `npm:` entries are packages. */
const table: readonly (readonly [room: string, allowed: readonly string[]])[] = [
  ['errors', []],
  ['firmware', ['errors', 'host/emulator', 'host/link', 'npm:', 'node:']],
  ['host/link', ['errors']],
  ['host/emulator', ['errors', 'npm:nrf-intel-hex']],
  ['cloud/protocol', ['errors']],
  // What belongs to `emu:` stands beside the other transports and is alone in knowing the emulator.
  ['host/transport/emulated', ['errors', 'host/transport', 'host/link', 'host/emulator', 'npm:', 'node:']],
  ['host/transport/firmware-image', ['errors', 'host/transport', 'host/emulator', 'node:']],
  ['host/transport/node-timers', ['host/emulator', 'node:']],
  // The one transport that needs a Bluetooth stack.
  ['host/transport/ble', ['errors', 'host/transport', 'host/link', 'host/radio', 'npm:', 'node:']],
  ['host/transport', ['errors', 'host/link', 'npm:', 'node:']],
  ['host/radio', ['errors', 'npm:', 'node:']],
  ['host/bridge', ['errors', 'host/radio', 'host/emulator', 'host/link', 'node:']],
  ['host/probes', ['errors', 'host/link', 'node:']],
  ['host/flash', ['errors', 'host/link', 'host/transport', 'host/emulator/image', 'npm:', 'node:']],
  ['host/machine', ['errors', 'host/transport', 'node:']],
  [
    'host/gateway',
    ['errors', 'host/link', 'host/transport', 'host/probes', 'cloud/protocol', 'cloud/client', 'npm:', 'node:'],
  ],
  ['host/api', ['errors', 'host/link', 'cloud/client', 'npm:', 'node:']],
  ['host/hil', ['errors', 'host/link', 'host/transport', 'host/emulator', 'npm:', 'node:']],
  [
    'host/cli',
    [
      'errors',
      'host',
      'cloud/server',
      'cloud/workers',
      'cloud/balancer',
      'cloud/client',
      'cloud/protocol',
      'npm:',
      'node:',
    ],
  ],
  ['cloud/web', ['errors', 'cloud/protocol', 'cloud/client', 'host/link', 'host/emulator', 'npm:uplot']],
  ['cloud/native', ['node:']],
  ['cloud', ['errors', 'cloud', 'npm:', 'node:']],
  ['tools', ['errors', 'host', 'cloud', 'test', 'tools', 'npm:', 'node:']],
  ['examples', ['npm:earl-toolkit', 'node:']],
  ['test', ['errors', 'host', 'cloud', 'tools', 'test', 'npm:', 'node:']],
];

/** The room of a file: the longest table entry that its path begins with. */
function roomOf(path: string): readonly [string, readonly string[]] | undefined {
  return table
    .filter(([room]) => path === room || path.startsWith(`${room}/`) || path.startsWith(`${room}.`))
    .sort((a, b) => b[0].length - a[0].length)[0];
}

function importsOf(source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  return [...code.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)'([^']+)'/g)].map((match) => match[1]!);
}

/** What an import names: a path from the root, `node:x` or `npm:x`. */
function targetOf(file: string, specifier: string): string {
  if (specifier.startsWith('.')) return normalize(join(dirname(file), specifier));
  return specifier.startsWith('node:') ? specifier : `npm:${specifier}`;
}

function isAllowed(room: string, allowed: readonly string[], target: string, isTest: boolean): boolean {
  const within = (prefix: string) =>
    target === prefix || target.startsWith(`${prefix}/`) || target.startsWith(`${prefix}.`);
  if (within(room)) return true;
  if (isTest && (target.startsWith('npm:') || target.startsWith('node:') || within('test'))) return true;
  return allowed.some((entry) => (entry.endsWith(':') ? target.startsWith(entry) : within(entry)));
}

const files = execFileSync(
  'git',
  ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts', 'examples/*.mjs'],
  {
    encoding: 'utf8',
  },
)
  .split('\n')
  .filter((file) => file.includes('/'));
const broken: string[] = [];
let count = 0;
for (const file of files) {
  const entry = roomOf(file);
  if (entry === undefined) {
    broken.push(`${file}: stands in no room of the table`);
    continue;
  }
  const [room, allowed] = entry;
  for (const specifier of importsOf(readFileSync(file, 'utf8'))) {
    count++;
    const target = targetOf(file, specifier);
    if (!isAllowed(room, allowed, target, file.endsWith('.test.ts'))) {
      broken.push(`${file}: ${room} may not import ${target}`);
    }
  }
}
if (broken.length > 0) {
  console.error(broken.join('\n'));
  console.error(`imports: ${broken.length} break the table in docs/architecture.md (kept in tools/check/imports.ts)`);
  process.exit(1);
}
console.log(`imports: ${count} imports of ${files.length} files keep to the table`);
