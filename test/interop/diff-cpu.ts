/**
 * `npm run diff:cpu -- --instructions 1000000 [--seed N] [--execution both|interpreted] [--json] [--out FOLDER]`: Earl's
 * CPU against `mspdebug sim`. With `both`, the default, compiled code runs every program too and has to agree with what
 * was compared.
 *
 * Progress goes to stderr; the last line of stdout is {"instructions":…,"differences":…,"seed":…,"execution":…,
 * "compiled_instructions":…}. Minimal failing programs are written as TI-TXT to the folder. Exit code 0 without differences, 1 with, 2 for wrong options, 3 without
 * mspdebug.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runCampaign } from './diff-campaign.ts';
import { mspdebugMissing } from './mspdebug-sim.ts';

const progressInstructions = 100_000;

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) {
    console.error(`--${name} needs a whole number from 1 up, not ${text}`);
    process.exit(2);
  }
  return value;
}

const { values } = parseArgs({
  options: {
    instructions: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(Date.now() & 0x7fffffff) },
    execution: { type: 'string', default: 'both' },
    out: { type: 'string', default: 'diff-cpu-failures' },
    json: { type: 'boolean', default: false },
  },
});
const instructions = wholeNumber('instructions', values.instructions);
const seed = wholeNumber('seed', values.seed);
const execution = values.execution;
if (execution !== 'both' && execution !== 'interpreted') {
  console.error(`--execution needs both or interpreted, not ${execution}`);
  process.exit(2);
}
const missing = mspdebugMissing();
if (missing !== undefined) {
  console.error(missing);
  process.exit(3);
}

console.error(`seed ${seed}, ${instructions} instructions`);
const started = performance.now();
let told = 0;
const result = await runCampaign({
  instructions,
  seed,
  execution,
  progress: (count) => {
    if (count < told + progressInstructions) return;
    told = count;
    console.error(`${count} instructions, ${Math.round((performance.now() - started) / 1000)} s`);
  },
});
for (const [index, { message, program }] of result.failures.entries()) {
  mkdirSync(values.out, { recursive: true });
  const file = join(values.out, `${seed}-${index + 1}.txt`);
  writeFileSync(file, program);
  console.error(`${message}\n  minimal program: ${file}`);
}
const summary = {
  instructions: result.instructions,
  differences: result.failures.length,
  seed,
  execution,
  compiled_instructions: result.compiledInstructions,
};
console.log(
  values.json
    ? JSON.stringify(summary)
    : `${summary.instructions} instructions compared, ${summary.compiled_instructions} more run by compiled code, ` +
        `${summary.differences} differences, seed ${seed}`,
);
process.exitCode = result.failures.length === 0 ? 0 : 1;
