/**
 * The 16-bit counter of Timer_A (SLAU144 "Timer Mode Control"): where it is and how far it is to a value.
 *
 * It knows no clock and no flags. `top` is TACCR0, which bounds the counter in up and up/down mode.
 */

export const timerMode = { stop: 0, up: 1, continuous: 2, upDown: 3 } as const;

export class TimerCounter {
  /** MC of TAxCTL. */
  mode: number = timerMode.stop;
  count = 0;
  /** Direction in up/down mode. */
  private down = false;

  clear(): void {
    this.count = 0;
    this.down = false;
  }

  setMode(mode: number): void {
    this.mode = mode;
    if (mode !== timerMode.upDown) this.down = false;
  }

  /** False when no clock edge will change the count: stopped, or at rest with TACCR0 = 0. */
  counting(top: number): boolean {
    if (this.mode === timerMode.stop) return false;
    return this.mode === timerMode.continuous || top !== 0 || this.count !== 0;
  }

  /** Counts after which the counter is where it is now. */
  period(top: number): number {
    if (this.mode === timerMode.continuous) return 0x10000;
    return this.mode === timerMode.up ? top + 1 : Math.max(1, 2 * top);
  }

  /** True once the counter is within its period; above a TACCR0 that was lowered it is not yet. */
  periodic(top: number): boolean {
    return this.mode === timerMode.continuous || this.count <= top;
  }

  /** Counts until the count is `value` again, at least 1; Infinity when it never will be. */
  distanceTo(value: number, top: number): number {
    const { count } = this;
    switch (this.mode) {
      case timerMode.continuous:
        return value > count ? value - count : 0x10000 - count + value;
      case timerMode.up:
        if (top === 0) return value === 0 && count !== 0 ? 1 : Number.POSITIVE_INFINITY;
        if (value > top) return Number.POSITIVE_INFINITY;
        if (count >= top) return 1 + value;
        return value > count ? value - count : top - count + 1 + value;
      default:
        return this.upDownDistance(value, top);
    }
  }

  private upDownDistance(value: number, top: number): number {
    const { count } = this;
    if (top === 0 && count === 0) return Number.POSITIVE_INFINITY;
    if (this.down || count >= top) {
      if (value < count) return count - value;
      return value <= top ? count + value : Number.POSITIVE_INFINITY;
    }
    if (value > top) return Number.POSITIVE_INFINITY;
    return value > count ? value - count : 2 * top - count - value;
  }

  /** Moves by `step` counts, which must not pass 0 or the top; true when it wrapped or came down to 0 (TAIFG). */
  move(step: number, top: number): boolean {
    const before = this.count;
    switch (this.mode) {
      case timerMode.continuous:
        this.count = (before + step) & 0xffff;
        return this.count === 0;
      case timerMode.up:
        this.count = before >= top ? step - 1 : before + step;
        if (this.count > top) this.count -= top + 1;
        else if (before < top) return false;
        return true;
      default:
        return this.moveUpDown(step, top);
    }
  }

  private moveUpDown(step: number, top: number): boolean {
    if (this.count >= top) this.down = true;
    this.count += this.down ? -step : step;
    if (this.down && this.count === 0) {
      this.down = false;
      return true;
    }
    if (this.count >= top) this.down = true;
    return false;
  }
}
