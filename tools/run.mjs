// Runs one TypeScript file of tools/ or test/ without a build: node tools/run.mjs FILE [ARGUMENT ...]
import { mkdirSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { buildNative } from './build-native.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const [file, ...args] = process.argv.slice(2);
if (!file) {
  console.error('usage: node tools/run.mjs FILE [ARGUMENT ...]');
  process.exit(2);
}
const outdir = join(root, 'node_modules/.cache/earl');
mkdirSync(outdir, { recursive: true });
const outfile = join(outdir, `${basename(file, '.ts')}-${process.pid}.mjs`);
await build({
  entryPoints: [resolve(file)],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  packages: 'external',
  sourcemap: 'inline',
  logLevel: 'warning',
});
buildNative();
process.argv = [process.argv[0], resolve(file), ...args];
try {
  await import(pathToFileURL(outfile).href);
} finally {
  rmSync(outfile, { force: true });
}
