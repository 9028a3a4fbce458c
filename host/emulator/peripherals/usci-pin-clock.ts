/**
 * UC0CLK, a clock that comes in on a pin, as BRCLK of a UART (SLAU144, "UART Baud Rate Generation": UCSSELx = 0).
 *
 * Nobody knows when its next edge comes: whoever waits for one is told at each. Made only for programs that select it.
 */

import type { ClockDomain } from '../clock-domain.ts';
import type { Pin } from './pin.ts';

interface EdgeUser {
  clockChanged(clock: ClockDomain): void;
}

export class PinClock implements ClockDomain {
  /** Unknown. */
  readonly frequencyHz = 0;
  readonly running = true;
  private edges = 0;
  private users: readonly EdgeUser[] = [];

  constructor(pin: Pin) {
    const fn = pin.attach(3, 'module');
    pin.onChange((level) => {
      if (level === 0 || !fn.selected) return;
      this.edges++;
      for (const user of this.users) user.clockChanged(this);
    });
  }

  ticks(): number {
    return this.edges;
  }

  timeOfTick(tick: number): number {
    return tick <= this.edges ? 0 : Number.POSITIVE_INFINITY;
  }

  onChange(changed: () => void): void {
    this.follow({ clockChanged: changed });
  }

  follow(user: EdgeUser): void {
    this.users = this.users.concat(user);
  }

  /** Nobody on this chip can switch it on. */
  request(): void {}
}
