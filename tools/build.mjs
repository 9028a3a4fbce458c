// Builds dist/: JavaScript and type declarations of host/ and cloud/ (tsc), the addon (build-native.mjs) and the pages
// (build-web.mjs).
// By itself: node tools/build.mjs [OUTPUT FOLDER]
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildNative } from './build-native.mjs';
import { buildWeb } from './build-web.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
if (!existsSync(join(root, 'node_modules/typescript'))) process.exit(0); // an installed package: dist/ came with it

const outdir = resolve(process.argv[2] ?? join(root, 'dist'));
const compiler = join(root, 'node_modules/typescript/bin/tsc');
const tsc = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json', '--outDir', outdir], {
  cwd: root,
  stdio: 'inherit',
});
if (tsc.status !== 0) process.exit(tsc.status ?? 1);
nameDeclarations(outdir);
buildNative(outdir);

await buildWeb(join(outdir, 'cloud/web'));

/** The compiler rewrites `./x.ts` to `./x.js` in JavaScript only; declarations must not name files that are not published. */
function nameDeclarations(folder) {
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.d.ts')) continue;
    const path = join(folder, file);
    const text = readFileSync(path, 'utf8');
    const named = text.replace(/((?:\bfrom|\bimport)\s*\(?\s*['"]\.{1,2}\/[^'"]+)\.ts(?=['"])/g, '$1.js');
    if (named !== text) writeFileSync(path, named);
  }
}
