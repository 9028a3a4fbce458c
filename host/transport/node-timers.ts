/** Node's clock and timers for what is paced in real time. */

import type { Timers } from '../emulator/index.ts';

export const nodeTimers: Timers = {
  now: () => performance.now(),
  after: (ms, run) => {
    // setTimeout(0) waits a millisecond; what is due now runs after pending input and output.
    if (ms <= 0) {
      const immediate = setImmediate(run);
      return () => clearImmediate(immediate);
    }
    const timeout = setTimeout(run, ms);
    return () => clearTimeout(timeout);
  },
};
