/** Durations as users type them: `250ms`, `2s`, `1.5m`, `1h`; a bare number is seconds. */
import { EarlError } from '../../errors/index.ts';

const unitsMs: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds; throws `USAGE` for anything that is not a finite, non-negative duration. */
export function parseDurationMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h)?$/.exec(text.trim());
  if (match === null) {
    throw new EarlError(
      'USAGE',
      `"${text}" is not a duration: write a number and ms, s, m or h, for example 250ms or 2s`,
    );
  }
  return Number(match[1]) * unitsMs[match[2] ?? 's']!;
}
