/** The machine's clock, for everything in the gateway that takes a `Clock`. */

import type { Clock } from '../link/index.ts';

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
