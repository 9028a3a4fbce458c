/** The page's clock and timers, for what is paced in real time. */

import type { Timers } from '../../../host/emulator/index.ts';

/** Browsers make nested timers of 0 ms wait 4 ms; a message to oneself comes at once, after pending input. */
export function pageTimers(): Timers {
  const channel = new MessageChannel();
  const waiting: { run: (() => void) | undefined }[] = [];
  channel.port1.onmessage = () => waiting.shift()?.run?.();
  return {
    now: () => performance.now(),
    after(ms, run) {
      if (ms > 0) {
        const timer = setTimeout(run, ms);
        return () => clearTimeout(timer);
      }
      const entry: { run: (() => void) | undefined } = { run };
      waiting.push(entry);
      channel.port2.postMessage(0);
      return () => {
        entry.run = undefined;
      };
    },
  };
}
