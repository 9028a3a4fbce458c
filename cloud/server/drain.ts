/**
 * Moves clients away before a server ends: one after the other, spread evenly over a time, so that their reconnections do
 * not come as a storm (docs/operations.md, "Stopping and restarting").
 */

const tickMs = 20;

/**
 * Calls `leave` for each of these, evenly spread over `overMs`; resolves when the last has been called. At `cut` the
 * rest is left to the caller at once.
 */
export function spread<One>(
  all: Iterable<One>,
  overMs: number,
  leave: (one: One) => void,
  cut?: AbortSignal,
): Promise<void> {
  const waiting = [...all];
  const total = waiting.length;
  if (overMs <= 0 || cut?.aborted) return Promise.resolve();
  const startedAt = performance.now();
  let left = 0;
  return new Promise((resolve) => {
    const end = () => {
      clearInterval(timer);
      cut?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setInterval(() => {
      const passed = Math.min(1, (performance.now() - startedAt) / overMs);
      for (const due = Math.floor(total * passed); left < due; left++) leave(waiting[left]!);
      if (passed === 1) end();
    }, tickMs);
    cut?.addEventListener('abort', end);
  });
}
