#!/usr/bin/env node
// The `earl` command: starts the built CLI, or says how to build it.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const main = new URL('../../dist/host/cli/main.js', import.meta.url);
if (!existsSync(fileURLToPath(main))) {
  console.error('earl: not built yet. Run `make build` (or `npm ci`) in the Earl folder first.');
  process.exit(1);
}
await import(main.href);
