// Builds dist/: JavaScript and type declarations of host/ and cloud/ (tsc), and the dashboard's bundle (esbuild).
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
if (!existsSync(join(root, 'node_modules/typescript'))) process.exit(0); // an installed package: dist/ came with it

const tsc = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
});
if (tsc.status !== 0) process.exit(tsc.status ?? 1);

const entry = join(root, 'cloud/web/main.ts');
if (existsSync(entry)) {
  const { build } = await import('esbuild');
  const outdir = join(root, 'dist/cloud/web');
  mkdirSync(outdir, { recursive: true });
  await build({
    entryPoints: [entry],
    outdir,
    bundle: true,
    minify: true,
    sourcemap: true,
    format: 'esm',
    target: 'es2022',
    logLevel: 'warning',
  });
  for (const file of ['index.html', 'style.css']) {
    if (existsSync(join(root, 'cloud/web', file))) cpSync(join(root, 'cloud/web', file), join(outdir, file));
  }
}
