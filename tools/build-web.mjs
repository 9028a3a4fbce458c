// Builds the dashboard (cloud/web), the bench (cloud/web/bench) and the Bluetooth page (cloud/web/ble): their scripts and
// uPlot's style sheet by esbuild, the pages and style sheets as they are, and the released images for the bench.
// By itself: node tools/build-web.mjs [OUTPUT FOLDER]
import { cpSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const source = join(root, 'cloud/web');
const images = join(root, 'firmware/dist');

/** Writes the page into a folder. esbuild is loaded here: an installed package comes without it. */
export async function buildWeb(outdir) {
  const { build } = await import('esbuild');
  mkdirSync(outdir, { recursive: true });
  await build({
    entryPoints: [join(source, 'main.ts'), join(source, 'bench/main.ts'), join(source, 'ble/main.ts')],
    outbase: source,
    outdir,
    bundle: true,
    minify: true,
    sourcemap: true,
    format: 'esm',
    target: 'es2022',
    logLevel: 'warning',
  });
  const pages = ['index.html', 'style.css', 'bench/index.html', 'bench/bench.css', 'ble/index.html', 'ble/ble.css'];
  for (const file of pages) {
    cpSync(join(source, file), join(outdir, file));
  }
  for (const file of readdirSync(images).filter((name) => /\.(hex|json)$/.test(name))) {
    cpSync(join(images, file), join(outdir, 'images', file));
  }
}

if (resolve(argv[1] ?? '') === fileURLToPath(import.meta.url)) {
  await buildWeb(resolve(argv[2] ?? join(root, 'dist/cloud/web')));
}
