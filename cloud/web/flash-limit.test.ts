import { describe, expect, it } from 'vitest';
import { FlashLimiter } from './flash-limit.ts';

const FRAME_SECONDS = 1 / 60;

/** Most turns of the shown luminance in any second, two turns being a flash. */
function mostTurns(luminances: (t: number) => number[], seconds: number): number {
  const first = luminances(0);
  const limiter = new FlashLimiter(first.length);
  const turns: number[] = [];
  let shown = first.map(() => 0);
  let directions = first.map(() => 0);
  for (let t = 0; t < seconds; t += FRAME_SECONDS) {
    const wanted = luminances(t);
    if (!limiter.allow(wanted, t)) continue;
    const now = wanted.map((value, index) => Math.sign(value - shown[index]!) || directions[index]!);
    if (now.some((direction, index) => direction !== directions[index])) turns.push(t);
    [shown, directions] = [wanted, now];
  }
  return Math.max(...turns.map((from) => turns.filter((turn) => turn >= from && turn < from + 1).length));
}

describe('FlashLimiter', () => {
  it('allows three flashes a second, six turns, however fast the light blinks', () => {
    for (const hz of [3.5, 5, 7.8, 15, 30]) {
      expect(
        mostTurns((t) => [Math.floor(2 * hz * t) % 2], 5),
        `${hz} Hz`,
      ).toBeLessThanOrEqual(6);
    }
  });

  it('counts two lamps in opposite phase as one picture', () => {
    expect(mostTurns((t) => [Math.floor(10 * t) % 2, Math.floor(10 * t + 0.5) % 2], 5)).toBeLessThanOrEqual(6);
  });

  it('lets a slow blink and a fade pass unchanged', () => {
    const limiter = new FlashLimiter(1);
    for (let t = 0; t < 4; t += FRAME_SECONDS) {
      const level = 1 - Math.abs(1 - (t % 2));
      expect(limiter.allow([level], t), `at ${t}`).toBe(true);
    }
  });

  it('shows the present state as soon as it may', () => {
    const limiter = new FlashLimiter(1);
    expect(limiter.allow([1], 0)).toBe(true);
    expect(limiter.allow([0], 0.1)).toBe(false);
    expect(limiter.allow([0], 0.17)).toBe(true);
  });
});
