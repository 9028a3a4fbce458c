/**
 * The CPU against `mspdebug sim`: random programs and every released image, all registers and RAM after every instruction.
 *
 * EARL_SEED repeats a run, EARL_DIFF_INSTRUCTIONS makes a longer one; `npm run diff:cpu` is the same as a command.
 */

import { describe, expect, it } from 'vitest';
import { runCampaign } from './diff-campaign.ts';
import { mspdebugMissing } from './mspdebug-sim.ts';

const missing = mspdebugMissing();
const seed = Number(process.env.EARL_SEED ?? Date.now() & 0x7fffffff);
const instructions = Number(process.env.EARL_DIFF_INSTRUCTIONS ?? 20_000);

if (missing !== undefined) console.warn(`skipped: comparison with mspdebug sim: ${missing}`);

describe.skipIf(missing !== undefined)('against mspdebug sim', () => {
  it(`does the same, EARL_SEED=${seed}`, { timeout: 3_000_000 }, async () => {
    const result = await runCampaign({ instructions, seed });
    expect(result.failures.map(({ message, program }) => `${message}\n${program}`)).toEqual([]);
    expect(result.instructions).toBeGreaterThanOrEqual(instructions);
  });
});
