/**
 * Keeps a preview below the general flash threshold: no more than three flashes in any second (WCAG 2.2, criterion 2.3.1).
 *
 * A flash is a pair of opposing changes of luminance. Fades pass unchanged; a turn from darker to brighter or back is
 * let through only 1/6 s after the last one, and until then the picture stands still. So there are at most six turns,
 * three flashes, in a second, however fast the LEDs really blink.
 */

const TURN_INTERVAL_SECONDS = 1 / 6;
/** Changes below this are no turn: rounding, not light. */
const LEAST_CHANGE = 1e-6;

export class FlashLimiter {
  private readonly shown: number[];
  private readonly directions: number[];
  private lastTurnSeconds = Number.NEGATIVE_INFINITY;

  /** @param sources how many lights share the picture, and with it the three flashes */
  constructor(sources: number) {
    this.shown = new Array<number>(sources).fill(0);
    this.directions = new Array<number>(sources).fill(0);
  }

  /** True when the picture may change to these luminances (0 to 1) now; false when it has to stay as it is. */
  allow(luminances: readonly number[], nowSeconds: number): boolean {
    const directions = luminances.map((luminance, source) => {
      const change = luminance - this.shown[source]!;
      return Math.abs(change) < LEAST_CHANGE ? this.directions[source]! : Math.sign(change);
    });
    const turns = directions.some((direction, source) => direction !== this.directions[source]);
    if (turns) {
      if (nowSeconds - this.lastTurnSeconds < TURN_INTERVAL_SECONDS) return false;
      this.lastTurnSeconds = nowSeconds;
    }
    for (let source = 0; source < this.shown.length; source++) {
      this.shown[source] = luminances[source] ?? 0;
      this.directions[source] = directions[source] ?? 0;
    }
    return true;
  }
}
