// Builds the dashboard (cloud/web): main.js and main.css by esbuild, the page and its style sheet as they are.
// By itself: node tools/build-web.mjs [OUTPUT FOLDER]
import { cpSync, mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const source = join(root, 'cloud/web');

/** Writes the page into a folder. esbuild is loaded here: an installed package comes without it. */
export async function buildWeb(outdir) {
  const { build } = await import('esbuild');
  mkdirSync(outdir, { recursive: true });
  await build({
    entryPoints: [join(source, 'main.ts')],
    outdir,
    bundle: true,
    minify: true,
    sourcemap: true,
    format: 'esm',
    target: 'es2022',
    logLevel: 'warning',
  });
  for (const file of ['index.html', 'style.css']) cpSync(join(source, file), join(outdir, file));
}

if (resolve(argv[1] ?? '') === fileURLToPath(import.meta.url)) {
  await buildWeb(resolve(argv[2] ?? join(root, 'dist/cloud/web')));
}
